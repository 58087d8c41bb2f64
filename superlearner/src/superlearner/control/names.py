"""Names of processes."""

from __future__ import annotations

import otp
from otp import Pid
from superlearner.control.slots import id_text

__all__ = ["registered_name"]


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
