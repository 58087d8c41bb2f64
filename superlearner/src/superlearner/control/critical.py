"""Which processes the platform needs to live: killing them takes `force`."""

from __future__ import annotations

from typing import Any, Final

import otp
from otp import Pid

__all__ = ["CRITICAL", "is_critical"]

CRITICAL: Final = frozenset({"main", "superlearner", "services", "playground", "web", "live", "store"})
"""Their registered names."""


def is_critical(pid: Pid) -> bool:
    """Whether the platform needs this process; what started its root supervisor counts, too."""
    root = otp.trace.node_of(pid).whereis("superlearner")
    if root is None:  # somebody else's node
        return False
    name: Any = otp.process_info(pid, "registered_name")
    return (type(name) is str and name in CRITICAL) or pid in (otp.process_info(root, "links") or ())
