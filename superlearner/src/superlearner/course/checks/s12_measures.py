"""Measurements of session 12: lines, the same crashes on a monitor by hand and on a supervisor, endless restarts."""

# Messages, states and children have no type here.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final, Self

import otp
from otp import GenServer, NoReply, Ok, Stop, Supervisor, impl
from otp.testing import advance
from superlearner.agents.by_hand.agent_monitor import AgentMonitor
from superlearner.agents.by_hand.process_agent import ProcessAgent
from superlearner.agents.with_otp.agent_server import AgentServer
from superlearner.course.engine.code_lines import lines_of
from superlearner.course.engine.exercise import scenario
from superlearner.course.engine.scenario import Scenario

BY_HAND: Final = "by hand"
WITH_OTP: Final = "with OTP"

PARTS: Final = {
    "supervision": (("by_hand.agent_monitor",), ("with_otp.agent_supervisor",)),
    "agents, and questions to them": (("by_hand.process_agent", "by_hand.asking"), ("with_otp.agent_server",)),
    "names": (("by_hand.agent_registry",), ()),
}
"""The modules of the framework, by what they do. OTP has names itself."""


@scenario("s12.m1")
async def lines(s: Scenario) -> str:
    """Count lines of code by hand and with OTP."""
    totals = {BY_HAND: 0, WITH_OTP: 0}
    for part, modules in PARTS.items():
        for side, names in zip(totals, modules, strict=True):
            count = sum(lines_of(f"superlearner.agents.{name}") for name in names)
            totals[side] += count
            s.figure(f"Lines for {part}", count, of=side)
    for side, count in totals.items():
        s.figure("Lines in all", count, of=side)
    return f"{totals[BY_HAND]} lines of code by hand, {totals[WITH_OTP]} with OTP"


Find = Callable[[], Awaitable[otp.Pid | None]]


@scenario("s12.m2")
async def crashes(s: Scenario) -> str:
    """The same crashes on a monitor by hand and on a supervisor."""
    limits: dict[str, Any] = {"max_restarts": 5, "max_seconds": 60}
    monitor = s.name(await AgentMonitor.start_link(max_restarts=5), "monitor")
    ann = await AgentMonitor.start_agent(monitor, "ann")
    by_hand = await pause(s, ann, lambda: ProcessAgent.crash(ann, "boom"), "ann")
    s.figure("Pause before a restart", by_hand, "s", BY_HAND)
    supervisor = s.name(await supervised(["ann"], **limits), "supervisor")
    child_ann = await child(supervisor, "ann")
    assert child_ann is not None
    with_otp = await pause(s, child_ann, lambda: otp.exit(child_ann, "boom"), "ann (OTP)")
    s.figure("Pause before a restart", with_otp, "s", WITH_OTP)
    s.stop_tracing()

    slow = {
        BY_HAND: 1 + await survived(lambda: watched(monitor, "ann"), 6, 60),
        WITH_OTP: 1 + await survived(lambda: child(supervisor, "ann"), 6, 60),
    }
    for side, count in slow.items():
        s.figure("Restarts after 7 crashes, one a minute", count, of=side)
    await AgentMonitor.stop(monitor)
    await stop(supervisor)

    monitor, supervisor = await AgentMonitor.start_link(max_restarts=5), await supervised(["ann"], **limits)
    await AgentMonitor.start_agent(monitor, "ann")
    for side, find, owner in (
        (BY_HAND, lambda: watched(monitor, "ann"), monitor),
        (WITH_OTP, lambda: child(supervisor, "ann"), supervisor),
    ):
        s.figure("Restarts after 7 crashes, one a second", await survived(find, 7, 1), of=side)
        s.figure("After that, it", "goes on without ann" if otp.is_alive(owner) else "gives up", of=side)
    await AgentMonitor.stop(monitor)

    s.figure("Restarts when the first of 3 that need each other crashes", await started_again_by_hand(), of=BY_HAND)
    s.figure(
        "Restarts when the first of 3 that need each other crashes", await started_again("rest_for_one"), of=WITH_OTP
    )
    return (
        f"of seven crashes, one a minute, the monitor restarts {slow[BY_HAND]} and the supervisor all {slow[WITH_OTP]}"
    )


async def supervised(names: list[str], **options: Any) -> otp.Pid:
    """Return a supervisor of agents that is not linked to this process."""
    supervisor = await Supervisor.start_link_children(
        [AgentServer.child_spec(name, id=name) for name in names], **options
    )
    otp.unlink(supervisor)
    return supervisor


async def stop(supervisor: otp.Pid) -> None:
    """End a supervisor, and wait for it."""
    otp.exit(supervisor, "shutdown")
    await otp.wait_down(supervisor)


async def watched(monitor: otp.Pid, name: str) -> otp.Pid | None:
    """Return the agent of a monitor; None if it does not run."""
    return dict(await AgentMonitor.list_agents(monitor)).get(name)


