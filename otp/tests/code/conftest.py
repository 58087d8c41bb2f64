"""Shared by the tests of `otp.code`: modules that are written, imported and rewritten; runs in three orders."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from otp.testing import Scheduler

MODES: dict[str, dict[str, Any]] = {"inline": {"inline": True}, "queued": {"inline": False}, "seed 1": {"seed": 1}}


@pytest.fixture(params=list(MODES))
def run(request: pytest.FixtureRequest) -> Callable[..., Any]:
    def run_here(fn: Callable[[], Awaitable[None]]) -> None:
        Scheduler(**MODES[request.param]).run(fn)

    return run_here


@dataclass
class Source:
    """A module that can be written again."""

    path: Path
    module: Any = None

    def write(self, text: str) -> None:
        self.path.write_text(HEAD + text, encoding="utf-8")


HEAD = (
    "import otp\nfrom otp import *\nfrom otp import GenServer, Ok, Reply, NoReply, Supervisor, Children, code, impl\n"
)

COUNTER = """
class Counter(GenServer):
    vsn = 1
    @impl
    def init(self, arg):
        return Ok(arg)
    @impl
    def handle_call(self, request, caller, state):
        return Reply(state, state + 1)
    @impl
    def handle_cast(self, request, state):
        return NoReply(state + 1)
"""

# The state becomes a dictionary; an `extra` that equals the state refuses.
COUNTER_2 = """
class Counter(GenServer):
    vsn = 2
    @impl
    def init(self, arg):
        return Ok({"n": arg})
    @impl
    def handle_call(self, request, caller, state):
        return Reply(("new", state["n"]), state)
    @impl
    def code_change(self, old_vsn, state, extra):
        if extra == state:
            raise ValueError("no")
        return Ok({"n": state, "was": old_vsn, "extra": extra})
"""


@dataclass
class Sources:
    """Writes a module and imports it; has the texts that most tests write."""

    folder: Path
    made: list[str] = field(default_factory=list)
    counter = COUNTER
    counter_2 = COUNTER_2
    waiting_counter_2 = COUNTER_2.replace("def code_change", "async def code_change").replace(
        "if extra", "import asyncio; await asyncio.sleep(1)\n        if extra"
    )

    def __call__(self, text: str, name: str = "upgraded_module") -> Source:
        self.made.append(name)
        source = Source(self.folder / f"{name}.py")
        source.write(text)
        importlib.invalidate_caches()
        source.module = importlib.import_module(name)
        return source


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sources]:
    """Writes and imports a module of one's own for the test."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    sources = Sources(tmp_path)
    yield sources
    for name in sources.made:
        sys.modules.pop(name, None)
