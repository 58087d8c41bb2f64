"""The code of the peers in `benchmarks.peer_nodes`, copied into their folders.

Hostile programs print the time of the machine's clock (`act 123.4`) right before they act.
"""

from __future__ import annotations

import asyncio
import os
import time

import otp
from otp import GenServer, NoReply, Ok, Reply, impl


class Echo(GenServer):
    """A server that echoes calls and counts casts."""

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
    """Do nothing."""


async def connected(here):
    """Start an echo, a view of the node, and a server to flood on request."""
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
    """Start the backend for the platform's operations and pages, as a sandbox does."""
    from superlearner.backend import start

    await here.connect(services=await start(here.node))


def spin(here):
    """Block the loop forever once it is ready."""
    asyncio.get_running_loop().call_later(0.01, _loop)


def _act():
    print("act", time.monotonic(), flush=True)


def _loop():
    _act()
    while True:
        pass


def fill(here):
    """Allocate memory, a megabyte at a time."""
    _act()
    kept = []
    while True:
        kept.append(bytes(1_000_000))


def leave(here):
    """End the interpreter."""
    _act()
    os._exit(3)


def fork(here):
    """Fork forever, in the children too."""
    _act()
    while True:
        try:
            os.fork()
        except OSError:
            pass
