"""Processes that the platform cannot do without: killing them takes `force`."""

from __future__ import annotations

from typing import Any, Final

import otp
from otp import Pid

__all__ = ["CRITICAL", "is_critical"]

CRITICAL: Final = frozenset({"main", "superlearner", "services", "playground", "web", "live", "store"})
"""Their registered names."""


def is_critical(pid: Pid) -> bool:
    """Return whether the platform needs a process; its root's starter counts, too."""
    root = otp.trace.node_of(pid).whereis("superlearner")
    if root is None:  # not a node of this platform
        return False
    name: Any = otp.process_info(pid, "registered_name")
    return (type(name) is str and name in CRITICAL) or pid in (otp.process_info(root, "links") or ())
