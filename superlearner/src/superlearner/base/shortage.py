"""Errors of the operating system as text, and resources this machine can run out of.

A shortage is neither a bug nor a bad request: a retry may succeed.
"""

from __future__ import annotations

import errno
from typing import Final

__all__ = ["cause_text", "shortage_of"]

WORDS: Final = {
    errno.EAGAIN: "room for another process",
    errno.EMFILE: "files that the platform may have open",
    errno.ENFILE: "files that may be open at a time",
    errno.ENOMEM: "memory",
    errno.ENOBUFS: "memory for connections",
    errno.ENOSPC: "disk space",
    errno.EDQUOT: "disk space in the platform's quota",
}


def shortage_of(error: BaseException) -> str | None:
    """Return the resource that is short, if an error reports a shortage.

    >>> import errno
    >>> from superlearner.base.shortage import shortage_of
    >>> shortage_of(OSError(errno.ENOSPC, "No space left on device")), shortage_of(ValueError("no port"))
    ('disk space', None)
    """
    return WORDS.get(error.errno or 0) if isinstance(error, OSError) else None


def cause_text(error: BaseException) -> str:
    """Return the text of an error; that of the operating system without its number.

    >>> cause_text(OSError(28, "No space left on device", "/data/x")), cause_text(OSError(111, "Connection refused"))
    ('/data/x: No space left on device', 'Connection refused')
    """
    if isinstance(error, OSError) and error.errno is not None and error.strerror:
        return error.strerror if error.filename is None else f"{error.filename}: {error.strerror}"
    return str(error) or type(error).__name__
