"""The inside of a sandbox in the program of the test."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import otp
from superlearner.sandbox import inside

COUNTER = """\
from otp import Children, GenServer, NoReply, Ok, Reply, Supervisor

class Counter(GenServer):
    def init(self, start):
        return Ok(start)
    def handle_call(self, request, caller, n):
        return Reply(n, n)
    def handle_cast(self, request, n):
        while request == "spin":
            pass
        return NoReply(n + 1)

class Main(Supervisor):
    def init(self, config):
        start = (config or {}).get("start", 0)
        return Children([Counter.child_spec(start, id="a", name="a"), Counter.child_spec(start, id="b", name="b")])
"""
NOTHING: dict[str, Any] = {
    "starts": "Main", "module": None, "text": None, "strategy": None, "max_restarts": None, "max_seconds": None,
    "custom_config": None, "held_s": 60.0,
}  # fmt: skip


def at(node: otp.Node, name: str) -> otp.Pid:
    found = node.whereis(name)
    assert found is not None
    return found


def within(folder: Path, text: str, look: Callable[[otp.Node, otp.Pid], Awaitable[Any]], /, **wanted: Any) -> Any:
    (folder / "main.py").write_text(text)

    async def main() -> Any:
        async with otp.Node("sandbox-a@127.0.0.1") as node:
            service = await inside.start(node, str(folder), NOTHING | wanted)
            return await look(node, service)

    return asyncio.run(main())
