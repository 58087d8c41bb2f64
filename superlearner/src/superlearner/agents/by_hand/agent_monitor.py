"""A monitor of agents: starts them, and starts those again that end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import otp
from otp import AlreadyStarted, Down, ExitSignal, Pid, Ref
from superlearner.agents.by_hand.asking import answer, ask
from superlearner.agents.by_hand.process_agent import ProcessAgent

__all__ = ["AgentMonitor", "Policy"]

Policy: TypeAlias = Literal["always", "transient", "never"]


@dataclass(slots=True)
class Watched:
    """An agent: its process, and how it was started. `pid` is None while it waits for its restart."""

    pid: Pid | None
    ref: Ref | None
    config: dict[str, Any] | None
    restart_count: int = 0


@dataclass(slots=True)
class Monitor:
    """The state of a monitor."""

    restart_policy: Policy
    max_restarts: int
    max_seconds: float | None
    delay: float
    agents: dict[Any, Watched] = field(default_factory=dict[Any, Watched])
    restarts: list[float] = field(default_factory=list[float])
    """Times of all restarts within `max_seconds`."""


async def serve(parent: Pid, monitor: Monitor) -> None:
    """Run a monitor until it is stopped, or gives up."""
    otp.process_flag("trap_exit", True)
    while True:
        match await otp.receive():
            case ("stop",):
                await end_all(monitor)
                return
            case ExitSignal(pid=pid, reason=reason) if pid is parent:
                await end_all(monitor)
                otp.exit(reason)
            case message:
                await handle(monitor, message)


async def handle(monitor: Monitor, message: Any) -> None:
    """Handle one message; unknown ones change nothing."""
    agents = monitor.agents
    match message:
        case ("start_agent", name, config, from_, ref):
            if name in agents:
                answer(from_, ref, ("error", agents[name].pid))
            else:
                try:
                    take(monitor, name, await ProcessAgent.start_link(name, **config), config)
                except otp.AlreadyRegistered as taken:
                    answer(from_, ref, ("error", taken.pid))
                except otp.Exit as failed:  # it has to register, and there is no registry
                    answer(from_, ref, ("failed", failed.reason))
                else:
                    answer(from_, ref, ("ok", agents[name].pid))
        case ("monitor_agent", name, pid, config, from_, ref):
            if name in agents:
                answer(from_, ref, ("error", agents[name].pid))
            else:
                otp.link(pid)
                take(monitor, name, pid, config)
                answer(from_, ref, ("ok", pid))
        case ("unmonitor_agent", name, stop, from_, ref):
            let_go(monitor, name, stop)
            answer(from_, ref, "ok")
        case ("list_agents", from_, ref):
            answer(from_, ref, sorted((name, one.pid) for name, one in agents.items() if one.pid is not None))
        case ("status", from_, ref):
            answer(from_, ref, status_of(monitor))
        case Down(ref=ref, reason=reason):
            for name in [name for name, one in agents.items() if one.ref == ref]:
                await ended(monitor, name, reason)
        case ("restart", name, of):
            if name in agents and agents[name] is of:
                await restart(monitor, name)
        case _:
            pass


def take(monitor: Monitor, name: Any, pid: Pid, config: dict[str, Any] | None) -> None:
    """Begin to watch an agent."""
    monitor.agents[name] = Watched(pid, otp.monitor(pid), config)


def let_go(monitor: Monitor, name: Any, stop: bool) -> None:
    """Watch an agent no more, and stop it if that is wanted."""
    one = monitor.agents.pop(name, None)
    if one is None or one.pid is None or one.ref is None:
        return
    otp.demonitor(one.ref, flush=True)
    otp.unlink(one.pid)
    if stop:
        ProcessAgent.stop(one.pid)


def needs_restart(policy: Policy, reason: Any) -> bool:
    """Return whether an agent that ended with a reason is started again."""
    match reason:
        case "normal" | "shutdown" | ("shutdown", _):
            return policy == "always"
        case _:
            return policy != "never"


async def ended(monitor: Monitor, name: Any, reason: Any) -> None:
    """Decide what becomes of an agent that has ended."""
    one = monitor.agents[name]
    if not needs_restart(monitor.restart_policy, reason):
        del monitor.agents[name]
    elif monitor.max_seconds is None and one.restart_count >= monitor.max_restarts:
        del monitor.agents[name]  # the rule of the source: a number for its whole life
    elif monitor.max_seconds is not None and is_too_often(monitor, monitor.max_seconds):
        del monitor.agents[name]
        await end_all(monitor)
        otp.exit("shutdown")
    else:
        one.pid = one.ref = None
        otp.send_after(monitor.delay, otp.self(), ("restart", name, one))


def is_too_often(monitor: Monitor, window: float) -> bool:
    """Count a restart; return whether it is one too many within the window, as for a supervisor."""
    now = otp.monotonic()
    monitor.restarts = [*(at for at in monitor.restarts if now - at <= window), now]
    return len(monitor.restarts) > monitor.max_restarts


async def restart(monitor: Monitor, name: Any) -> None:
    """Start an agent again, with what it was started with first."""
    one = monitor.agents[name]
    one.restart_count += 1
    try:
        one.pid = await ProcessAgent.start_link(name, **(one.config or {}))
    except (otp.AlreadyRegistered, otp.Exit):
        del monitor.agents[name]
    else:
        one.ref = otp.monitor(one.pid)


async def end_all(monitor: Monitor) -> None:
    """End all agents with the reason `shutdown`, the youngest first."""
    for one in reversed(monitor.agents.values()):
        if one.pid is not None:
            otp.exit(one.pid, "shutdown")
            await otp.wait_down(one.pid)
    monitor.agents.clear()


def status_of(monitor: Monitor) -> dict[str, Any]:
    """Return the status for `AgentMonitor.status`."""
    agents = {name: {"pid": one.pid, "restart_count": one.restart_count} for name, one in monitor.agents.items()}
    return {
        "agent_count": len(agents), "restart_policy": monitor.restart_policy, "max_restarts": monitor.max_restarts,
        "agents": agents,
    }  # fmt: skip


class AgentMonitor:
    """The client functions of a monitor.

    `always` starts an agent again after every end, `transient` not after `normal`, `shutdown` and `("shutdown", …)`,
    `never` not at all. With `max_seconds=None`, the rule of the source, an agent is dropped after `max_restarts`
    restarts in its whole life. With a number, the rule of OTP, the restarts of all agents within so many seconds
    count, and one more ends the agents and the monitor.

    >>> import otp
    >>> async def main():
    ...     monitor = await AgentMonitor.start_link(delay=0)
    ...     ann = await AgentMonitor.start_agent(monitor, "ann", memory={"a": 1})
    ...     ProcessAgent.crash(ann, "boom")
    ...     await otp.wait_down(ann)
    ...     status = await AgentMonitor.status(monitor)
    ...     return status["agents"]["ann"]["pid"] != ann
    >>> otp.run(main)
    True
    """

    @staticmethod
    async def start_link(
        *, restart_policy: Policy = "always", max_restarts: int = 5, max_seconds: float | None = None,
        delay: float = 0.1,
    ) -> Pid:  # fmt: skip
        """Start a monitor, linked to the caller; `delay` is the time before a restart, in seconds."""
        return otp.spawn_link(serve, otp.self(), Monitor(restart_policy, max_restarts, max_seconds, delay))

    @staticmethod
    async def stop(monitor: Pid) -> None:
        """End a monitor and its agents, and wait for it."""
        otp.unlink(monitor)
        otp.send(monitor, ("stop",))
        await otp.wait_down(monitor)

    @staticmethod
    async def start_agent(
        monitor: Pid, name: Any, *, memory: Mapping[Any, Any] | None = None, register: bool = False
    ) -> Pid:
        """Start an agent and watch it.

        Raises:
            AlreadyStarted: there is one of the name.
            Exit: it has to register, and no registry runs.
        """
        return _started(await ask(monitor, "start_agent", name, {"memory": memory, "register": register}))

    @staticmethod
    async def monitor_agent(monitor: Pid, name: Any, pid: Pid, config: dict[str, Any] | None = None) -> None:
        """Watch an agent that runs; `config` are the arguments of its restarts. Raises `otp.AlreadyStarted`."""
        _started(await ask(monitor, "monitor_agent", name, pid, config))

    @staticmethod
    async def unmonitor_agent(monitor: Pid, name: Any, *, stop_agent: bool = False) -> None:
        """Watch an agent no more."""
        await ask(monitor, "unmonitor_agent", name, stop_agent)

    @staticmethod
    async def list_agents(monitor: Pid) -> list[tuple[Any, Pid]]:
        """Return names and pids of the agents that run, sorted."""
        return await ask(monitor, "list_agents")

    @staticmethod
    async def status(monitor: Pid) -> dict[str, Any]:
        """Return `agent_count`, `restart_policy`, `max_restarts`, and `agents` with `pid` and `restart_count`."""
        return await ask(monitor, "status")


def _started(answered: tuple[str, Any]) -> Pid:
    match answered:
        case ("ok", pid):
            return pid
        case ("failed", reason):
            raise otp.Exit(reason)
        case (_, pid):
            raise AlreadyStarted(pid)
