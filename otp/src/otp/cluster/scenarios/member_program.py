"""The program of a real member of a scenario, started by `RealMembers` with the number of its end of a socket.

It carries out the steps that arrive there, a line each. Its transport loses and delays frames on request. The program
ends with that socket. What it records goes to a file at once, so that nothing is missing after SIGKILL.
"""

# Lines hold terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, TextIO

from otp.behaviours.server.child_spec import Children
from otp.behaviours.supervisor.supervisor import Supervisor
from otp.cluster.cluster import Cluster, membership_of
from otp.cluster.discovery import Folder
from otp.cluster.leases import LeaseStore
from otp.cluster.opening import real_carrier
from otp.cluster.scenarios.actors import Actors
from otp.cluster.scenarios.lines import LIMIT, read_line, write_line
from otp.cluster.scenarios.scenario import Program, Scenario, ScenarioError
from otp.cluster.scenarios.stores import open_store
from otp.cluster.simulation.history import Event, History
from otp.cluster.simulation.recording import RecordedTransport
from otp.cluster.simulation.simulated_leases import STORE, SimulatedLeases
from otp.cluster.simulation.view import plain_view
from otp.distribution import NodeId, Settings, TransportEvents
from otp.distribution.faults import Cut, Delay, Drop, Fault, Heal
from otp.kernel.steps.node import Node

_PR_SET_PDEATHSIG: Final = 1
__all__ = ["FileHistory", "fault_of", "main"]


def fault_of(given: tuple[str, Any, Any]) -> Cut | Drop | Delay | Heal:
    """Return the fault of `(kind, node, value)`: what a member does with frames that come from a node.

    >>> fault_of(("drop", "n2", 0.5))
    Drop(node='n2', share=0.5, direction='from')
    """
    kind, node, value = given
    if kind == "cut":
        return Cut(node, "from")
    if kind == "drop":
        return Drop(node, value, "from")
    return Heal(node) if kind == "heal" else Delay(node, value, value, "from")


class FileHistory(History):
    r"""A history whose events are written to a file.

    >>> import io
    >>> FileHistory(lambda: 1.5, file := io.StringIO()).add("n1", "opened", table=("registry", "rooms"))
    >>> file.getvalue()
    "(1.5, 'n1', 'opened', {'table': ('registry', 'rooms')})\n"
    """

    def __init__(self, now: Any, file: TextIO) -> None:
        super().__init__(now)
        self._file = file

    def append(self, event: Event) -> None:
        """Write an event."""
        write_line(self._file, tuple(event))


class _FaultyTransport(RecordedTransport):
    """A transport with faults from its first frame on."""

    faults: Sequence[Fault] = ()

    async def start(self, events: TransportEvents) -> None:
        self._loop = asyncio.get_running_loop()
        for fault in self.faults:
            self.inject(fault)
        await super().start(events)


