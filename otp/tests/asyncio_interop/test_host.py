"""A host that waits on a node is notified when its tree gives up, and can restart it."""

from __future__ import annotations

import asyncio
from typing import Any

import otp
from otp import GenServer, Ok, impl


def test_the_host_is_told_when_the_tree_of_its_node_gives_up_and_can_start_it_again() -> None:
    """The pattern of docs/fastapi.md: a service that would answer 503 for ever ends, or starts again."""

    class Fragile(GenServer[None]):
        @impl
        def init(self, arg: None) -> Any:
            return Ok(None)

    class Tree(otp.Supervisor):
        @impl
        def init(self, arg: None) -> Any:
            return otp.Children([Fragile.child_spec(None, name="fragile")], max_restarts=0)

    async def main() -> Any:
        async with otp.Node("web") as node:
            tree = await node.start(Tree, None, name="tree")
            told = asyncio.create_task(otp.wait_down(tree))
            fragile = otp.whereis("fragile")
            assert fragile is not None
            otp.exit(fragile, "kill")
            reason = await told
            gone = otp.whereis("tree") is None
            await node.start(Tree, None, name="tree")
            return reason, gone, otp.whereis("fragile") is not None

    assert asyncio.run(main()) == ("shutdown", True, True)
