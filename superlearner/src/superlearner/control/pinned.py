"""Pinned processes, found after restarts by name or place in a supervisor."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from typing import Any

import otp
from otp import Node, Pid
from superlearner.control.slots import DYNAMIC, id_text
from superlearner.control.steer import MalformedPid, NotThere, resolve
from superlearner.control.tree import supervisor_state

__all__ = ["pinned"]


def pinned(node: Node, pins: Iterable[str]) -> list[tuple[str, Pid | None]]:
    """Return each pin with its current process, or None while there is none.

    A pin is a list in JSON: `["name", "ledger"]`, `["child", "shop_sup", "ledger"]` or `["pid", "0.17.0"]`.
    """
    return [(pin, _process(node, pin)) for pin in pins]


def _process(node: Node, pin: str) -> Pid | None:
    parts: Any = None
    with contextlib.suppress(ValueError, RecursionError):
        parts = json.loads(pin)
    match parts:
        case ["name", str(name)]:
            return node.whereis(name)
        case ["pid", str(text)]:
            return _living(node, text)
        case ["child", str(supervisor), str(child_id)]:
            return _child(node, supervisor, child_id)
        case _:
            return None


def _living(node: Node, text: str) -> Pid | None:
    try:
        return resolve(node, text)
    except (NotThere, MalformedPid):
        return None


def _child(node: Node, supervisor: str, child_id: str) -> Pid | None:
    above = _living(node, supervisor)
    state = None if above is None else supervisor_state(above)
    if state is None or state.strategy in DYNAMIC:
        return None
    for record in state.children:
        if id_text(record.id) == child_id:
            return record.pid if record.pid is not None and otp.is_alive(record.pid) else None
    return None
