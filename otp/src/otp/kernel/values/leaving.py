"""The end of a fork that comes back from the code that forked into its parent's process or event loop.

The event loop shares files with the parent's: closing it in the fork would make the parent deaf. Cleanup of the
parent's processes must not run twice. The fork therefore ends here, without `atexit`, as with `os._exit`.
"""

from __future__ import annotations

import os
import sys
import traceback
from typing import Any, Final, NoReturn

from otp.standard_streams import write_line

CAME_BACK: Final = "a fork came back into the event loop of its parent and was ended; end it with os._exit() or exec\n"

IN_A_FORK: Final = "try otp.run(main) for a node of its own, or multiprocessing.get_context('spawn')"
NONE_IN_FORK: Final = f"the nodes of the process that was forked run there, and none runs in this fork; {IN_A_FORK}"
INTERRUPTED: Final = 130  # exit status of a shell for Ctrl-C


class _Forked:
    """The reason of the signal that a process gets in its own fork; compared by identity."""

    __slots__ = ()


FORKED: Final = _Forked()


def leave_fork(error: BaseException | None = None) -> NoReturn:
    """End this fork with the status that `error` asks for; 1 for other errors and without one, which are printed."""
    status = 1
    try:
        if isinstance(error, SystemExit) and (error.code is None or isinstance(error.code, int)):
            status = error.code or 0
        elif isinstance(error, SystemExit):
            write_line(sys.stderr, f"{error.code}\n")
        elif error is None:
            write_line(sys.stderr, CAME_BACK)
        else:
            status = INTERRUPTED if isinstance(error, KeyboardInterrupt) else 1
            write_line(sys.stderr, "".join(traceback.format_exception(error)))
        write_line(sys.stdout, "")
    finally:
        os._exit(status & 0xFF)


def leave_if_forked(p: Any) -> None:
    """End this fork if a callback of `p` has forked, and has ended on its caller's stack."""
    if getattr(p.signal, "reason", None) is FORKED:
        pending = p.value
        leave_fork(pending[2] if pending.__class__ is tuple and len(pending) == 3 else None)
