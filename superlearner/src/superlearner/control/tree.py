"""Supervision trees of a node as `Slot` values, read from the supervisors' tables.

Reading sends no message and never waits, so a tree is a consistent snapshot even while a child is starting.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from itertools import islice
from typing import Any, Final

import otp
from otp import Node, Pid
from otp.observer import tree as tables
from otp.observer.reading import suspension_of
from superlearner.control.clock import Clock
from superlearner.control.names import display_name, is_critical, registered_name
from superlearner.control.reasons import is_crash, own_frame, place_text
from superlearner.control.slots import (
    DYNAMIC,
    MAX_CHILDREN,
    Budget,
    LastExit,
    Slot,
    Suspended,
    id_text,
    key_part,
    window_of,
)
from superlearner.control.terms import clip, plain_pid, requester_text
from superlearner.control.wrong_results import reason_of_last, unwrapped_start

__all__ = ["TreeReader", "place_of", "record_of", "short_what", "supervisor_state", "trees_at", "what_of"]

MAX_DEPTH: Final = 30
MAX_TIMES: Final = 64

log = logging.getLogger(__name__)


def record_of(pid: Pid) -> Any:
    """Return the supervisor's record of a process; None if it is not a child."""
    process: Any = pid
    return tables.record_of(process)


def supervisor_state(pid: Pid) -> Any:
    """Return a supervisor's table; None if it is starting, has ended or is not a supervisor."""
    process: Any = pid
    return tables.supervisor_state(process) if otp.is_alive(pid) else None


def place_of(pid: Pid) -> str | None:
    """Return the ids from the root to a supervisor, joined by `/`; None while one of them starts.

    The root is identified by name or else pid, as is a child of a dynamic supervisor.
    """
    parts: list[str] = []
    process: Any = pid
    while tables.is_child(process):
        record = tables.record_of(process)
        if record is None:
            return None
        parts.append(plain_pid(process) if record.id is None else key_part(record.id))
        process = otp.process_info(process, "parent")
    parts.append(key_part(registered_name(process) or plain_pid(process)))
    return "/".join(reversed(parts))


