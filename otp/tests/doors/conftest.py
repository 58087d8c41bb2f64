"""A service in a process of its own, which has a door."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

import otp

SERVICE = """
import asyncio, json, sys
sys.path[:0] = PATH
import otp
from otp import Children, GenServer, NoReply, Ok, Reply, Supervisor, impl

class Till(GenServer):
    @impl
    def init(self, coins):
        return Ok(coins)
    @impl
    def handle_call(self, request, caller, coins):
        return Reply(coins, coins)
    @impl
    def handle_cast(self, n, coins):
        return NoReply(coins + n)

class Shop(Supervisor):
    @impl
    def init(self, arg):
        return Children([Till.child_spec(7, id="till", name="till")])

async def main():
    async with otp.Node("shop@127.0.0.1") as node:
        await node.start(Shop, None, name="shop")
        async with otp.observe(node, **OPTIONS) as door:
            print(json.dumps([door.record.address, door.record.token, door.record.os_pid]), flush=True)
            await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        print(json.dumps(await GenServer.call("till", "coins")), flush=True)

asyncio.run(main())
"""

Start = Callable[..., AbstractAsyncContextManager[Any]]


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of doors, of this test alone."""
    path = Path(tmp_path_factory.mktemp("d"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(path))
    return path


@pytest.fixture
def service(folder: Path, tmp_path: Path) -> Start:
    """`async with service(**options_of_observe) as it:` it has a process, an address and a token."""
    (tmp_path / "msgspec").symlink_to(Path(msgspec.__file__).parent)
    path = [str(Path(otp.__file__).parents[1]), str(tmp_path)]

    @asynccontextmanager
    async def start(**options: Any) -> AsyncIterator[Any]:
        program = SERVICE.replace("PATH", repr(path)).replace("OPTIONS", repr(options))
        # -S: nothing of site-packages; otp and msgspec are all that can be imported.
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", "-c", program),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={"XDG_RUNTIME_DIR": os.environ["XDG_RUNTIME_DIR"]},
        )
        assert process.stdout is not None and process.stdin is not None
        try:
            address, token, os_pid = json.loads(await process.stdout.readline())
            yield SimpleNamespace(process=process, address=address, token=token, os_pid=os_pid)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    return start
