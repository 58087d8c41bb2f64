"""Names of processes, and the processes that the platform needs."""

from __future__ import annotations

from typing import Any, Final

import otp
from otp import Pid
from superlearner.control.slots import id_text

__all__ = ["CRITICAL", "is_critical", "registered_name"]

CRITICAL: Final = frozenset({"main", "superlearner", "services", "playground", "web", "live", "store"})
"""Registered names of processes that the platform cannot do without: killing them requires `force`."""


def registered_name(pid: Pid) -> str | None:
    """Return the registered name of a process as `id_text` formats it, or None.

    >>> async def main():
    ...     otp.register("till", otp.self())
    ...     return registered_name(otp.self())
    >>> otp.run(main)
    'till'
    """
    name = otp.process_info(pid, "registered_name")
    return None if name is None else id_text(name)


def is_critical(pid: Pid) -> bool:
    """Return whether the platform needs a process; its root's starter counts, too."""
    root = otp.trace.node_of(pid).whereis("superlearner")
    if root is None:  # not a node of this platform
        return False
    name: Any = otp.process_info(pid, "registered_name")
    return (type(name) is str and name in CRITICAL) or pid in (otp.process_info(root, "links") or ())
