"""Names of processes, and the processes that the platform needs."""

from __future__ import annotations

from typing import Any

import otp
from otp import Pid
from otp.observer.reading import kind_of
from otp.sentences import process_name
from superlearner.control.protection import protection_of
from superlearner.control.slots import id_text

__all__ = ["display_name", "has_critical_children", "is_critical", "is_unsupervised", "registered_name"]


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


def display_name(pid: Pid) -> str | None:
    """Return the name of a process for readers: its registered name, else its class and `Registry.via` key.

    None without either. `resolve` finds a process by this name.
    """
    return process_name(pid)


def is_critical(pid: Pid) -> bool:
    """Return whether a process is the platform's own; on its node, all but those below the playground are."""
    found = protection_of(otp.trace.node_of(pid))
    return found is not None and found.covers(pid)


def has_critical_children(supervisor: Pid) -> bool:
    """Return whether the children of a supervisor are critical, also those that do not run."""
    found = protection_of(otp.trace.node_of(supervisor))
    return found is not None and found.covers_children(supervisor)


def is_unsupervised(pid: Any) -> bool:
    """Return whether no supervisor started a process, which may have ended; the platform's own are left out."""
    above = pid.parent
    return (above is None or kind_of(above) != "supervisor") and not is_critical(pid)