async def child(supervisor: otp.Pid, id: str) -> otp.Pid | None:
    """Return the child of a supervisor; None if it does not run."""
    if not otp.is_alive(supervisor):
        return None
    found = {one.id: one.pid for one in await Supervisor.which_children(supervisor)}.get(id)
    return found if isinstance(found, otp.Pid) else None


async def pause(s: Scenario, agent: otp.Pid, crash: Callable[[], object], name: str) -> float:
    """Crash an agent; return the time until another process, called the same, runs in its place."""
    s.name(agent, name)
    since = s.mark()
    crash()
    await advance(1)
    ended = next(event for event in s.trace.lifecycle(since) if event.kind == "exited" and event.pid == agent)
    begun = next(event for event in s.trace.lifecycle(since) if event.kind == "spawned")
    assert begun.pid is not None
    s.name(begun.pid, name)
    return round((begun.at - ended.at) / 1e9, 3)


async def survived(find: Find, crashes: int, apart: float) -> int:
    """Crash an agent again and again; return how often it was started again."""
    count = 0
    for _ in range(crashes):
        pid = await find()
        if pid is None:
            break
        otp.exit(pid, "boom")
        await otp.wait_down(pid)
        await advance(apart)
        count += await find() is not None
    return count


NAMES: Final = ["store", "cache", "index"]


async def started_again_by_hand() -> int:
    """Crash the first of three agents of a monitor; return how many are new processes."""
    monitor = await AgentMonitor.start_link()
    for name in NAMES:
        await AgentMonitor.start_agent(monitor, name)
    before = dict(await AgentMonitor.list_agents(monitor))
    otp.exit(before[NAMES[0]], "boom")
    await advance(1)
    after = dict(await AgentMonitor.list_agents(monitor))
    await AgentMonitor.stop(monitor)
    return sum(after[name] != before[name] for name in NAMES)


async def started_again(strategy: str) -> int:
    """Crash the first of three children of a supervisor; return how many are new processes."""
    supervisor = await supervised(NAMES, strategy=strategy)
    before = {name: await child(supervisor, name) for name in NAMES}
    first = before[NAMES[0]]
    assert first is not None
    otp.exit(first, "boom")
    await advance(1)
    after = {name: await child(supervisor, name) for name in NAMES}
    await stop(supervisor)
    return sum(after[name] != before[name] for name in NAMES)


class Unlucky(GenServer[None]):
    """A worker that crashes 100 ms after each start."""

    @impl
    def init(self, arg: None) -> Ok[None]:
        otp.send_after(0.1, otp.self(), "connect")
        return Ok(arg)

    @impl
    def handle_info(self, message: Any, state: None) -> NoReply[None] | Stop:
        return Stop("no_connection", state)


class Reports(logging.Handler):
    """Counts the reports of crashes inside a `with`, which go nowhere else meanwhile."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.count = 0
        self._log = logging.getLogger("otp")
        self._propagated = self._log.propagate

    def __enter__(self) -> Self:
        self._log.propagate = False
        self._log.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._log.removeHandler(self)
        self._log.propagate = self._propagated

    def emit(self, record: logging.LogRecord) -> None:
        """Count a report."""
        self.count += 1


LONG_S: Final = 600
NO_LIMIT: Final = 1_000_000


@scenario("s12.m3")
async def restarts(s: Scenario) -> str:
    """A worker that crashes 100 ms after each start: 3 restarts in 5 seconds, and ten minutes without a limit."""
    found: dict[str, int] = {}
    for side, limit in (("3 restarts in 5 s", 3), ("no limit, for 10 minutes", NO_LIMIT)):
        starts = Starts(s if limit != NO_LIMIT else None)
        if limit == NO_LIMIT:
            s.stop_tracing()
        with Reports() as reports:
            supervisor = await Supervisor.start_link_children(
                [otp.ChildSpec(id="worker", start=(starts.start,))], max_restarts=limit, max_seconds=5
            )
            otp.unlink(s.name(supervisor, "supervisor"))
            begun = otp.monotonic()
            if limit == NO_LIMIT:
                await advance(LONG_S)
                ends: float | str = "still restarting"
            else:
                await otp.wait_down(supervisor)
                ends = round(otp.monotonic() - begun, 3)
            found[side] = starts.count - 1
            s.figure("Restarts", found[side], of=side)
            s.figure("Error reports in the log", reports.count, of=side)
            s.figure("Gives up after", ends, "s" if isinstance(ends, float) else "", side)
            if otp.is_alive(supervisor):
                await stop(supervisor)
    few, many = found.values()
    return f"{many:,} restarts in 10 minutes without a limit; with it, {few} restarts and then the supervisor gives up"


class Starts:
    """Counts the starts of a child, and names its processes in a scenario."""

    def __init__(self, named_in: Scenario | None) -> None:
        self.count = 0
        self._named_in = named_in

    async def start(self) -> otp.Pid:
        """Start the worker."""
        self.count += 1
        pid = await Unlucky.start_link(None)
        return pid if self._named_in is None else self._named_in.name(pid, "worker")
