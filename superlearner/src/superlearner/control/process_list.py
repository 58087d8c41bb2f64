"""The process list in pages, with each row's data from its supervisor."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

import otp
from otp import Node, Pid
from otp.observer.reading import summary_of, waiting_at
from otp.observer.tree import is_child
from superlearner.control.listing import IDLE, ProcessFilter, Work, find
from superlearner.control.look import convert_summary, doing
from superlearner.control.names import display_name
from superlearner.control.slots import DYNAMIC, id_text
from superlearner.control.terms import clip, plain_pid
from superlearner.control.tree import record_of, supervisor_state

__all__ = ["Line", "Sort", "lines_of", "list_processes"]

Line = dict[str, Any]
Born = Callable[[Pid], "float | None"]

Sort = Literal[
    "pid", "-pid", "name", "-name", "type", "-type", "what", "-what", "status", "-status",
    "mailbox", "-mailbox", "links", "-links", "monitors", "-monitors", "supervisor", "-supervisor",
    "restarts", "-restarts", "age", "-age", "messages", "-messages", "callback", "-callback",
]  # fmt: skip
"""Sort columns of the process list; a leading `-` reverses the order."""


def unknown(pid: Pid) -> None:
    """Return None: start times were not recorded."""
    del pid


async def list_processes(
    node: Node, wanted: ProcessFilter, *, page: int, per_page: int, work: Work = IDLE, born: Born = unknown
) -> tuple[list[Line], int]:
    """Return one page of the matching processes, and how many match.

    Large sets are examined in steps between which the loop runs. `work` and `born` as for `lines_of`.
    """
    found = await find(node, wanted, work)
    start = (page - 1) * per_page
    return lines_of((pid for pid in found[start : start + per_page] if otp.is_alive(pid)), work, born), len(found)


def lines_of(pids: Iterable[Pid], work: Work = IDLE, born: Born = unknown) -> list[Line]:
    """Return a row for each process; processes that have ended are marked.

    Args:
        pids: a few dozen at most.
        work: measurements of activity, if there are any.
        born: returns the start time of a process, None if it is unknown.
    """
    living = list(pids)
    records = _records_of(living)
    return [_make_row(pid, records.get(pid), work, born) for pid in living]


def _make_row(pid: Any, record: Any, work: Work, born: Born) -> Line:
    summary = summary_of(pid)
    parent = summary.parent if is_child(pid) else None
    messages, busy = work.of(pid)
    return {
        **convert_summary(summary),
        "supervisor": None if parent is None else plain_pid(parent),
        "supervisor_name": None if parent is None else display_name(parent),
        "child_id": None if record is None or record.id is None else id_text(record.id),
        "restarts": None if record is None else record.restarts,
        "started_at": born(pid),
        "current_function": _doing(pid),
        "messages_per_s": round(messages, 1),
        "callback_percent": round(busy, 1),
    }


def _records_of(pids: Iterable[Pid]) -> dict[Pid, Any]:
    """Return the supervisors' records of these; read each supervisor's table once."""
    wanted: dict[Pid, set[Pid]] = {}
    for pid in pids:
        process: Any = pid
        if is_child(process):
            parent: Any = otp.process_info(pid, "parent")
            wanted.setdefault(parent, set()).add(pid)
    found: dict[Pid, Any] = {}
    for parent, children in wanted.items():
        state = supervisor_state(parent)
        if state is not None and state.strategy in DYNAMIC:
            found |= {pid: record for pid in children if (record := record_of(pid)) is not None}
            continue
        left = len(children)
        for record in () if state is None else state.children:
            if record.pid in children:
                found[record.pid] = record
                left -= 1
                if not left:
                    break
    return found


def _doing(pid: Any) -> str | None:
    """Return the running callback, or the function in which a coroutine waits."""
    extra: Any = getattr(pid, "ext", None)
    callback = None if extra is None else extra.callback
    places = waiting_at(pid, 6)
    if callback is not None:
        return clip(doing(str(callback), places), 200)
    return clip(doing(places[0].function.rpartition(".<locals>.")[2], places), 200) if places else None
