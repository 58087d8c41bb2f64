"""Metrics of this program from the operating system, and collector pauses."""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["Collector", "MachineFacts", "change_of", "rate_of", "read_machine"]

LINUX: Final = sys.platform.startswith("linux")


@dataclass(frozen=True, slots=True)
class MachineFacts:
    """Totals since the program started, in seconds and bytes; None if unavailable.

    `read_bytes` and `written_bytes` count transfers on files and pipes; `starved` is the time the main thread was ready
    to run but had no processor.
    """

    cpu: float
    starved: float | None
    read_bytes: int | None
    written_bytes: int | None
    open_files: int | None
    threads: int


def read_machine() -> MachineFacts:
    """Return the current values; takes about 50 µs."""
    read, written = _io()
    return MachineFacts(time.process_time(), _starved(), read, written, _open_files(), threading.active_count())


def change_of(now: float | None, before: float | None) -> float | None:
    """Return how much a total has grown; None if it is not known."""
    return None if now is None or before is None else max(0.0, now - before)


def rate_of(now: float | None, before: float | None, seconds: float) -> float | None:
    """Return by how much a total has grown in each second; None if it is not known."""
    change = change_of(now, before)
    return None if change is None else round(change / seconds, 1)


def _io() -> tuple[int | None, int | None]:
    lines = _file("/proc/self/io")
    if lines is None:
        return None, None
    counts = dict(line.split(": ", 1) for line in lines.splitlines() if ": " in line)
    try:
        return int(counts["rchar"]), int(counts["wchar"])
    except (KeyError, ValueError):
        return None, None


def _starved() -> float | None:
    words = (_file("/proc/self/schedstat") or "").split()
    return int(words[1]) / 1e9 if len(words) == 3 and words[1].isdigit() else None


def _open_files() -> int | None:
    try:
        return len(os.listdir("/proc/self/fd")) if LINUX else None
    except OSError:
        return None


def _file(path: str) -> str | None:
    if not LINUX:
        return None
    try:
        with open(path, encoding="ascii") as file:
            return file.read()
    except (OSError, ValueError):
        return None


class Collector:
    """Measurement of the pauses of Python's garbage collector."""

    def __init__(self) -> None:
        self.collections = 0
        self.paused = 0.0
        self.longest = 0.0
        self._begun = 0

    def open(self) -> None:
        """Start measuring; further calls have no effect."""
        if self._on not in gc.callbacks:
            gc.callbacks.append(self._on)

    def close(self) -> None:
        """Stop measuring."""
        if self._on in gc.callbacks:
            gc.callbacks.remove(self._on)

    def take_longest(self) -> float:
        """Return the longest pause since the last call, in seconds."""
        longest, self.longest = self.longest, 0.0
        return longest

    def _on(self, phase: str, info: dict[str, Any]) -> None:
        del info
        if phase == "start":
            self._begun = time.perf_counter_ns()
        elif self._begun:
            took = (time.perf_counter_ns() - self._begun) / 1e9
            self._begun = 0
            self.collections += 1
            self.paused += took
            self.longest = max(self.longest, took)
