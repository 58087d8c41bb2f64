"""Deliberate failures: cancellable processes under the supervisor `simulations`.

They run among the platform's services, or on the hidden node beside an attached node, whose users see only
their own processes. Each simulation stores its plan in its process dictionary, so reading it takes no message.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final, Literal

import otp
from otp import ChildSpec, Down, DynamicSupervisor, GenServer, Node, NoReply, Ok, Pid, Stop, Supervisor, impl, observer
from superlearner.control.names import is_critical
from superlearner.control.relations import descendants_of
from superlearner.control.steer import NotThere, hold
from superlearner.control.terms import plain_pid
from superlearner.control.tree import supervisor_state

__all__ = [
    "MOST",
    "NAME",
    "OF_THE_NODE",
    "Kind",
    "Only",
    "Plan",
    "Simulation",
    "begin",
    "cancel",
    "find_simulation",
    "hold_the_loop",
    "id_of",
    "running",
]

NAME: Final = "simulations"
MOST: Final = 20
"""Limit of concurrent simulations."""

KEY: Final = "simulation"
HELD: Final = "simulation_holds"
TICKS_PER_S: Final = 10
MOST_BELOW: Final = 10_000


@dataclass(frozen=True, slots=True)
class Only:
    """The messages that a fault affects, as in `otp.observer.mailbox`; default: all."""

    kind: observer.SentKind | None = None
    tag: str | None = None
    search: str = ""


MEBIBYTE: Final = 1 << 20
STEP_MB: Final = 16

Kind = Literal["crash", "slow", "flood", "chaos", "crash_next", "drop", "delay", "slow_callbacks", "hang", "memory"]
FAULTS: Final[dict[Kind, observer.FaultKind]] = {
    "crash_next": "crash",
    "drop": "drop",
    "delay": "delay",
    "slow_callbacks": "slow",
}
"""Simulations implemented as a runtime fault, which is active while they run."""
OF_THE_NODE: Final = frozenset[Kind]({"hang", "memory"})
"""Simulations of a whole node; the target only determines when they end."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A simulation's effect on `target`; `done` counts its actions so far.

    `crash`: an exit signal `reason` after `delay` s. `slow`: the target handles nothing for `duration` s. `flood`:
    `message` `count` times, `per_second`. `chaos`: for `duration` s processes below the target end, `per_second`.

    For `duration` s at most: `crash_next` ends the target with `reason` at its next message; `drop` loses, `delay`
    delays by `pause` s the next `times` messages; `slow_callbacks` lets each callback wait `pause` s. `only` says which
    messages. `hang` holds the loop of the node for `duration` s; `memory` takes `megabytes` of it and keeps them.
    """

    kind: Kind
    target: Pid
    reason: str = "kill"
    delay: float = 0.0
    duration: float = 0.0
    count: int = 0
    per_second: float = 1.0
    message: Any = None
    pause: float = 0.0
    times: int | None = None
    only: Only = Only()
    megabytes: int = 0
    done: int = 0


class Simulation(GenServer[Plan]):
    """A process that carries out one plan and ends with it or with its target."""

    @impl
    async def init(self, plan: Plan) -> Ok[Plan]:
        otp.process_flag("trap_exit", True)
        otp.monitor(plan.target)
        otp.put(KEY, plan)
        match plan.kind:
            case "crash":
                otp.send_after(plan.delay, self.pid, "end")
            case "slow":
                await hold(plan.target, by="a simulation")
                otp.send_after(plan.duration, self.pid, "end")
            case "flood":
                otp.send(self.pid, "tick")
            case "chaos":
                otp.send_after(plan.duration, self.pid, "end")
                otp.send_after(1 / plan.per_second, self.pid, "tick")
            case "hang":
                otp.send(self.pid, "tick")
            case "memory":
                otp.put(HELD, [])
                otp.send_after(plan.duration, self.pid, "end")
                otp.send(self.pid, "tick")
            case "crash_next" | "drop" | "delay" | "slow_callbacks":
                otp.put(HELD, _inject(plan, self.pid))
                otp.send_after(plan.duration, self.pid, "end")
        return Ok(plan)

    @impl
    def handle_info(self, message: Any, plan: Plan) -> NoReply[Plan] | Stop:
        match message, plan.kind:
            case ("end", "crash"):
                otp.exit(plan.target, plan.reason)
                return Stop("normal", plan)
            case ("tick", "flood"):
                return self._flood(plan)
            case ("tick", "chaos"):
                return NoReply(self._noted(self._end_one_at_random(plan)))
            case ("tick", "hang"):
                hold_the_loop(plan.duration)
                return Stop("normal", plan)
            case ("tick", "memory"):
                return NoReply(self._allocate(plan))
            case (Down() | "end", _):
                return Stop("normal", plan)
            case _:
                return NoReply(plan)

    def _flood(self, plan: Plan) -> NoReply[Plan] | Stop:
        batch = min(plan.count - plan.done, max(1, round(plan.per_second / TICKS_PER_S)))
        for _ in range(batch):
            otp.send(plan.target, plan.message)
        now = self._noted(replace(plan, done=plan.done + batch))
        if now.done >= now.count:
            return Stop("normal", now)
        otp.send_after(batch / plan.per_second, self.pid, "tick")
        return NoReply(now)

    def _allocate(self, plan: Plan) -> Plan:
        step = min(STEP_MB, plan.megabytes - plan.done)
        otp.get(HELD).append(bytearray(step * MEBIBYTE))  # zeroed, so that the pages are really allocated
        if plan.done + step < plan.megabytes:
            otp.send(self.pid, "tick")
        return self._noted(replace(plan, done=plan.done + step))

    def _end_one_at_random(self, plan: Plan) -> Plan:
        otp.send_after(1 / plan.per_second, self.pid, "tick")
        victims = _harmless(plan)
        if not victims:
            return plan
        otp.exit(otp.random.choice(victims), plan.reason)
        return replace(plan, done=plan.done + 1)

    def _noted(self, plan: Plan) -> Plan:
        otp.put(KEY, plan)
        return plan

    @impl
    async def terminate(self, reason: Any, plan: Plan) -> None:
        if plan.kind in FAULTS:
            otp.get(HELD).heal()
        if plan.kind == "slow" and otp.is_alive(plan.target):
            await otp.sys.resume(plan.target, by="a simulation")


def _inject(plan: Plan, simulation: Pid) -> observer.InjectedFault:
    """Inject a fault that sends the simulation `"end"` when its messages are used up."""
    only = plan.only
    return observer.inject(
        otp.trace.node_of(plan.target),
        plan.target,
        FAULTS[plan.kind],
        kind=only.kind,
        tag=only.tag,
        search=only.search,
        times=plan.times,
        seconds=plan.pause,
        reason=plan.reason,
        ended=lambda: otp.send(simulation, "end"),
    )


def hold_the_loop(seconds: float) -> None:
    """Block the loop, as a callback that never waits does."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass


