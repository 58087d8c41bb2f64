"""The cookie of a data directory: any program that can read it is a member of that directory's cluster."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path
from typing import Final

__all__ = ["COOKIE_FILE", "CookieError", "read_cookie", "read_or_make_cookie"]

COOKIE_FILE: Final = "cookie"
COOKIE_BYTES: Final = 32
LONGEST: Final = 1000
SHORTEST: Final = 16
UNWAITED: Final = getattr(os, "O_NONBLOCK", 0)
"""A flag for opening the cookie file: a pipe that another user has planted must not block the start."""


class CookieError(OSError):
    """The cookie is unusable, or others could read it; the text says what to try."""


def read_cookie(path: Path) -> str | None:
    """Return the cookie in a file, None if there is no file.

    Raises:
        CookieError: it cannot be read, others can read it, or it is no cookie.
    """
    return _read(path, 0)


def _read(path: Path, flags: int) -> str | None:
    try:
        with open(os.open(path, os.O_RDONLY | flags), "rb") as file:
            found = os.fstat(file.fileno())
            text = file.read(LONGEST + 1) or b""  # None: a pipe that is empty
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CookieError(f"the cookie {path} cannot be read: {error.strerror or error}") from None
    mode = stat.S_IMODE(found.st_mode)
    if os.name == "posix" and found.st_uid != os.geteuid():  # only root can read it, and its owner knows it
        raise CookieError(
            f"the cookie {path} belongs to user {found.st_uid}: expected a file of this user; "
            "try another data directory, or a copy"
        )
    if mode & 0o077 and os.name == "posix":
        raise CookieError(f"the cookie {path} can be read by others (mode {mode:04o}); try: chmod 600 {path}")
    cookie = text.strip()
    if len(text) > LONGEST or len(cookie) < SHORTEST or not cookie.isascii() or b"\n" in cookie:
        raise CookieError(
            f"the cookie {path} has to be one line of {SHORTEST} to {LONGEST} ASCII characters; "
            "remove the file to get a new one, and copy it to the other members"
        )
    return cookie.decode()


def read_or_make_cookie(folder: Path) -> str:
    """Return the cookie of a data directory; create both if there is none.

    Several programs may do this at once: all of them return the same cookie.

    Raises:
        CookieError: as for `read_cookie`, or the file cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     first = read_or_make_cookie(Path(folder))
    ...     first == read_or_make_cookie(Path(folder))
    True
    """
    path = folder / COOKIE_FILE
    found = _read(path, UNWAITED)
    if found is not None:
        return found
    draft = folder / f"{COOKIE_FILE}.{secrets.token_hex(8)}"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with open(descriptor, "w", encoding="ascii") as file:
                file.write(f"{secrets.token_urlsafe(COOKIE_BYTES)}\n")
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):  # another program was faster
                os.link(draft, path)
        finally:
            draft.unlink()
    except OSError as error:
        raise CookieError(
            f"the cookie {path} cannot be written: {error.strerror or error}; try --data-dir FOLDER"
        ) from None
    made = _read(path, UNWAITED)
    if made is None:
        raise CookieError(f"the cookie {path} was removed while it was being created; try again")
    return made
