"""A stop or a restart of a child on request names who asked, in the events and in the feed of the tree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from otp import Agent, Children, Supervisor, impl
from superlearner.app.running import Tree

AT = "/api/v1/supervisors/shop/children"


class Shop(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        return Children(
            [Agent.child_spec(dict, id="till", name="till"), Agent.child_spec(dict, id="cart", name="cart")]
        )


@pytest.mark.operation("supervisor.restart_child", "supervisor.terminate_child", "supervisor.bulk_children")
def test_the_events_of_a_request_name_it(inside: Callable[..., Any]) -> None:
    """Regression: the Timeline hid the restart, and the feed read as if the supervisor had acted by itself."""

    async def test(platform: Any) -> None:
        hub = platform.platform.hubs.of(platform.platform.nodes.find(None))
        for path, body in (
            ("till/restart", None),
            ("till/terminate", None),
            ("bulk", {"action": "terminate", "children": ["cart"]}),
        ):
            assert (await platform.client.post(f"{AT}/{path}", json=body)).status_code == 200
        asked = {"types": "child_started,child_terminated", "supervisor": "shop", "last": 4, "limit": 4}
        json = {"accept": "application/json"}
        found = (await platform.client.get("/api/v1/events", params=asked, headers=json)).json()["data"]["items"]
        by = " by a request over HTTP"
        told = [("stopped", "till"), ("started", "till"), ("stopped", "till"), ("stopped", "cart")]
        assert [one["text"].partition(" <")[0] for one in found] == [f"shop {did} {name}" for did, name in told]
        assert [one["data"]["request"] for one in found] == ["a request over HTTP"] * 4
        assert all(one["text"].endswith(by) for one in found)
        assert [f"shop {did} {name}{by}" for did, name in told] == [one.text for one in hub.feed.entries()][-4:]

    inside(test, Tree("shop", lambda: Shop.start_link(None, name="shop")))
