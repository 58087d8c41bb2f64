"""The log on the terminal: which levels, in which form, and who has to be quiet. It follows the settings."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Final

from superlearner.observing.logs.formats import JsonFormatter, TextFormatter
from superlearner.observing.logs.kills import FewKills, as_error
from superlearner.observing.logs.line import IsToken
from superlearner.observing.logs.out_of_descriptors import OutOfDescriptors
from superlearner.settings.settings import Settings

__all__ = ["ACCESS", "TerminalLog"]

ACCESS: Final = "superlearner.access"
"""The logger of requests; it speaks if the setting `access_log` says so, at whatever level."""

DECISIONS: Final = "otp.supervisor"
REPORTS: Final = ("otp", DECISIONS)
RUNNERS: Final = "sandboxes"
"""Who supervises the processes that stand for sandboxes."""

LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}
NOISY: Final = (
    "aiosqlite", "alembic", "asyncio", "asyncpg", "concurrent", "h11", "httpcore", "httpx", "markdown_it", "mcp",
    "multipart", "opentelemetry", "sqlalchemy", "urllib3", "uvicorn", "websockets",
)  # fmt: skip
"""Libraries that tell of every step: their warnings and errors are heard, and nothing else."""


class TerminalLog:
    """The handlers of one program; what was there before comes back with `close`.

    Args:
        settings: those of the moment.
        is_secret: whether a word is a credential, which must not be written.
        of_platform: whether this is the platform's own program, whose `sandboxes` are the platform's.
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
        """Begin to write."""
        root = logging.getLogger()
        self._before = {name: logging.getLogger(name).level for name in ("", ACCESS, *NOISY)}
        root.addHandler(self._handler)
        logging.getLogger(ACCESS).addHandler(self._access)
        logging.getLogger(ACCESS).setLevel(logging.INFO)
        logging.getLogger("uvicorn.error").addFilter(_is_no_refused_handshake)
        logging.getLogger("asyncio").addFilter(self._seldom)
        for name in self._quiet:
            logging.getLogger(name).addFilter(_is_no_end_of_a_sandbox)
        logging.getLogger(DECISIONS).addFilter(as_error)
        for name in NOISY:
            logging.getLogger(name).setLevel(logging.WARNING)
        self.adopt()

    def adopt(self) -> None:
        """Go on with the level and the form that the settings have now."""
        settings = self._settings()
        level = LEVELS[settings.log_level]
        self._handler.setLevel(level)
        logging.getLogger().setLevel(min(level, logging.INFO))  # the view takes what the terminal leaves out
        form = self._json if settings.log_format == "json" else self._text
        for handler in (self._handler, self._access):
            handler.setFormatter(form)
        logging.getLogger(ACCESS).propagate = False

    def close(self) -> None:
        """Write no more."""
        logging.getLogger().removeHandler(self._handler)
        logging.getLogger(ACCESS).removeHandler(self._access)
        logging.getLogger(ACCESS).propagate = True
        logging.getLogger("uvicorn.error").removeFilter(_is_no_refused_handshake)
        logging.getLogger("asyncio").removeFilter(self._seldom)
        for name in self._quiet:
            logging.getLogger(name).removeFilter(_is_no_end_of_a_sandbox)
        logging.getLogger(DECISIONS).removeFilter(as_error)
        for name, level in self._before.items():
            logging.getLogger(name or None).setLevel(level)


def _is_no_refused_handshake(record: logging.LogRecord) -> bool:
    """Uvicorn 0.54 reports a web socket that was refused with an answer of its own (401, 429) as an error of ours."""
    return record.msg != "ASGI callable returned without completing handshake."


def _is_no_end_of_a_sandbox(record: logging.LogRecord) -> bool:
    """The reports of the processes that stand for its program: the platform says the same of it, by its name."""
    if getattr(record, "otp_decision", None) == "not_restarted" and getattr(record, "otp_name", None) == RUNNERS:
        return False
    above: list[str] = getattr(record, "otp_ancestors", [])
    return getattr(record, "otp_what", None) != "Peer" or not any(one.startswith("services ") for one in above)
