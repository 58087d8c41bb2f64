"""Choosing a member for a key, such that all members choose the same one."""

# Keys are of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from otp.kernel.values.pids import Pid, Ref

__all__ = ["rendezvous", "spread"]


def rendezvous(key: Any, members: Sequence[str]) -> str:
    """Return the member that a hash chooses for a key; if members come or go, few keys move.

    >>> rendezvous("rooms", ["n1", "n2", "n3"]) == rendezvous("rooms", ["n3", "n2", "n1"])
    True
    """
    shown = _write_key(key)

    def weight(member: str) -> bytes:
        return hashlib.blake2b(f"{shown} {member}".encode(errors="replace"), digest_size=8).digest()

    return max(members, key=weight)


def spread(keys: Iterable[Any], load: Mapping[str, int], members: Iterable[str]) -> dict[Any, str]:
    """Return a member for each key: the one with the least load, to which the keys before it are added.

    >>> spread(["w1", "w2", "w3"], {"n1": 2, "n2": 1}, ["n1", "n2"])
    {'w1': 'n2', 'w2': 'n1', 'w3': 'n2'}
    """
    least = [(load.get(member, 0), member) for member in members]
    heapq.heapify(least)
    chosen: dict[Any, str] = {}
    for key in sorted(keys, key=_write_key) if least else ():
        number, chosen[key] = least[0]
        heapq.heapreplace(least, (number + 1, chosen[key]))
    return chosen


def _write_key(key: Any) -> str:
    """Return the same text for equal keys on all members."""
    match key:
        case int() | float():
            return str(hash(key))  # 1, 1.0 and True are one key
        case tuple():
            return f"({', '.join(map(_write_key, key))})"
        case frozenset():
            return f"{{{', '.join(sorted(map(_write_key, key)))}}}"
        case Pid() | Ref():
            return f"<{key.runtime.name} {key.runtime.creation} {key.number}>"
        case _:
            return repr(key)
