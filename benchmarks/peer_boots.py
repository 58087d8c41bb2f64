"""What runs in the peers that `benchmarks.peer_nodes` measures: its text is put into each peer's folder.

Programs that mean harm tell the time on the machine's clock (`act 123.4`) right before they do.
"""

from __future__ import annotations

import asyncio
import os
import time

import otp
from otp import GenServer, NoReply, Ok, Reply, impl


class Echo(GenServer):
    """Answers calls with what they say, and counts casts."""

    @impl
    def init(self, arg):
        return Ok(0)

    @impl
    def handle_call(self, request, caller, count):
        return Reply(count if request == "count" else request, count)

    @impl
    def handle_cast(self, request, count):
        return NoReply(count + 1)


def idle(here):
    """Nothing."""


async def connected(here):
    """An echo, a view of the node, and a server that gets messages as fast as it can take them once it is told to."""
    from otp.observer import ViewServer

    await here.node.start(Echo, name="echo")
    await here.node.start(Echo, name="busy")
    await here.node.start(ViewServer, ("read",), name="view")
    here.node.spawn(_flood, here.node)
    await here.connect()


async def _flood(node):
    otp.register("flood", otp.self())
    await otp.receive()
    while True:
        for _ in range(20):
            GenServer.cast("busy", ("add", 1))
        await asyncio.sleep(0)


async def observed(here):
    """As a sandbox has it: with what answers the platform's operations and pages."""
    from superlearner.backend import start

    await here.connect(services=await start(here.node))


def spin(here):
    """Hold the loop for ever, once it is ready."""
    asyncio.get_running_loop().call_later(0.01, _loop)


def _act():
    print("act", time.monotonic(), flush=True)


def _loop():
    _act()
    while True:
        pass


def fill(here):
    """Take memory, a megabyte at a time."""
    _act()
    kept = []
    while True:
        kept.append(bytes(1_000_000))


def leave(here):
    """End the interpreter."""
    _act()
    os._exit(3)


def fork(here):
    """Fork for ever, and the children too."""
    _act()
    while True:
        try:
            os.fork()
        except OSError:
            pass
