"""Failures on purpose: each simulation is a process under the supervisor `simulations`, bounded, and can be cancelled.

What one does stands in its process dictionary, so that it is read without asking it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final, Literal

import otp
from otp import ChildSpec, Down, DynamicSupervisor, GenServer, Node, NoReply, Ok, Pid, Stop, Supervisor, impl
from superlearner.control.critical import is_critical
from superlearner.control.relations import descendants_of
from superlearner.control.steer import NotThere, hold
from superlearner.control.terms import plain_pid
from superlearner.control.tree import supervisor_state

__all__ = ["MOST", "NAME", "Plan", "Simulation", "begin", "cancel", "known", "running"]

NAME: Final = "simulations"
MOST: Final = 20
"""Simulations at once."""

KEY: Final = "simulation"
TICKS_PER_S: Final = 10
MOST_BELOW: Final = 10_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What a simulation does to `target`; `done` counts what it has done so far.

    `crash`: an exit signal `reason` after `delay` s. `slow`: the target handles nothing for `duration` s. `flood`:
    `message` `count` times, `per_second`. `chaos`: for `duration` s somebody below the target ends, `per_second`.
    """

    kind: Literal["crash", "slow", "flood", "chaos"]
    target: Pid
    reason: str = "kill"
    delay: float = 0.0
    duration: float = 0.0
    count: int = 0
    per_second: float = 1.0
    message: Any = None
    done: int = 0


class Simulation(GenServer[Plan]):
    """Carries out one plan, and ends with it or with its target."""

    @impl
    async def init(self, plan: Plan) -> Ok[Plan]:
        otp.process_flag("trap_exit", True)
        otp.monitor(plan.target)
        otp.put(KEY, plan)
        match plan.kind:
            case "crash":
                otp.send_after(plan.delay, self.pid, "end")
            case "slow":
                await hold(plan.target)
                otp.send_after(plan.duration, self.pid, "end")
            case "flood":
                otp.send(self.pid, "tick")
            case "chaos":
                otp.send_after(plan.duration, self.pid, "end")
                otp.send_after(1 / plan.per_second, self.pid, "tick")
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
                return NoReply(self._noted(self._end_somebody(plan)))
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

    def _end_somebody(self, plan: Plan) -> Plan:
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
        if plan.kind == "slow" and otp.is_alive(plan.target):
            await otp.sys.resume(plan.target)


def _harmless(plan: Plan) -> Sequence[Pid]:
    """Whom chaos may end: workers below the target that the platform can do without."""
    node = otp.trace.node_of(plan.target)
    below = islice(descendants_of(node, plan.target), MOST_BELOW)
    return [pid for pid, _ in below if supervisor_state(pid) is None and not is_critical(pid)]


async def begin(node: Node, plan: Plan) -> Pid:
    """Start a simulation; it has taken hold when this returns.

    Raises:
        StartError: `"max_children"`, or why it does not take hold.
    """
    above = await _simulations(node)
    spec = Simulation.child_spec(plan, restart="temporary")
    return await DynamicSupervisor.start_child(above, spec)


async def _simulations(node: Node) -> Pid:
    """Their supervisor; the first simulation brings it."""
    found = node.whereis(NAME)
    if found is not None:
        return found
    spec: ChildSpec = DynamicSupervisor.child_spec(name=NAME, id=NAME, max_children=MOST)
    try:
        return await Supervisor.start_child(("services", node), spec)
    except otp.AlreadyStarted as error:
        return error.pid


def running(node: Node) -> list[tuple[Pid, Plan]]:
    """The simulations that run, the first one first."""
    above = node.whereis(NAME)
    state = None if above is None else supervisor_state(above)
    found: list[tuple[Pid, Plan]] = []
    for record in () if state is None else state.children:
        pid: Pid = record.pid
        plan = (otp.process_info(pid, "dictionary") or {}).get(KEY)
        if isinstance(plan, Plan):
            found.append((pid, plan))
    return found


async def cancel(node: Node, text: str) -> Plan:
    """End a simulation by its pid; what it held goes on. Raises NotThere."""
    pid, plan = known(node, text)
    await DynamicSupervisor.terminate_child((NAME, node), pid)
    return plan


def known(node: Node, text: str) -> tuple[Pid, Plan]:
    """A simulation that runs, by its pid. Raises NotThere."""
    for pid, plan in running(node):
        if plain_pid(pid) == text.strip("<>"):
            return pid, plan
    raise NotThere("process", f"{text} that simulates something")
