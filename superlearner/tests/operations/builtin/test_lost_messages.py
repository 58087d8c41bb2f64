"""A restart names the messages that were lost with each of its processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import otp
from otp import Agent, Children, Supervisor, impl, sys
from superlearner.app.running import Tree

Inside = Callable[..., Any]


class Ship(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        rates, labels, quotes = (Agent.child_spec(dict, id=name, name=name) for name in ("rates", "labels", "quotes"))
        return Children([rates, labels, quotes], strategy="rest_for_one")


@pytest.mark.operation("restart.show", "restart.list")
def test_messages_that_are_lost_with_a_stopped_sibling_are_named(inside: Inside) -> None:
    """Regression: a crash of rates stopped labels with 3,000 messages, and nothing said so."""

    async def test(platform: Any) -> None:
        node = platform.node
        await sys.suspend(node.whereis("labels"))
        for number in range(1_200):
            otp.send(node.whereis("labels"), ("print", number))
        otp.exit(node.whereis("rates"), "boom")
        await Supervisor.which_children(("ship", node))
        ref = (await platform.get("/api/v1/restarts"))["data"][0]["ref"]
        shown = (await platform.get(f"/api/v1/restarts/{ref}"))["data"]
        lost = "1,200 messages of labels: ('print', 0), ('print', 1), ('print', 2) and 1,197 more"
        assert (shown["lost"], shown["lost_beside"], shown["facts"]["lost"]) == (None, lost, lost)

    inside(test, Tree("ship", lambda: Ship.start_link(None, name="ship")))