def _harmless(plan: Plan) -> Sequence[Pid]:
    """Return the processes that chaos may end: non-critical workers below the target."""
    node = otp.trace.node_of(plan.target)
    below = islice(descendants_of(node, plan.target), MOST_BELOW)
    return [pid for pid, _ in below if supervisor_state(pid) is None and not is_critical(pid)]


async def begin(home: Node, plan: Plan) -> Pid:
    """Start a simulation and return once it takes effect.

    Args:
        home: the node of the platform to run on, in the program of the target.
        plan: the simulation to run.

    Raises:
        StartError: `"max_children"`, or the reason why it has no effect.
    """
    above = await _simulations(home)
    spec = Simulation.child_spec(plan, restart="temporary")
    return await DynamicSupervisor.start_child(above, spec)


async def _simulations(home: Node) -> Pid:
    """Return the supervisor of simulations; start it if necessary."""
    found = home.whereis(NAME)
    if found is not None:
        return found
    if home.whereis("services") is None:  # a hidden node beside an attached node
        return await home.start(DynamicSupervisor, {"max_children": MOST}, name=NAME)
    spec: ChildSpec = DynamicSupervisor.child_spec(name=NAME, id=NAME, max_children=MOST)
    try:
        return await Supervisor.start_child(("services", home), spec)
    except otp.AlreadyStarted as error:
        return error.pid


def running(home: Node, node: Node) -> list[tuple[Pid, Plan]]:
    """Return the simulations on `home` that target `node`, oldest first."""
    above = home.whereis(NAME)
    state = None if above is None else supervisor_state(above)
    found: list[tuple[Pid, Plan]] = []
    for record in () if state is None else state.children:
        pid: Pid = record.pid
        kept = otp.process_info(pid, "dictionary") or {}
        plan = kept.get(KEY)
        if isinstance(plan, Plan) and otp.trace.node_of(plan.target) is node:
            found.append((pid, replace(plan, done=kept[HELD].hits) if plan.kind in FAULTS else plan))
    return found


async def cancel(home: Node, node: Node, text: str) -> Plan:
    """End a simulation by its id and release its target. Raises NotThere."""
    pid, plan = find_simulation(home, node, text)
    await DynamicSupervisor.terminate_child((NAME, home), pid)
    return plan


def find_simulation(home: Node, node: Node, text: str) -> tuple[Pid, Plan]:
    """Return a running simulation by its id. Raises NotThere."""
    for pid, plan in running(home, node):
        if id_of(pid) == text:
            return pid, plan
    raise NotThere("process", f"{text} that simulates something")


def id_of(pid: Pid) -> str:
    """Return a simulation's id; its pid could be another process of the target's node."""
    return f"sim-{plain_pid(pid).split('.')[1]}"
