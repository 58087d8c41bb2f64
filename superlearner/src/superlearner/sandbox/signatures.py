"""Inside a sandbox: callbacks in a source whose parameters do not fit."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from otp import Behaviour
from otp.observer.hints import check_signatures
from superlearner.sandbox.scopes import Scopes

__all__ = ["find_wrong_signatures"]


def find_wrong_signatures(scopes: Scopes) -> Iterator[tuple[int, str]]:
    """Yield the first callback of each behaviour that the runtime cannot call; once, where it is inherited."""
    seen: set[tuple[str, int]] = set()
    for node in scopes.nodes:
        cls = scopes.names.get(node.name) if isinstance(node, ast.ClassDef) else None
        if not isinstance(cls, type) or not issubclass(cls, Behaviour):
            continue
        try:
            check_signatures(cls)
        except TypeError as wrong:
            place: tuple[str, int] = getattr(wrong, "otp_place", ("", 0))
            if place[1] and place not in seen:
                seen.add(place)
                yield place[1], re.sub(r" \([^()]*:\d+\)$", "", str(wrong))
