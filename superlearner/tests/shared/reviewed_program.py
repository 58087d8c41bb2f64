"""A program of a server to review, and the mistakes that are found in it."""

from __future__ import annotations

import importlib.util
import linecache
from types import ModuleType

from superlearner.sandbox.review import review

__all__ = ["SERVER", "TREE", "after", "found", "load"]

SERVER = """\
import asyncio
import otp
from otp import Children, Continue, GenServer, Ignore, NoReply, Ok, Reply, Stop, Supervisor

async def load(key):
    return key

class Counter(GenServer[int]):
    async def init(self, start):
        return Ok(start)
    async def handle_call(self, request, caller, n):
        return Reply(n, n)
    async def handle_cast(self, request, n):
        match request:
            case "increment":
                return NoReply(n + 1)
            case _:
                return Stop("asked", n)
    async def work(self):
        return 1
"""
TREE = """\
class Main(Supervisor):
    def init(self, arg):
        return Children([Counter.child_spec(0, name="counter")])
"""


def load(text: str) -> ModuleType:
    spec = importlib.util.spec_from_loader("main", None)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    linecache.cache["main.py"] = len(text), None, text.splitlines(keepends=True), "main.py"  # as in a sandbox
    exec(compile(text, "main.py", "exec"), vars(module))
    return module


def found(text: str) -> list[tuple[int, str]]:
    return [(one["line"], one["text"]) for one in review(load(text), text)]


def after(old: str, new: str) -> list[tuple[int, str]]:
    assert old in SERVER
    return found(SERVER.replace(old, new, 1))
