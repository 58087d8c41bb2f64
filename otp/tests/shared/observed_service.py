"""A program in a process of its own that `otp.observe` opens to observers: a till under a supervisor, no platform."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec

import otp

__all__ = ["service"]

PROGRAM = """
import asyncio, json, sys
sys.path[:0] = PATH
import otp
from otp import Children, GenServer, NoReply, Ok, Reply, Supervisor, impl

async def work(job):
    raise ValueError(job)

class Till(GenServer):
    @impl
    def init(self, coins):
        return Ok(coins)
    @impl
    def handle_call(self, request, caller, coins):
        return Reply(coins, coins)
    @impl
    def handle_cast(self, n, coins):
        if n == "quit":
            sys.exit(3)
        if n == "hire":
            otp.spawn(work, "no job")
            return NoReply(coins)
        return NoReply(coins + n)

class Shop(Supervisor):
    @impl
    def init(self, arg):
        return Children([Till.child_spec(7, id="till", name=TILL)], max_restarts=RESTARTS)
"""

MAIN = """
async def main():
    async with otp.Node(NODE) as node:
        await node.start(Shop, None, name=SHOP)
        async with otp.observe(node, **OPTIONS) as server:
            print(json.dumps([server.record.address, server.record.token, server.record.os_pid]), flush=True)
            await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        print(json.dumps(await GenServer.call(TILL, "coins")), flush=True)

asyncio.run(main())
"""

LINKED = """
async def main():
    await Shop.start_link(None, name=SHOP)
    async with otp.observe(**OPTIONS) as server:
        print(json.dumps([server.record.address, server.record.token, server.record.os_pid]), flush=True)
        await asyncio.Event().wait()

otp.run(main, node=NODE)
"""
"""A program that ends with its root."""


@asynccontextmanager
async def service(
    folder: Path,
    *,
    bare: bool = False,
    linked: bool = False,
    named: tuple[str, str, str] = ("shop@127.0.0.1", "shop", "till"),
    **options: Any,
) -> AsyncIterator[Any]:
    """Start it, wait until observers can connect, and kill it at the end; gives `process`, `address` and `token`.

    Args:
        folder: for files of its own.
        bare: `otp` and msgspec are all that can be imported.
        linked: it ends with its root, which allows no restart.
        named: the names of the node, its supervisor and its server.
        options: of `otp.observe`.
    """
    flags, path = [], list[str]()
    if bare:
        if not (folder / "msgspec").exists():
            (folder / "msgspec").symlink_to(Path(msgspec.__file__).parent)
        flags, path = ["-I", "-S"], [str(Path(otp.__file__).parents[1]), str(folder)]
    program = PROGRAM + (LINKED if linked else MAIN)
    program = program.replace("PATH", repr(path)).replace("OPTIONS", repr(options))
    program = program.replace("RESTARTS", "0" if linked else "3")
    for word, name in zip(("NODE", "SHOP", "TILL"), named, strict=True):
        program = program.replace(word, repr(name))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *flags, "-c", program),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={"XDG_RUNTIME_DIR": os.environ["XDG_RUNTIME_DIR"], "PATH": os.environ["PATH"]},
    )
    assert process.stdout is not None
    try:
        address, token, os_pid = json.loads(await process.stdout.readline())
        yield SimpleNamespace(process=process, address=address, token=token, os_pid=os_pid)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