class TreeReader:
    """A reader of slots.

    Args:
        clock: for the times in the slots.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def root(self, pid: Pid) -> Slot:
        """Return the slot of a root with everything below it."""
        name = display_name(pid)
        part = key_part(registered_name(pid) or plain_pid(pid))
        return self._of_process(pid, id=name or plain_pid(pid), part=part, kind="supervisor", depth=MAX_DEPTH)

    def process(self, pid: Pid) -> Slot:
        """Return the slot of an unsupervised process, with its tree if a supervisor."""
        shown, name = plain_pid(pid), display_name(pid)
        kind = "worker" if supervisor_state(pid) is None else "supervisor"
        known = name or f"{what_of(pid)} {shown}".strip()
        return self._of_process(pid, id=known, part=shown, kind=kind, depth=MAX_DEPTH)

    def child(self, supervisor: Pid, pid: Pid) -> Slot | None:
        """Return the slot of one child with everything below it, or None if it is unknown."""
        state = supervisor_state(supervisor)
        if state is None or otp.process_info(pid, "parent") is not supervisor:
            return None
        record = record_of(pid)
        if record is None:
            return None
        return self._of_record(record, dynamic=state.strategy in DYNAMIC, depth=MAX_DEPTH)

    def supervisor(self, pid: Pid, depth: int = 0) -> Slot | None:
        """Return a supervisor's slot with `depth` levels below it, or None if it is not a supervisor."""
        state = supervisor_state(pid)
        if state is None:
            return None
        name, part = display_name(pid) or plain_pid(pid), key_part(registered_name(pid) or plain_pid(pid))
        return self._of_process(pid, id=name, part=part, kind="supervisor", depth=depth)

    def children(self, pid: Pid, offset: int, limit: int) -> tuple[list[Slot], int]:
        """Return a range of a supervisor's children, without descendants, and the total."""
        state = supervisor_state(pid)
        if state is None:
            return [], 0
        dynamic = state.strategy in DYNAMIC
        records = islice(iter(state.children), offset, offset + limit)
        return [self._row(record, dynamic, 0) for record in records], len(state)

    def _of_record(self, record: Any, *, dynamic: bool, depth: int) -> Slot:
        pid: Pid | None = record.pid
        if pid is not None and not otp.is_alive(pid):
            pid = None
        last = None
        if pid is None and record.unstarted is not None:
            at, reason = record.unstarted
            place = own_frame(unwrapped_start(reason))
            where = None if place is None else place_text(place)
            last = LastExit(self.clock.wall(at), reason_of_last(record.old, reason), True, start=True, where=where)
        elif record.last_at:
            reason = record.last_reason
            told = reason_of_last(record.pid, reason, record.old)
            last = LastExit(self.clock.wall(record.last_at), told, is_crash(reason))
        facts: dict[str, Any] = {
            "kind": record.spec.type,
            "restart": record.spec.restart,
            "last": last,
            "restarts": record.restarts,
            "restarted_along": record.restarted_along,
            "restarting": record.restarting,
        }
        if dynamic:
            shown = plain_pid(pid if pid is not None else record.old)
            facts |= {"id": _dynamic_id(pid, record, shown), "part": shown}
        else:
            facts |= {"id": id_text(record.id), "part": key_part(record.id)}
        if pid is not None:
            return self._of_process(pid, depth=depth, **facts)
        return Slot(pid=None, name=None, what=_what_of_spec(record), **facts)

    def _of_process(self, pid: Pid, *, depth: int, **facts: Any) -> Slot:
        name = display_name(pid)
        facts |= {"pid": plain_pid(pid), "name": name, "what": what_of(pid), "critical": is_critical(pid)}
        facts["suspended"] = self._suspended(pid)
        state = supervisor_state(pid)
        if state is None:
            return Slot(**facts)
        facts |= {"strategy": state.strategy, "budget": self._budget(state), "child_count": len(state)}
        if depth > 0:
            dynamic = state.strategy in DYNAMIC
            records = islice(iter(state.children), MAX_CHILDREN)
            facts["children"] = tuple(self._row(record, dynamic, depth - 1) for record in records)
        return Slot(**facts)

    def _row(self, record: Any, dynamic: bool, depth: int) -> Slot:
        """Return the slot of one child; an unreadable child must not hide the others."""
        try:
            return self._of_record(record, dynamic=dynamic, depth=depth)
        except Exception:
            log.exception("a child could not be read; this is a bug in SuperLearner, please report it")
            return Slot("unreadable", f"unreadable-{id(record):x}", None, None, "worker", "unreadable")

    def _suspended(self, pid: Pid) -> Suspended | None:
        process: Any = pid
        found = suspension_of(process)
        return None if found is None else Suspended(self.clock.wall(round(found[0] * 1e9)), requester_text(found[1]))

    def _budget(self, state: Any) -> Budget | None:
        if state.max_restarts == "infinity":
            return None
        used = state.used(round(otp.monotonic() * 1e9))
        skip = max(0, len(state.restarts) - min(MAX_TIMES, used))
        times = tuple(self.clock.wall(at) for at in islice(state.restarts, skip, None))
        return Budget(used, state.max_restarts, window_of(state.max_seconds), times)


def trees_at(node: Node, reader: TreeReader, *, most: int = 1_000) -> list[Slot]:
    """Return the current supervision trees of a node, at most `most` slots.

    Whole branches beyond the limit are left out.
    """
    supervisors = [pid for pid in node.processes() if supervisor_state(pid) is not None]
    known = set(supervisors)
    found = [reader.root(pid) for pid in supervisors if otp.process_info(pid, "parent") not in known]
    left = most - len(found)

    def cut(slot: Slot) -> Slot:
        nonlocal left
        kept = slot.children[: max(0, left)]
        left -= len(kept)
        return replace(slot, children=tuple(cut(child) for child in kept))

    return [cut(slot) for slot in found[:most]]


def what_of(pid: Pid) -> str:
    """Return the short name of the class or function that a process runs."""
    found = otp.process_info(pid, "initial_call")
    return "" if found is None else short_what(str(found))


def short_what(what: str) -> str:
    """Return the short name of a class or function."""
    return clip(what.rpartition(".<locals>.")[2], 200)


def _dynamic_id(pid: Pid | None, record: Any, shown: str) -> str:
    name = None if pid is None else display_name(pid)
    return name or f"{_what_of_spec(record) if pid is None else what_of(pid)} {shown}"


def _what_of_spec(record: Any) -> str:
    modules: Any = record.spec.modules
    if isinstance(modules, tuple) and modules and isinstance(modules[0], type):  # pyright: ignore[reportUnknownArgumentType]
        return id_text(modules[0])
    return ""  # only a start function is known: its name does not tell what it starts
