"""Services that are missing: found, reported, and brought back.

A service that crashes is restarted by its supervisor, one that keeps failing by the caretaker (see `keeping`). This
module is for the rest: a slot that was emptied or deleted for good, with `force` and the `admin` scope. Until a service
is back, no process of somebody else can take its name. `Guard` has the state and outlives the processes that use it:
the guardian, below the root, and the caretaker, below `services`. Each brings back the other.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

import otp
from otp import ChildSpec, GenServer, NoReply, Ok, Pid, Supervisor, impl
from otp.trace import Event
from superlearner.app.keeping import CARETAKER, Keeper
from superlearner.control.events import ENDS
from superlearner.control.protection import protection_of, running_process
from superlearner.control.reasons import text_of_reason
from superlearner.control.slots import id_text
from superlearner.control.terms import plain_pid
from superlearner.control.tree import supervisor_state
from superlearner.observing.monitoring import ServiceGap

__all__ = ["GUARDIAN", "Guard", "Guardian"]

GUARDIAN: Final = "guardian"
PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 30.0
START_S: Final = 10.0
log: Final = logging.getLogger(__name__)


class Guard:
    """The children that the platform's own supervisors must have.

    Args:
        keeper: its children rest after they gave up; the caretaker starts them again.
        report: called when a service is still missing after `PAUSE_S`.
    """

    def __init__(self, keeper: Keeper, report: Callable[[], object]) -> None:
        self._keeper = keeper
        self._report = report
        self._expected: dict[str, tuple[Pid, dict[Any, ChildSpec]]] = {}
        self._since: dict[tuple[str, Any, str], float] = {}
        self._subscription: Any = None
        self._waits = False
        self._failures = 0

    def expect(self, supervisor: str, specs: Iterable[ChildSpec]) -> None:
        """Expect these children of the calling supervisor, which has just begun."""
        self._expected[supervisor] = otp.self(), {spec.id: spec for spec in specs}

    def watch(self, node: otp.Node) -> None:
        """Follow the ends of children and new names from now on."""
        self._subscription = otp.trace.subscribe(node, self._on_event, kinds=ENDS | {"registered"})

    def close(self) -> None:
        """Stop, before the platform stops its services in order."""
        if self._subscription is not None:
            self._subscription.close()
        self._subscription = None

    def gaps(self) -> list[ServiceGap]:
        """Return the services that are missing or suspended now, in start order; none while the platform starts."""
        if self._subscription is None:
            return []
        now = time.time()
        found = dict(self._look())
        self._since = {key: self._since.get(key, now) for key in found}
        return [
            ServiceGap(id_text(key[1]), key[0], None if pid is None else plain_pid(pid), self._since[key])
            for key, pid in found.items()
        ]

    def _look(self) -> Iterable[tuple[tuple[str, Any, str], Pid | None]]:
        for supervisor, (above, specs) in self._expected.items():
            state = supervisor_state(above)
            if state is None:  # it starts, or is missing itself
                continue
            records = {record.id: record.pid for record in state.children}
            for id in dict.fromkeys((*specs, *records)):
                pid = records.get(id)
                if pid is None or not otp.is_alive(pid):
                    yield (supervisor, id, "missing"), None
                elif otp.process_info(pid, "status") == "suspended":
                    yield (supervisor, id, "suspended"), pid

    def _on_event(self, event: Event) -> None:
        if event.kind == "registered":
            self._release(event)
        else:
            self._on_end(event)

    def _release(self, event: Event) -> None:
        """Take the name of a service from a process of somebody else; the service could not come back."""
        pid: Any = event.pid
        name = event.data["name"]
        if pid is None or not self._reserves(name):
            return
        node = otp.trace.node_of(pid)
        protection, running = protection_of(node), running_process()  # the parent of one that just starts
        if protection is None:
            return
        if protection.covers(pid) and (running is None or protection.covers_children(running)):
            return
        node.release_name(pid)
        log.warning("%s lost the name %s at once: it is reserved for a service of the platform", plain_pid(pid), name)

    def _reserves(self, name: Any) -> bool:
        return name in self._expected or any(name in specs for _, specs in self._expected.values())

    def _on_end(self, event: Event) -> None:
        above = event.pid
        if above is None or all(above is not one for one, _ in self._expected.values()):
            return
        node = otp.trace.node_of(above)
        helper = node.whereis(GUARDIAN) or node.whereis(CARETAKER)
        if helper is not None:
            otp.send(helper, ("lost", self))

    async def handle(self, message: Any, me: Pid) -> None:
        """Handle a message of this module in the process that received it."""
        match message:
            case ("lost", Guard()):
                if not self._waits and self._subscription is not None and self._missing():
                    self._remind(me)
            case ("tend", Guard()):
                self._waits = False
                if self._subscription is not None:
                    await self._tend(me)
            case _:
                pass

    def begin(self, me: Pid) -> None:
        """Look for services that ended while no helper was there."""
        self._waits = False
        otp.send(me, ("lost", self))

    def _missing(self) -> list[tuple[str, Any]]:
        return [(supervisor, id) for (supervisor, id, kind), _ in self._look() if kind == "missing"]

    def _remind(self, me: Pid) -> None:
        self._waits = True
        pause = min(LONGEST_PAUSE_S, PAUSE_S * 2**self._failures)
        otp.send_after(pause, me, ("tend", self))

    async def _tend(self, me: Pid) -> None:
        missing = self._missing()
        if missing:
            self._report()
        for supervisor, id in missing:
            kept = self._keeper.kept.get((supervisor, id))
            if kept is None or kept.due is None:
                await self._bring_back(supervisor, id)
        if self._missing():
            self._failures = min(self._failures + 1, 10)
            self._remind(me)
        else:
            self._failures = 0

    async def _bring_back(self, supervisor: str, id: Any) -> None:
        above, specs = self._expected[supervisor]
        state = supervisor_state(above)
        known = state is not None and any(record.id == id for record in state.children)
        if not known and id not in specs:  # deleted since
            return
        log.warning("%s is missing; %s starts it again", id_text(id), supervisor)
        try:
            async with asyncio.timeout(START_S):
                await (Supervisor.restart_child(above, id) if known else Supervisor.start_child(above, specs[id]))
        except (otp.StartError, otp.Exit, TimeoutError) as error:
            why = "no answer" if isinstance(error, TimeoutError) else text_of_reason(error.reason)
            log.error("%s did not start again: %s", id_text(id), why)


class Guardian(GenServer[Guard]):
    """Brings back what is missing below the root and `services`; the guard has its state."""

    @impl
    def init(self, guard: Guard) -> Ok[Guard]:
        guard.begin(self.pid)
        return Ok(guard)

    @impl
    async def handle_info(self, message: Any, guard: Guard) -> NoReply[Guard]:
        await guard.handle(message, self.pid)
        return NoReply(guard)
