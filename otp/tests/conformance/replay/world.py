"""The processes of one scenario: their names, references, sleeps, and what the driver still waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import otp
from otp import Node, Pid, Ref
from replay.trace import Log

GHOSTS = 3
"""Dead processes kept ready: a key that was never started stands for one of them."""


@dataclass(frozen=True)
class Owner:
    """The supervisor incarnation under which a process is started."""

    name: str
    dynamic: bool


Table = dict[str, Callable[["World", dict[str, Any]], Any]]
"""What each operation does: takes the world and the step, gives a value or an awaitable of one."""


class World:
    """The state of one running scenario on one node."""

    def __init__(self, node: Node, table: Table) -> None:
        self.node = node
        self.table = table
        self.log = Log(self)
        self._incarnations: dict[str, int] = {}
        self._by_name: dict[str, Pid] = {}
        self._latest: dict[str, Pid] = {}
        self._names: dict[Pid, str] = {}
        self._strands: dict[Pid, str] = {}
        self._supervisors: dict[Pid, Owner] = {}
        self._refs: dict[str, Ref] = {}
        self._labels: dict[Ref, str] = {}
        self._ghosts: list[Pid] = []
        self._sleeping: set[Pid] = set()
        self._operations: dict[object, Pid] = {}
        self._progress: asyncio.Future[None] | None = None
        self._exits = otp.trace.subscribe(node, self._exited, kinds={"exited"})

    def close(self) -> None:
        """Stop listening to the node."""
        self._exits.close()

    # processes

    def enter(
        self, key: str, owner: Owner | None, *, actor: bool = False, dynamic: bool | None = None
    ) -> tuple[str, int]:
        """Name the current process: its key for the first plain process, `key#n` else. Returns name and n.

        `dynamic` is given for a supervisor: are its children started on demand?
        """
        pid = otp.self()
        number = self._incarnations[key] = self._incarnations.get(key, 0) + 1
        name = key if actor and number == 1 else f"{key}#{number}"
        self._name(pid, name, key)
        self._strands[pid] = name if owner is None or owner.dynamic else owner.name
        if dynamic is not None:
            self._supervisors[pid] = Owner(name, dynamic)
        return name, number

    def _name(self, pid: Pid, name: str, key: str) -> None:
        self._names[pid] = name
        self._by_name[name] = pid
        self._latest[key] = pid

    def find(self, key: str) -> Pid | None:
        """The process of an exact name, or the latest of a key; None if there never was one."""
        return self._by_name.get(key) or self._latest.get(key)

    def pid_of(self, key: str) -> Pid:
        """As `find`, but a key that was never started stands for a dead process, `key#0`."""
        pid = self.find(key)
        if pid is None:
            pid = self._ghosts.pop()
            self._name(pid, f"{key}#0", key)
        return pid

    def dest(self, to: Any) -> Any:
        """A destination of a scenario: a name stays a name, a key becomes its pid."""
        return to["name"] if isinstance(to, dict) else self.pid_of(to)

    def only_pid(self, to: Any) -> Any:
        """As `dest`, with names looked up (None for a free one)."""
        return otp.whereis(to["name"]) if isinstance(to, dict) else self.pid_of(to)

    def owner(self, to: Any) -> Owner | None:
        """The supervisor a scenario addresses, if it is one."""
        pid = self.only_pid(to)
        return None if pid is None else self._supervisors.get(pid)

    def name_of_pid(self, pid: Pid) -> str:
        """The name of a process; `?` for those of the harness."""
        return self._names.get(pid, "?")

    def known(self, pids: Any) -> list[Pid]:
        """The scenario's processes among `pids`, sorted by name."""
        return sorted((pid for pid in pids if pid in self._names), key=self.name_of_pid)

    def alive(self) -> list[str]:
        """Names of all living processes of the scenario, sorted."""
        return sorted(name for pid, name in self._names.items() if otp.is_alive(pid))

    def registered(self) -> dict[str, str]:
        """Registered names and who bears them."""
        found = {str(name): otp.whereis(name) for name in otp.registered()}
        return {name: self._names[pid] for name, pid in sorted(found.items()) if pid in self._names}

    async def refill_ghosts(self) -> None:
        """Have dead processes at hand for keys that were never started."""
        while len(self._ghosts) < GHOSTS:
            pid = otp.spawn(lambda: None)
            await otp.wait_down(pid)
            self._ghosts.append(pid)

    # references

    def label(self, label: str, ref: Ref) -> Ref:
        """Give a reference the label by which the scenario speaks of it."""
        self._refs[label] = ref
        self._labels[ref] = label
        return ref

    def ref_of(self, label: str) -> Ref:
        """The reference of a label."""
        return self._refs[label]

    def label_of_ref(self, ref: Ref) -> str:
        """Return the label of a reference; `?` without one."""
        return self._labels.get(ref, "?")

    # what the driver waits for

    def expect(self, pid: Pid) -> object:
        """An operation was given to `pid`; it is over with `done(token)` or with the end of the process."""
        token = object()
        self._operations[token] = pid
        return token

    def done(self, token: object) -> None:
        """An expected operation returned."""
        if self._operations.pop(token, None) is not None:
            self._went_on()

    async def sleep(self, ms: int) -> None:
        """Sleep inside a process under test; the scenario is not idle meanwhile."""
        pid = otp.self()
        self._sleeping.add(pid)
        await asyncio.sleep(ms / 1000)
        self._sleeping.discard(pid)
        self._went_on()

    def busy(self) -> bool:
        """Return whether an operation has not returned or a process sleeps."""
        return bool(self._operations or self._sleeping)

    async def progress(self) -> None:
        """Wait (time may pass) until an operation or a sleep is over."""
        self._progress = asyncio.get_running_loop().create_future()
        await self._progress

    def _went_on(self) -> None:
        if self._progress is not None and not self._progress.done():
            self._progress.set_result(None)

    def _exited(self, event: Any) -> None:
        pid = event.pid
        name = self._names.get(pid)
        if name is None:
            return
        self.log.ended(self._strands.get(pid, name), name, event.data["reason"])
        self._sleeping.discard(pid)
        for token in [token for token, executor in self._operations.items() if executor is pid]:
            del self._operations[token]
        self._went_on()
