"""Log line as a value: text, time and origin, without secrets."""

from __future__ import annotations

import logging
import time
import traceback
from dataclasses import dataclass, field
from typing import Any, Final, cast

import otp
from otp.redaction import IsToken, without_secrets
from superlearner.control.clock import timestamp
from superlearner.control.names import display_name
from superlearner.control.terms import clip, json_of, plain_pid

__all__ = ["LEVELS", "IsToken", "LogLine", "clean_text", "convert_record", "sanitize_line"]

LONGEST: Final = 4_000
TRACEBACK: Final = 8_000
LONGEST_NAME: Final = 500
LATEST: Final = 1e11
"""Wall-clock seconds beyond which no date exists."""

LEVELS: Final = ("debug", "info", "warning", "error", "critical")
REPORTS: Final = ("crash", "supervisor")


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of the log.

    Attributes:
        at: wall-clock seconds.
        level: `debug`, `info`, `warning`, `error` or `critical`.
        logger: name of the logger.
        text: message, truncated and without secrets.
        pid: the process that logged, or that the report is about, if known; `name`: its registered name.
        supervisor: its parent, by name, else by pid.
        report: `crash` or `supervisor` for a report of the runtime; docs/logging.md lists its `fields`.
        traceback: traceback of the exception, if there is one.
        node: node of the program that logged it; None for the platform's own.
    """

    at: float
    level: str
    logger: str
    text: str
    pid: str | None = None
    name: str | None = None
    supervisor: str | None = None
    report: str | None = None
    fields: dict[str, Any] = field(default_factory=dict[str, Any])
    traceback: str | None = None
    node: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the line as JSON values, without unknown fields."""
        known = {
            "pid": self.pid,
            "name": self.name,
            "supervisor": self.supervisor,
            "report": self.report,
            "fields": self.fields or None,
            "traceback": self.traceback,
            "node": self.node,
        }
        line = {"timestamp": timestamp(self.at), "level": self.level, "logger": self.logger, "text": self.text}
        return line | {name: value for name, value in known.items() if value is not None}


def convert_record(record: logging.LogRecord, is_secret: IsToken | None = None) -> LogLine:
    """Convert a log record. Raises what formatting the record's arguments raises."""
    own = {name: value for name, value in vars(record).items() if name.startswith("otp_")}
    report = own.get("otp_report")
    pid, name, supervisor = _of_report(own) if report is not None else _of_process()
    trace = record.exc_text
    if not trace and record.exc_info and record.exc_info[1] is not None:
        trace = "".join(traceback.format_exception(record.exc_info[1], limit=20))
    return LogLine(
        at=round(record.created, 6),
        level=record.levelname.lower(),
        logger=record.name,
        text=clean_text(record.getMessage(), LONGEST, is_secret),
        pid=pid,
        name=name,
        supervisor=supervisor,
        report=report,
        fields={name: _clean(json_of(value), is_secret) for name, value in own.items() if name != "otp_report"},
        traceback=None if not trace else clean_text(trace.rstrip("\n"), TRACEBACK, is_secret),
    )


def sanitize_line(node: str, line: LogLine, is_secret: IsToken | None = None) -> LogLine:
    """Sanitize a line from another node: bounded texts, known level, no secrets.

    >>> sanitize_line("shop@127.0.0.1", LogLine(1.0, "loud", "shop", "token=abc", pid="0.3.0")).as_json()["text"]
    'token=***'
    """

    def word(text: str | None) -> str | None:
        return None if text is None else clean_text(text, LONGEST_NAME, is_secret)

    return LogLine(
        at=line.at if 0 <= line.at <= LATEST else time.time(),
        level=line.level if line.level in LEVELS else "info",
        logger=clean_text(line.logger, LONGEST_NAME, is_secret),
        text=clean_text(line.text, LONGEST, is_secret),
        pid=word(line.pid),
        name=word(line.name),
        supervisor=word(line.supervisor),
        report=line.report if line.report in REPORTS else None,
        fields=_clean(json_of(line.fields), is_secret),
        traceback=None if line.traceback is None else clean_text(line.traceback, TRACEBACK, is_secret),
        node=node,
    )


def clean_text(text: str, limit: int, is_secret: IsToken | None = None) -> str:
    """Return a text for the log: truncated, and without secrets.

    >>> clean_text("signed in with token=abc", 100)
    'signed in with token=***'
    """
    return clip(without_secrets(text, limit, is_secret), limit)


def _clean(value: Any, is_secret: IsToken | None) -> Any:
    """Return a JSON value with its texts made safe for the log."""
    if isinstance(value, str):
        return clean_text(value, LONGEST, is_secret)
    if isinstance(value, list):
        return [_clean(item, is_secret) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {name: _clean(item, is_secret) for name, item in cast("dict[str, Any]", value).items()}
    return value


def _of_report(own: dict[str, Any]) -> tuple[str | None, str | None, str | None]:
    """Return pid, name and supervisor of a runtime report."""
    pid, name = str(own.get("otp_pid") or "").strip("<>") or None, own.get("otp_name")
    if own.get("otp_report") == "supervisor":
        return pid, name, name or pid
    above = next(iter(own.get("otp_ancestors") or ()), None)
    return pid, name, None if above is None else str(above).partition(" (")[0].strip("<>")


def _of_process() -> tuple[str | None, str | None, str | None]:
    """Return pid, name and parent of the process that runs in this thread, if any."""
    try:
        me = otp.self()
    except Exception:
        return None, None, None
    parent = otp.process_info(me, "parent")
    return plain_pid(me), display_name(me), None if parent is None else display_name(parent) or plain_pid(parent)
