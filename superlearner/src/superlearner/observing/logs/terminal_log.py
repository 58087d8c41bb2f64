"""The log on the terminal: levels, format and muted loggers."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Callable, Generator
from typing import Final

from superlearner.observing.logs.formats import JsonFormatter, TextFormatter
from superlearner.observing.logs.kills import FewKills, as_error
from superlearner.observing.logs.line import IsToken
from superlearner.observing.logs.out_of_descriptors import OutOfDescriptors
from superlearner.settings.settings import Settings

__all__ = ["ACCESS", "TerminalLog", "explained_once"]

ACCESS: Final = "superlearner.access"
"""Logger of requests; the setting `access_log` alone enables it, at any level."""

DECISIONS: Final = "otp.supervisor"
REPORTS: Final = ("otp", DECISIONS)
END_OF_A_SANDBOX: Final = "not_restarted", "sandboxes"
FAILED_TREE: Final = "not_started", "playground"
"""A decision, and the supervisor of the platform that makes it."""

LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}
NOISY: Final = (
    "aiosqlite", "alembic", "asyncio", "asyncpg", "concurrent", "h11", "httpcore", "httpx", "markdown_it", "mcp",
    "multipart", "opentelemetry", "sqlalchemy", "urllib3", "uvicorn", "websockets",
)  # fmt: skip
"""Verbose libraries, of which only warnings and errors are logged."""


@contextlib.contextmanager
def explained_once(level: str) -> Generator[None]:
    """Silence the reports of a start whose failure the caller explains, unless `level` is `debug` or `info`."""
    reports = logging.getLogger("otp")
    before = reports.level
    if level in ("warning", "error"):
        reports.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        reports.setLevel(before)


class TerminalLog:
    """Log handlers of a program; `close` restores the previous ones.

    Args:
        settings: returns the current settings.
        is_secret: returns whether a word is a credential, which must not be logged.
        of_platform: true in the platform's own program, whose `sandboxes` supervisor is the platform's.
    """

    def __init__(
        self, settings: Callable[[], Settings], is_secret: IsToken | None = None, *, of_platform: bool = False
    ) -> None:
        self._settings = settings
        self._quiet = REPORTS if of_platform else ()
        self._text, self._json = TextFormatter(is_secret), JsonFormatter(is_secret)
        self._handler = logging.StreamHandler(sys.stderr)
        self._handler.addFilter(FewKills())
        self._access = logging.StreamHandler(sys.stderr)
        self._seldom = OutOfDescriptors()
        self._before: dict[str, int] = {}

    def open(self) -> None:
        """Start logging."""
        root = logging.getLogger()
        self._before = {name: logging.getLogger(name).level for name in ("", ACCESS, *NOISY)}
        root.addHandler(self._handler)
        logging.getLogger(ACCESS).addHandler(self._access)
        logging.getLogger(ACCESS).setLevel(logging.INFO)
        logging.getLogger("uvicorn.error").addFilter(_is_no_refused_handshake)
        logging.getLogger("asyncio").addFilter(self._seldom)
        for name in self._quiet:
            logging.getLogger(name).addFilter(_is_unreported)
        logging.getLogger(DECISIONS).addFilter(as_error)
        for name in NOISY:
            logging.getLogger(name).setLevel(logging.WARNING)
        self.adopt()

    def adopt(self) -> None:
        """Apply the level and the format of the current settings."""
        settings = self._settings()
        level = LEVELS[settings.log_level]
        self._handler.setLevel(level)
        logging.getLogger().setLevel(min(level, logging.INFO))  # the view keeps what the terminal omits
        form = self._json if settings.log_format == "json" else self._text
        for handler in (self._handler, self._access):
            handler.setFormatter(form)
        logging.getLogger(ACCESS).propagate = False

    def close(self) -> None:
        """Stop logging and restore the previous levels."""
        logging.getLogger().removeHandler(self._handler)
        logging.getLogger(ACCESS).removeHandler(self._access)
        logging.getLogger(ACCESS).propagate = True
        logging.getLogger("uvicorn.error").removeFilter(_is_no_refused_handshake)
        logging.getLogger("asyncio").removeFilter(self._seldom)
        for name in self._quiet:
            logging.getLogger(name).removeFilter(_is_unreported)
        logging.getLogger(DECISIONS).removeFilter(as_error)
        for name, level in self._before.items():
            logging.getLogger(name or None).setLevel(level)


def _is_no_refused_handshake(record: logging.LogRecord) -> bool:
    """Drop Uvicorn 0.54's error about a web socket refused with a response."""
    return record.msg != "ASGI callable returned without completing handshake."


def _is_unreported(record: logging.LogRecord) -> bool:
    """Drop reports of what the platform reports itself: the end of a sandbox, and a tree that it could not start."""
    decided = getattr(record, "otp_decision", None), getattr(record, "otp_name", None)
    if decided == END_OF_A_SANDBOX or (decided == FAILED_TREE and record.levelno == logging.WARNING):
        return False
    above: list[str] = getattr(record, "otp_ancestors", [])
    return getattr(record, "otp_what", None) != "Peer" or not any(one.startswith("services ") for one in above)
