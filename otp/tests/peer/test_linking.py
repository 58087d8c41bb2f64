"""The node of a peer and the one of who started it are one distribution, over the connection between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import otp
from otp import BadArgument, GenServer
from otp.peer import Walls, start

TILL = """
import otp

class Till(otp.GenServer):
    @otp.impl
    def init(self, arg):
        return otp.Ok(arg)

    @otp.impl
    def handle_call(self, request, caller, state):
        return otp.Reply((request, state), state)

async def boot(here):
    await here.node.start(Till, here.args, name="till")
    await here.connect()
"""


@pytest.mark.parametrize("walls", [None, Walls()], ids=["own code", "walls"])
def test_a_server_in_a_peer_is_called_as_one_of_ours_and_its_loss_is_told(
    run: Callable[..., Any], walls: Walls | None
) -> None:
    async def main() -> None:
        peer = await start("shop@127.0.0.1", "shop:boot", 7, files={"shop.py": TILL}, walls=walls)
        distribution = await peer.connect()
        assert (("total",), 7) == await GenServer.call(("till", "shop@127.0.0.1"), ("total",))
        ref = otp.monitor(("till", "shop@127.0.0.1"))
        await peer.kill()
        assert "noconnection" == (await otp.receive(ref)).reason
        await distribution.stop()

    run(main)


def test_a_peer_is_connected_once(run: Callable[..., Any]) -> None:
    async def main() -> None:
        peer = await start("shop@127.0.0.1", "shop:boot", files={"shop.py": TILL})
        distribution = await peer.connect()
        with pytest.raises(BadArgument, match="expected a running peer that is not connected"):
            await peer.connect()
        await distribution.stop()
        await peer.stop()

    run(main)
