"""Credentials: the owner's token, one-time sign-in links, and browser sessions.

The token is stored in a file that only the owner can read, for the owner's command line. The server keeps no credential
that could be stolen and used: it stores hashes of the token and of the links, and for sessions only a key derived from
the token. Sessions therefore survive a restart of the platform, and a new token ends all of them.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import re
import secrets
import stat
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from superlearner.base.data_dir import describe_unusable
from superlearner.base.forward_clock import ForwardClock

__all__ = [
    "OWNERS",
    "TOKEN_FILE",
    "Credentials",
    "CredentialsError",
    "SignInSession",
    "read_or_make_token",
    "read_token",
]

TOKEN_FILE: Final = "token"
TOKEN_BYTES: Final = 32
TOKEN_SHAPE: Final = re.compile(r"[A-Za-z0-9._~+/-]{32,1000}=*")  # characters allowed in `Authorization: Bearer`
SESSION_S: Final = 7 * 24 * 3600
LINK_S: Final = 600.0
OPEN_CODES: Final = 16
"""Maximum number of unused links of each holder; when it is exceeded, the holder's oldest is dropped."""

OWNERS: Final = "owner"
"""Holder of the owner's links and sessions; others have the id of a token or a user."""
ENDED_SESSIONS: Final = 4096


@dataclass(frozen=True, slots=True)
class SignInSession:
    """The result of checking a session cookie.

    Attributes:
        worth: `expired` also for a session that was ended: its cookie was valid once, so it is not an attempt to guess.
        holder: `OWNERS`, or the id of the token or user that it belongs to.
        name: id of the session, used to end it.
        until: expiry, in seconds since 1970.
    """

    worth: Literal["right", "expired", "wrong"]
    holder: str = ""
    name: str = ""
    until: float = 0.0


@dataclass(frozen=True, slots=True)
class _Code:
    """The code of a link, by its hash, with its holder and its expiry in seconds since 1970."""

    hash: bytes
    holder: str
    until: float


class CredentialsError(OSError):
    """The token is unusable, or others could read it; the text says what to try."""


class Credentials:
    """The credentials of a running platform.

    Args:
        token: the owner's token; only its hash is kept.
        now: seconds since 1970; times that go back are ignored.

    >>> credentials = Credentials("a" * 43)
    >>> credentials.is_token("a" * 43), credentials.is_token("b" * 43)
    (True, False)
    >>> code = credentials.new_code()
    >>> credentials.redeem(code), credentials.redeem(code)
    ('owner', None)
    """

    def __init__(self, token: str, *, now: Callable[[], float] | None = None) -> None:
        self._token_hash = _hash(token)
        self._session_key = hmac.digest(token.encode(), b"session of a browser", "sha256")
        self._codes: list[_Code] = []
        self._old_codes: deque[_Code] = deque(maxlen=OPEN_CODES)
        self._ended: OrderedDict[str, float] = OrderedDict()
        self.clock = ForwardClock() if now is None else ForwardClock(now, now)

    def is_token(self, given: str) -> bool:
        """Return whether `given` is the owner's token."""
        return hmac.compare_digest(_hash(given), self._token_hash)

    def new_code(self, holder: str = OWNERS, *, seconds: float = LINK_S) -> str:
        """Create a code for a link that signs in once, as `holder`, before it expires."""
        code = secrets.token_urlsafe(TOKEN_BYTES)
        own = [kept for kept in self._codes if kept.holder == holder]
        oldest = own[: max(0, len(own) - OPEN_CODES + 1)]
        made = _Code(_hash(code), holder, self.now() + seconds)
        self._codes = [*(kept for kept in self._codes if kept not in oldest), made]
        return code

    def code_state(self, code: str) -> Literal["ready", "used", "expired", "unknown"]:
        """Return the state of a code; of old codes, only the newest are known."""
        given = _hash(code)
        for kept in self._codes:
            if hmac.compare_digest(given, kept.hash):
                return "expired" if kept.until <= self.now() else "ready"
        for kept in self._old_codes:
            if hmac.compare_digest(given, kept.hash):
                return "used"
        return "unknown"

    def redeem(self, code: str) -> str | None:
        """Use up a code and return its holder; None if it is unknown, has expired, or was used before."""
        given = _hash(code)
        found = [kept for kept in self._codes if kept.until > self.now() and hmac.compare_digest(given, kept.hash)]
        self._codes = [kept for kept in self._codes if kept not in found]
        self._old_codes.extend(found)
        return found[0].holder if found else None

    def new_session(self, holder: str = OWNERS, *, until: float | None = None) -> str:
        """Create a cookie value that signs in for a week, or until an earlier time."""
        ends = self.clock() + SESSION_S
        content = f"{int(ends if until is None else min(ends, until))}.{secrets.token_urlsafe(12)}.{holder}"
        return f"{content}.{self._seal(content)}"

    def session(self, cookie: str) -> SignInSession:
        """Check the cookie of a session."""
        content, _, seal = cookie.rpartition(".")
        if not hmac.compare_digest(self._seal(content).encode(), seal.encode("utf-8", "surrogatepass")):
            return SignInSession("wrong")
        parts = content.split(".")
        if len(parts) != 3:
            return SignInSession("expired")  # sealed by us, before sessions had a holder
        until, name, holder = parts
        over = int(until) <= self.clock() or name in self._ended
        return SignInSession("expired" if over else "right", holder, name, float(until))

    def end_session(self, session: SignInSession) -> None:
        """End a session in all browsers, until the platform restarts."""
        now = self.clock()
        self._ended = OrderedDict((name, until) for name, until in self._ended.items() if until > now)
        self._ended[session.name] = session.until
        if len(self._ended) > ENDED_SESSIONS:
            self._ended.popitem(last=False)

    def now(self) -> float:
        """Return the seconds since 1970."""
        return self.clock()

    def _seal(self, content: str) -> str:
        return hmac.new(self._session_key, content.encode(), "sha256").hexdigest()


