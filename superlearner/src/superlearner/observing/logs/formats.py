"""Formatters of log lines: text for people, JSON for log collectors."""

from __future__ import annotations

import json
import logging
import time
from typing import Final

import msgspec

from superlearner.observing.logs.format import PlainFormatter
from superlearner.observing.logs.line import IsToken, clean_text, convert_record

__all__ = ["JsonFormatter", "TextFormatter"]

encode: Final = msgspec.json.Encoder().encode
LONGEST: Final = 20_000


class TextFormatter(PlainFormatter):
    """Lines such as `2026-01-01 12:00:00,250 WARNING shop: …`, printable only."""

    def __init__(self, is_secret: IsToken | None = None) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._is_secret = is_secret

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text, without secrets."""
        return clean_text(super().format(record), LONGEST, self._is_secret)


class JsonFormatter(logging.Formatter):
    """JSON lines with times in UTC; `fields` has the fields of runtime reports."""

    converter = time.gmtime

    def __init__(self, is_secret: IsToken | None = None) -> None:
        super().__init__()
        self._is_secret = is_secret

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON, without secrets."""
        fields = convert_record(record, self._is_secret).as_json()
        text = encode(fields).decode()
        return text if text.isprintable() else json.dumps(fields)
