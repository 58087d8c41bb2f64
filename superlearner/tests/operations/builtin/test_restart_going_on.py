"""What `error.why` answers about a process while its supervisor restarts it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import otp
from otp import Children, GenServer, Ok, Supervisor, impl
from superlearner.app.running import Tree


class Plain(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Ok[Any]:
        return Ok(arg)


class Slow(GenServer[Any]):
    """Its supervisor waits for its end until it may end."""

    may_end: asyncio.Event
    stops: asyncio.Event

    @impl
    def init(self, arg: Any) -> Ok[Any]:
        otp.process_flag("trap_exit", True)
        return Ok(arg)

    @impl
    async def terminate(self, reason: Any, state: Any) -> None:
        Slow.stops.set()
        await Slow.may_end.wait()


class Group(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        children = [Plain.child_spec(None, id="Left", name="left"), Slow.child_spec(None, id="slow", name="slow")]
        return Children(children, strategy="one_for_all")


TREE = Tree("group", lambda: Group.start_link(None, name="group"))


@pytest.mark.operation("error.why")
def test_a_restart_that_goes_on_is_neither_a_restart_nor_none(inside: Callable[..., Any]) -> None:
    async def test(platform: Any) -> None:
        Slow.may_end, Slow.stops = asyncio.Event(), asyncio.Event()
        left = platform.node.whereis("left")
        otp.exit(left, "kill")
        await Slow.stops.wait()
        try:
            why = (await platform.get("/api/v1/processes/left/errors/why"))["data"]
            assert why["summary"].endswith("; it is being restarted")
            assert (why["alive"], why["restarted"]) == (False, None)
        finally:
            Slow.may_end.set()
        await Supervisor.count_children(("group", platform.node))
        why = (await platform.get("/api/v1/processes/left/errors/why"))["data"]
        assert (why["alive"], why["restarted"]) == (True, True)

    inside(test, TREE)
