"""Resources this machine can run out of.

Such an error is neither a bug nor a bad request: a retry may succeed.
"""

from __future__ import annotations

import errno
from typing import Final

__all__ = ["shortage_of"]

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
