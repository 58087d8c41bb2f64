"""Global names, groups and remote calls between two real programs."""

from __future__ import annotations

import asyncio
import base64
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import otp
from otp.behaviours.registry.registry import AlreadyRegistered
from otp.cluster import Cluster, Global, MemberDown, multicall, pg, rpc
from otp.distribution import Settings
from otp.kernel.values.errors import CallExit

SETTINGS = Settings(heartbeat=0.25, dead=1.5)

PROGRAM = """
import asyncio, base64, sys
import otp
from otp.cluster import Cluster, Global, pg
from otp.distribution import Settings

async def serve(ready):
    await Global.register("echo")
    pg.join("workers")
    ready.set()
    while True:
        client, message = await otp.receive()
        otp.send(client, ("echo", message))

async def main():
    async with otp.Node("there") as node:
        await Cluster.join(node, cookie=sys.argv[1], incarnations=sys.argv[2], allow=[base64],
                           settings=Settings(heartbeat=0.25, dead=1.5))
        ready = asyncio.Event()
        node.spawn(serve, ready)
        await ready.wait()
        print("ready", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.program
def test_two_programs_share_names_groups_and_calls(tmp_path: Path) -> None:
    cookie = secrets.token_hex(16)

    async def work() -> Any:
        Cluster.here().monitor()
        pid = Global.whereis("echo")
        assert pid is not None
        assert ["there"] == [member.node for member in pg.members("workers")]
        assert pid == pg.members("workers")[0]
        Global.send("echo", (otp.self(), 7))
        assert ("echo", 7) == await otp.receive(lambda message: message[0] == "echo")
        with pytest.raises(AlreadyRegistered) as taken:
            await Global.register("echo")
        assert pid == taken.value.pid
        assert b"b3Rw" == await rpc("there", base64.b64encode, b"otp")
        with pytest.raises(CallExit) as failed:
            await rpc("there", "os:getpid")
        assert ("not_spawnable", "os:getpid") == failed.value.cause_reason
        found = await multicall(base64.b64encode, b"otp", nodes=["here", "there", "nowhere"])
        assert ({"here": b"b3Rw", "there": b"b3Rw"}, {"nowhere": "noconnection"}) == found

    async def after_kill() -> None:
        ref = Cluster.here().monitor()
        while "there" in [member.name for member in Cluster.here().members()]:
            await otp.receive(lambda message: isinstance(message, MemberDown) and message.ref == ref, timeout=20)
        assert Global.whereis("echo") is None
        assert [] == pg.members("workers")
        await Global.register("echo")

    async def in_process(node: otp.Node, fn: Any) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def run() -> None:
            try:
                await fn()
            except BaseException as error:
                done.set_exception(error)
            else:
                done.set_result(None)

        node.spawn(run)
        await asyncio.wait_for(done, 30)

    async def main() -> None:
        program = await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROGRAM, cookie, str(tmp_path / "there"), stdout=subprocess.PIPE
        )
        try:
            assert program.stdout is not None
            assert b"ready\n" == await asyncio.wait_for(program.stdout.readline(), 30)
            async with otp.Node("here") as node:
                cluster = await Cluster.join(node, cookie=cookie, incarnations=tmp_path / "here", settings=SETTINGS)
                await cluster.wait_size(2, timeout=20)
                async with asyncio.timeout(20):
                    while cluster.global_names.whereis("echo") is None or not cluster.groups.all():
                        await cluster._membership.changed()
                await in_process(node, work)
                killing = asyncio.ensure_future(in_process(node, after_kill))
                program.kill()
                await killing
        finally:
            if program.returncode is None:
                program.kill()
            await program.wait()

    asyncio.run(main())
