"""Facts that no event reports: mailbox lengths, long-running callbacks, and the children of supervisors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import otp
from otp import Node, Pid
from otp.observer.reading import waiting_at
from superlearner.control.clock import Clock
from superlearner.control.look import doing
from superlearner.control.slots import DYNAMIC, id_text, key_part
from superlearner.control.tree import supervisor_state

__all__ = ["busy_since", "find_hang", "measurements", "parts_of"]


def measurements(
    node: Node, pids: Iterable[str], clock: Clock, allowed: float
) -> tuple[dict[str, int], dict[str, tuple[float, str]]]:
    """Return mailbox lengths, and start and name of callbacks that run for longer than `allowed` seconds, by pid."""
    mailboxes: dict[str, int] = {}
    stuck: dict[str, tuple[float, str]] = {}
    now = clock.now()
    for text in pids:
        pid = node.parse_pid(text)
        waiting = otp.process_info(pid, "message_queue_len") if otp.is_alive(pid) else None
        if waiting is None:
            continue
        mailboxes[text] = waiting
        if (found := find_hang(pid, now, allowed)) is not None:
            stuck[text] = found
    return mailboxes, stuck


def find_hang(pid: Pid, now: float, allowed: float) -> tuple[float, str] | None:
    """Return since when a living process has hung in a callback, and what it does; `now` is wall-clock time.

    A callback hangs after `allowed` seconds, the setting `anomaly_callback`.
    """
    busy = busy_since(pid)
    if busy is None or (seconds := otp.monotonic() - busy[0]) < allowed:
        return None
    return round(now - seconds, 3), _doing(pid, busy[1])


def _doing(pid: Pid, callback: str) -> str:
    """Return what a process does in a callback; a supervisor waits for a child, in code that is not the reader's."""
    process: Any = pid
    state = supervisor_state(pid)
    if state is None:
        return doing(callback, waiting_at(process))
    stopping = set(otp.process_info(pid, "monitors") or ())
    if not stopping:
        return "waiting for a child to start"
    child = None if state.strategy in DYNAMIC else next((one for one in state if one.pid in stopping), None)
    return f"waiting for {'children' if child is None else id_text(child.id)} to stop"


def parts_of(node: Node, supervisor: str) -> frozenset[str] | None:
    """Return the key parts of a supervisor's children; None if it has ended or is a dynamic one."""
    pid = node.parse_pid(supervisor)
    state = supervisor_state(pid) if otp.is_alive(pid) else None
    if state is None or state.strategy in DYNAMIC:
        return None
    return frozenset(key_part(record.id) for record in state.children)


def busy_since(pid: Pid) -> tuple[float, str] | None:
    """Return when a process entered an async callback (scheduler s), and its text."""
    extra: Any = getattr(pid, "ext", None)
    if extra is None or extra.callback is None or not extra.begun:
        return None
    return extra.begun / 1e9, str(extra.callback)