def read_token(data_dir: Path) -> str | None:
    """Return the token of this data directory; None if there is none yet.

    Raises:
        CredentialsError: others can read it, or it is not a token.
    """
    found = _read_token(data_dir / TOKEN_FILE)
    return None if found is None else found[0]


def _read_token(path: Path) -> tuple[str, int] | None:
    """Return the token in a file, and the user that the file belongs to."""
    try:
        # As `otp.locked_entries.open_regular`; commands read the token, and `import otp` takes longer than they may
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        return None
    except NotADirectoryError as error:
        raise CredentialsError(describe_unusable(path.parent, error)) from None
    except OSError as error:
        raise CredentialsError(f"the token {path} cannot be read: {error.strerror or error}") from None
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        raise CredentialsError(f"expected a file at {path}, got something else; remove it")
    with open(descriptor, encoding="utf-8", errors="replace") as file:
        if os.name == "posix" and found.st_mode & 0o077:
            mode = stat.S_IMODE(found.st_mode)
            raise CredentialsError(
                f"others can read the token {path}: expected the mode 0600, got {mode:04o}; "
                "delete it, and the next start creates a new one"
            )
        token = file.read(2000).strip()
    if TOKEN_SHAPE.fullmatch(token) is None:
        raise CredentialsError(
            f"expected 32 or more letters, digits and marks in {path}, got something else ({len(token)} characters); "
            "delete it, and the next start creates a new one"
        )
    return token, found.st_uid


def read_or_make_token(data_dir: Path) -> str:
    """Return the token of this data directory; create it if there is none.

    The caller must hold the directory's lock.

    Raises:
        CredentialsError: as for :func:`read_token`, or the file cannot be written.
    """
    path = data_dir / TOKEN_FILE
    known = _read_token(path)
    if known is not None:
        token, owner = known
        # Only root can read another user's token, and that user knows it.
        if os.name == "posix" and owner != os.geteuid():
            raise CredentialsError(
                f"the token {path} belongs to user {owner}: expected a file of this user; "
                "try another data directory, or delete the file, and the next start creates a new one"
            )
        return token
    token = secrets.token_urlsafe(TOKEN_BYTES)
    draft = data_dir / f"{TOKEN_FILE}.new"  # renamed when complete, so no reader sees half a token
    try:
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(f"{token}\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise CredentialsError(f"the token {path} cannot be written: {error.strerror or error}") from None
    return token


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
