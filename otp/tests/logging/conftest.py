"""Shared by the tests of log reports: a handler that keeps what is logged."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest


class Seen(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def fields(self, number: int = -1) -> dict[str, Any]:
        found = vars(self.records[number])
        return {key: value for key, value in found.items() if key.startswith("otp_")}

    def text(self, number: int = -1) -> str:
        return logging.Formatter().format(self.records[number])


@pytest.fixture
def handler() -> Seen:
    """A handler that is not part of a log yet."""
    return Seen()


@pytest.fixture
def seen(handler: Seen) -> Iterator[Seen]:
    """The records logged by `otp` while the test runs."""
    log = logging.getLogger("otp")
    before = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    yield handler
    log.removeHandler(handler)
    log.setLevel(before)
