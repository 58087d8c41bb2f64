"""What a process is called."""

from __future__ import annotations

import otp
from otp import Pid
from superlearner.control.slots import id_text

__all__ = ["registered_name"]


def registered_name(pid: Pid) -> str | None:
    """The registered name of a process as people read it, as `id_text` has it; None if it has none.

    >>> async def main():
    ...     otp.register("till", otp.self())
    ...     return registered_name(otp.self())
    >>> otp.run(main)
    'till'
    """
    name = otp.process_info(pid, "registered_name")
    return None if name is None else id_text(name)
