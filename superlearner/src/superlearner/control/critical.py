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
    name: Any = otp.process_info(pid, "registered_name")
    if type(name) is str and name in CRITICAL:
        return True
    root = otp.trace.node_of(pid).whereis("superlearner")
    return root is not None and pid in (otp.process_info(root, "links") or ())
