"""The names of processes that the list of failures suggests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

import otp
from otp import GenServer, NoReply, Ok, impl
from superlearner.control.terms import plain_pid
from superlearner.store import MomentRow

Inside = Callable[..., Any]


class Till(GenServer[int]):
    @impl
    def init(self, arg: Any) -> Ok[int]:
        return Ok(0)

    @impl
    def handle_cast(self, request: Any, total: int) -> NoReply[int]:
        raise ValueError(request)


@pytest.mark.operation("error.why")
def test_what_is_no_process_of_the_node_leads_to_what_it_is(inside: Inside) -> None:
    """Regression: the hint named the list of processes of the wrong node, or a command for it."""

    async def test(platform: Any) -> None:
        async def ask(process: str, **more: str) -> list[str]:
            answer = await platform.client.get(f"/api/v1/processes/{process}/errors/why", params=more)
            error = answer.json()["error"]
            assert error["code"] == "process_not_found"
            return [error["message"], error["details"][0]["hint"]]

        async with otp.Node("price@127.0.0.1") as price:
            platform.platform.nodes.attach(price)
            till = await price.start(Till, name="till")
            why = "`superlearner error why till --node price@127.0.0.1` explains it"
            elsewhere = ["there is no process 'till'", f"a process of this name is, or was, on price@127.0.0.1: {why}"]
            assert await ask("till", node=platform.node.name) == elsewhere
            GenServer.cast(till, "number")
            await otp.wait_down(till)
            row = MomentRow(price.name, "9f3a0c1b22d4", 7, 9, 1.0, 1.0, "till crashed and was restarted")
            platform.platform.moments._add(row)
            assert await ask("till") == elsewhere
            ended = replace(row, node=platform.node.name, run="9f3a0c1b22d5", line="door crashed and was restarted")
            platform.platform.moments._add(ended)
            stored = "superlearner restart list --process door"
            assert (await ask("door"))[1] == f"`{stored}` lists what is stored about it"
            assert (await ask("tlil", node="price@127.0.0.1"))[0] == "there is no process 'tlil'; did you mean till?"
            shows = "`superlearner restart show 9f3a0c1b22d4.7` shows it"
            assert (await ask("9f3a0c1b22d4.7", node="price@127.0.0.1"))[1] == shows
            shows = "`superlearner restart show 513 --node price@127.0.0.1` shows the restart that it belongs to"
            assert (await ask("513", node="price@127.0.0.1"))[1] == shows
            listing = "`superlearner error list --node price@127.0.0.1` lists its newest failures"
            assert (await ask("price"))[1] == f"price@127.0.0.1 is a node; {listing}"
            platform.platform.nodes.detach(price.name)

    inside(test)


@pytest.mark.operation("error.list")
def test_a_misspelt_name_leads_to_that_of_a_process_that_has_ended_too(inside: Inside) -> None:
    """Regression: a tree gave up for the wrong name, and with its processes the right one was no longer known."""

    async def test(platform: Any) -> None:
        right = await platform.node.start(Till, name="till")

        async def ask() -> None:
            await GenServer.call("tlil", "total")

        asks = platform.node.spawn(ask)
        await otp.wait_down(asks)
        GenServer.cast(right, "number")
        await otp.wait_down(right)
        newest = (await platform.get("/api/v1/errors"))["data"]
        said = next(one for one in newest if one["pid"] == plain_pid(asks))
        assert ("there is no process tlil to call (noproc)", "did you mean 'till'?") == (said["reason"], said["hint"])

    inside(test)
