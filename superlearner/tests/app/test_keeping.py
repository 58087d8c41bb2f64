"""Children that gave up come back, even if the caretaker is down at that moment."""

from __future__ import annotations

import asyncio
from typing import Any

import otp
from otp import Children, GenServer, Ok, Supervisor, impl
from superlearner.app.keeping import CARETAKER, Caretaker, Keeper


class Child(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Ok[Any]:
        return Ok(arg)


class Fragile(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        return Children([Child.child_spec(name="child")], max_restarts=0)


class Playground(Supervisor):
    @impl
    def init(self, keeper: Keeper) -> Children:
        return Children([kept.child_spec() for kept in keeper.of("playground")], max_restarts=1000, max_seconds=1)


def test_a_tree_that_gave_up_while_there_was_no_caretaker_is_started_by_the_next_one() -> None:
    async def main() -> None:
        async with otp.Node("test") as node:
            rests: asyncio.Queue[str] = asyncio.Queue()
            starts: asyncio.Queue[Any] = asyncio.Queue()
            keeper = Keeper(lambda kept, why, pause: rests.put_nowait(why))
            keeper.keep("playground", "tree", lambda: Fragile.start_link(None, name="tree"), pauses=(0.001,))
            keeper.watch(node)
            node.subscribe(lambda event: starts.put_nowait(event.data["id"]), kinds={"child_started"})
            await node.start(Playground, keeper, name="playground")
            assert [await starts.get(), await starts.get()] == [Child, "tree"]
            for _ in range(2):  # the second time it is noticed as well as the first
                otp.exit(("child", node), "kill")
                assert await rests.get() == "gave up"
                caretaker = await node.start(Caretaker, keeper, name=CARETAKER)
                assert [await starts.get(), await starts.get()] == [Child, "tree"]
                otp.exit(caretaker, "kill")
                await otp.wait_down(caretaker)

    asyncio.run(asyncio.wait_for(main(), 20))
