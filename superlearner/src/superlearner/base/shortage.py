"""What this machine can run out of: then nothing is wrong with us or with what was asked, and it works another time."""

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
    errno.ENOSPC: "room on the disk",
    errno.EDQUOT: "room on the disk that the platform may use",
}


def shortage_of(error: BaseException) -> str | None:
    """What there is too little of, if an error says that.

    >>> import errno
    >>> from superlearner.base.shortage import shortage_of
    >>> shortage_of(OSError(errno.ENOSPC, "No space left on device")), shortage_of(ValueError("no port"))
    ('room on the disk', None)
    """
    return WORDS.get(error.errno or 0) if isinstance(error, OSError) else None
