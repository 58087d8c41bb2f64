"""Programs of sandboxes that are nodes in this loop: the service and its pages without the operating system."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import otp
from otp import GenServer
from superlearner.sandbox import inside
from superlearner.sandbox.program import NotLaunched
from superlearner.sandbox.record import Facts, Sandbox, Wall


class NodeHere:
    """A program that is a node of this loop. `stubborn`: it does not stop when asked."""

    def __init__(self, node: otp.Node, service: otp.Pid, facts: Facts, *, stubborn: bool = False) -> None:
        self.node = node
        self.service = service
        self.facts = facts
        self.stubborn = stubborn
        self.end: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def ended(self) -> str:
        return await asyncio.shield(self.end)

    async def reload(self, text: str) -> Mapping[str, Any]:
        return await GenServer.call(self.service, ("reload", text))

    def ask_to_stop(self) -> None:
        if not self.stubborn:
            otp.spawn(self.close, "stopped in order")

    async def kill(self, why: str) -> None:
        await self.close(why)

    def output(self) -> tuple[str, int]:
        return "hello\n", 6

    async def close(self, why: str) -> None:
        await self.node.close()
        if not self.end.done():
            self.end.set_result(why)


class NodesHere:
    """Starts them; `programs` has all that were started."""

    def __init__(self) -> None:
        self.programs: list[NodeHere] = []
        self.stubborn = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def launch(self, sandbox: Sandbox, notice: Callable[[str], object]) -> NodeHere:
        await self.gate.wait()
        wanted = sandbox.configuration
        folder = tempfile.mkdtemp()
        if sandbox.source is not None and wanted.module is None:
            (Path(folder) / "main.py").write_text(sandbox.source.text)
        sys.modules.pop("main", None)
        node = await otp.Node(sandbox.node).__aenter__()
        told = {
            "starts": None if sandbox.source is None else sandbox.source.starts, "module": wanted.module,
            "strategy": wanted.strategy, "max_restarts": wanted.max_restarts, "max_seconds": wanted.max_seconds,
            "custom_config": wanted.custom_config, "held_s": 60.0,
        }  # fmt: skip
        try:
            service = await inside.start(node, folder, told)
        except Exception as error:
            await node.close()
            raise NotLaunched("start_failed", str(error)) from None
        finally:
            sys.path[:] = [path for path in sys.path if path != folder]
        facts = await GenServer.call(service, ("facts",))
        walls = (Wall("files", up=True, required=True, says="landlock"),)
        found = Facts(4711, facts["supervisor_pid"], walls)
        program = NodeHere(node, service, found, stubborn=self.stubborn)
        self.programs.append(program)
        return program

    def close(self) -> None:
        pass


@pytest.fixture
def nodes_here() -> Iterator[type[NodesHere]]:
    """The class: make it inside a loop."""
    known, path = sys.modules.pop("main", None), list(sys.path)
    yield NodesHere
    sys.path[:] = path
    sys.modules.pop("main", None)
    if known is not None:
        sys.modules["main"] = known
