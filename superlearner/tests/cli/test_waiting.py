"""The line of a command that waits for an answer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from superlearner.base import terminal
from superlearner.cli import asking


class LongWait:
    """A timer whose time is over at once."""

    def __init__(self, seconds: float, show: Callable[[], None]) -> None:
        assert seconds == terminal.LONG_S
        self.start = show

    def cancel(self) -> None:
        pass

    def join(self) -> None:
        pass


def test_a_long_wait_is_said_on_standard_error_also_if_it_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(terminal, "complain", said.append)
    monkeypatch.setattr(threading, "Timer", LongWait)
    with terminal.show_wait_line("waiting for shop", always=True):
        assert said == ["waiting for shop"]
    with terminal.show_wait_line("waiting for the platform"):
        assert said == ["waiting for shop"]


def test_a_command_about_a_node_names_it_while_it_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: `tree --node NAME` was silent for seconds while the loop of that service was blocked."""
    said: list[Any] = []

    def show(words: str, *, always: bool = False) -> Any:
        said.append((words, always))
        return nullcontext()

    monkeypatch.setattr(asking, "show_wait_line", show)
    platform: Any = SimpleNamespace(url="http://127.0.0.1:9", token=None, door="cli", certificate=None)
    entry = {"method": "GET", "path": "/tree", "parameters": [], "bare": False}
    for node in ("shop", None):
        with pytest.raises(asking.PlatformNotFound):
            asking.ask(platform, entry, {}, node=node)
    assert said == [
        ("waiting for shop, asked by http://127.0.0.1:9", True),
        ("waiting for http://127.0.0.1:9", False),
    ]
