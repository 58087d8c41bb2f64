"""Names of processes, and the processes that the platform needs."""

from __future__ import annotations

import otp
from otp import Pid
from otp.sentences import process_name
from superlearner.control.protection import protection_of
from superlearner.control.slots import id_text
from superlearner.control.terms import is_a

__all__ = ["display_name", "has_critical_children", "is_critical", "last_name", "registered_name"]


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


def last_name(pid: Pid) -> str | None:
    """Return the registered name of a process, also of one that has ended, by the events of its node; None without."""
    node = otp.trace.node_of(pid)
    if not is_a(node, otp.Node):
        return None
    events = (one for one in reversed(otp.trace.history(node)) if one.pid is pid)
    found = (one.data.get("name") for one in events if one.kind in ("exited", "spawned"))
    name = next((one for one in found if one), None)
    return name if type(name) is str else registered_name(pid)


def is_critical(pid: Pid) -> bool:
    """Return whether a process is the platform's own; on its node, all but those below the playground are."""
    found = protection_of(otp.trace.node_of(pid))
    return found is not None and found.covers(pid)


def has_critical_children(supervisor: Pid) -> bool:
    """Return whether the children of a supervisor are critical, also those that do not run."""
    found = protection_of(otp.trace.node_of(supervisor))
    return found is not None and found.covers_children(supervisor)
