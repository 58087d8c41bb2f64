"""A peer that has to stop before it has reported that it is ready stops in order: its servers have run."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import pytest

import otp
from otp.peer import Peer, PeerSpec

pytestmark = [pytest.mark.program, pytest.mark.skipif(sys.platform != "linux", reason="uses what Linux offers")]

PROGRAM = """
import asyncio, otp
from otp import GenServer, Ok

class Till(GenServer):
    def init(self, arg):
        otp.process_flag("trap_exit", True)
        return Ok(None)

    def terminate(self, reason, state):
        print("terminate:", reason, flush=True)

class Slow(GenServer):
    async def init(self, seconds):
        print("started", flush=True)
        await asyncio.sleep(seconds)
        return Ok(None)

class Shop(otp.Supervisor):
    def init(self, seconds):
        return otp.Children([Till, Slow.child_spec(seconds)])

async def boot(here):
    await here.node.start(Till)
    print("started", flush=True)
    await asyncio.Event().wait()

async def nearly(here):
    await here.node.start(Shop, 0.1)

async def far(here):
    await here.node.start(Shop, 3600)
"""


@pytest.mark.parametrize(
    ("boot", "reason"),
    [
        ("boot", b"shutdown"),
        ("nearly", b"shutdown"),
        ("far", b"killed"),  # with its supervisor, whose start is given up
    ],
)
def test_a_peer_that_is_ended_while_it_starts_runs_terminate(run: Callable[..., Any], boot: str, reason: bytes) -> None:
    """Regression: it was killed, although its servers had started."""

    async def main() -> None:
        output = bytearray()
        started = asyncio.Event()

        def read(data: bytes) -> None:
            output.extend(data)
            started.set()

        spec = PeerSpec("shop@127.0.0.1", f"shop:{boot}", files={"shop.py": PROGRAM}, on_output=read)

        async def begin() -> None:
            await Peer.start_link(spec)

        starter, ref = otp.spawn_monitor(begin)
        await started.wait()
        peer = next(iter(otp.process_info(starter, "links")))
        ended = otp.monitor(peer)
        otp.exit(starter, "shutdown")
        await otp.receive(ref)
        await otp.receive(ended)
        assert [b"started", b"terminate: " + reason] == [output.splitlines()[0], output.splitlines()[-1]]

    run(main)