class _Member:
    """A running member: its cluster, the processes that act in it, and the skew of its clock."""

    def __init__(self, given: dict[str, Any]) -> None:
        self.scenario = Scenario(
            "", [], [], Settings(**given["settings"]), given["settle"],
            given["program"] and Path(given["program"]), given["children"],
        )  # fmt: skip
        self.program = Program(self.scenario)
        self.skew: float = given["skew"]
        self.way: float | None = 0.0
        """Seconds to the store of leases, or None while it is cut off."""
        self.given = given
        self.actors: Actors
        self.transport: _FaultyTransport

    async def join(self, node: Node, history: History) -> int:
        """Join the others of the scenario, start the children, and return the incarnation."""
        for fault in self.given["faults"]:
            if fault[1] == STORE:
                self._fault(fault)
        given, settings = self.given, self.scenario.settings
        members = Folder(Path(given["folder"], "members"))
        create = real_carrier(
            given["cookie"].encode(), settings, listen="127.0.0.1", connect=(), discovery=[members], tls=None
        )

        def carrier(me: NodeId) -> Any:
            made: Any = create(me)
            made.transport, made.history = self._transport, history
            return made

        cluster = await Cluster.join(
            node, cookie=given["cookie"], discovery=members, allow=self.program.allow, settings=settings,
            settle=self.scenario.settle, incarnations=Path(given["folder"], f"incarnation-{node.name}"),
            carrier=carrier, clock=lambda: time.time() + self.skew, leases=self._store(),
        )  # fmt: skip
        self.actors = Actors(cluster, self.program)
        if forms := self.program.children(node.name):
            await node.start(Supervisor, Children(forms))
        return cluster.distribution.transport.me.creation

    def _store(self) -> LeaseStore | None:
        """Return the store of leases as this member reaches it."""
        if not (given := self.given["leases"]):
            return None
        return SimulatedLeases(open_store(given), lambda: self.way, self.scenario.settings.heartbeat / 4)

    def _fault(self, given: tuple[str, str, Any]) -> None:
        kind, node, value = given
        if node != STORE:
            self.transport.inject(fault_of(given))
        elif kind == "cut" or (kind == "drop" and value == 1):
            self.way = None
        else:
            self.way = value if kind == "delay" else 0.0

    def _transport(self, *given: Any) -> _FaultyTransport:
        self.transport = _FaultyTransport(*given)
        self.transport.faults = [fault_of(fault) for fault in self.given["faults"] if fault[1] != STORE]
        return self.transport

    async def do(self, verb: str, given: Any) -> Any:
        """Carry out a command of the stage."""
        if verb == "act":
            return tuple(await self.actors.do(given))
        if verb == "ended":
            return self.actors.ended(given)
        if verb == "fault":
            return self._fault(given)
        if verb == "skew":
            self.skew = given
            return None
        if verb == "stop":
            await self.actors.cluster.leave()
            await self.actors.cluster.node.close()
            return self.actors.all_ended()
        return self._look(given)

    def _look(self, others: list[tuple[str, int]]) -> dict[str, Any]:
        """Return the plain view, and what a comparison needs: unsettled tables, and others with whom it may connect."""
        view, membership = self.actors.view(), membership_of(self.actors.cluster)
        ids = [NodeId(*other) for other in others]
        return plain_view(view) | {
            "lost": list(view.lost),
            "unsettled": [table.table for table in membership.shared if table.unsettled()],
            "again": [id.name for id in ids if membership.tries_again(id)],
            "apart": [id.name for id in ids if membership.is_apart(id)],
        }


def _open(path: str) -> TextIO:
    return Path(path).open("a", encoding="utf-8", buffering=1)


async def _run(number: int) -> None:
    reader, writer = await asyncio.open_connection(sock=socket.socket(fileno=number), limit=LIMIT)
    given = await read_line(reader)
    if given is None:
        return
    member, doing = _Member(given), set[asyncio.Task[None]]()

    async def answer(number: int, verb: str, given: Any) -> None:
        try:
            result = await member.do(verb, given)
        except Exception as error:
            result = {"failed": f"{type(error).__name__}: {error}"[:500]}
        write_line(writer, (number, result))

    with _open(given["history"]) as file:
        history = FileHistory(lambda: time.monotonic() - given["began"], file)
        async with Node(given["name"]) as node:
            try:
                write_line(writer, (0, await member.join(node, history)))
            except Exception as error:
                words = str(error) if isinstance(error, ScenarioError) else f"member {node.name} did not start: {error}"
                write_line(writer, (0, {"failed": words[:500]}))
                await writer.drain()
                return
            while (line := await read_line(reader)) is not None:
                task = asyncio.ensure_future(answer(*line))
                doing.add(task)
                task.add_done_callback(doing.discard)


def main() -> None:
    """Run until the socket ends, or the program of the stage, even if that is killed while this one is stopped."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    asyncio.run(_run(int(sys.argv[1])))
    os._exit(0)  # a program of a scenario may have started threads


if __name__ == "__main__":
    main()
