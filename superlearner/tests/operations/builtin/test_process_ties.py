"""Links and monitors of a process, and the effect of its end on each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import otp
from otp import Children, GenServer, NoReply, Ok, Supervisor, impl
from superlearner.app.running import Tree

Inside = Callable[..., Any]


class Hub(GenServer[Any]):
    """Server that never replies."""

    @impl
    def init(self, arg: Any) -> Ok[Any]:
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: Any) -> NoReply[Any]:
        return NoReply(state)


class Hubs(Supervisor):
    strategy = "one_for_all"

    @impl
    def init(self, arg: Any) -> Children:
        other = Hub.child_spec(None, id="other", restart="temporary")
        return Children([Hub.child_spec(None, id="hub", name="hub"), other], strategy="one_for_all")


HUBS = Tree("hubs", lambda: Hubs.start_link(None, name="hubs"))


async def stay(who: str, tie: Callable[[Any], Any], traps: bool) -> None:
    otp.process_flag("trap_exit", traps)
    tie(otp.whereis("hub"))
    otp.register(who, otp.self())
    await otp.receive()  # processes that trap exits are notified that the node ends, and would delay it


async def asks() -> None:
    otp.register("asks", otp.self())
    await GenServer.call("hub", "how are you?")


@pytest.mark.operation("process.ties")
def test_each_link_and_monitor_has_its_effect(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        platform.node.spawn(stay, "bound", otp.link, False)
        platform.node.spawn(stay, "traps", otp.link, True)
        platform.node.spawn(stay, "watches", otp.monitor, False)
        platform.node.spawn(asks)
        for name in ("bound", "traps", "watches", "asks"):
            await platform.node.wait_registered(name)
        found = (await platform.get("/api/v1/processes/hub/ties"))["data"]
        felt = {one["name"]: (one["kind"], one["traps"], one["fate"]) for one in found["ties"] if one["name"]}
        assert felt["hubs"] == ("supervisor", True, "restarts")
        assert felt["bound"] == ("link", False, "dies")
        assert felt["traps"] == ("link", True, "told")
        assert felt["watches"] == ("monitored_by", False, "told")
        assert found["ties"][0]["effect"] == "restarts it, and all its other children: it is permanent"
        assert [(one["name"], one["request"]) for one in found["waited_for_by"]] == [("asks", "'how are you?'")]
        asking = (await platform.get("/api/v1/processes/asks/ties"))["data"]
        assert asking["waits_for"]["name"] == "hub"
        watching = (await platform.get("/api/v1/processes/watches/ties"))["data"]
        assert [(one["name"], one["kind"], one["fate"]) for one in watching["ties"]] == [("hub", "monitors", "nothing")]

    inside(test, HUBS)


def test_the_children_of_a_supervisor_are_listed_as_stopped_with_it(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        found = (await platform.get("/api/v1/processes/hubs/ties"))["data"]
        children = [one for one in found["ties"] if one["kind"] == "child"]
        assert [one["effect"] for one in children] == ["is stopped with it"] * 2
        other = next(one for one in children if one["name"] is None)
        temporary = (await platform.get(f"/api/v1/processes/{other['pid']}/ties"))["data"]
        assert temporary["ties"][0]["effect"] == "does not restart it: it is temporary"

    inside(test, HUBS)
