"""The names of processes that the list of failures suggests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import otp
from otp import GenServer, NoReply, Ok, impl
from superlearner.control.terms import plain_pid

Inside = Callable[..., Any]


class Till(GenServer[int]):
    @impl
    def init(self, arg: Any) -> Ok[int]:
        return Ok(0)

    @impl
    def handle_cast(self, request: Any, total: int) -> NoReply[int]:
        raise ValueError(request)


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
