"""Single facts about processes over HTTP, each following from an action."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import otp
from otp import Children, GenServer, NoReply, Ok, Reply, Supervisor, impl
from superlearner.app.running import Tree

Inside = Callable[..., Any]
AT = "/api/v1/processes"


class Busy(GenServer[Any]):
    """Server that follows instructions."""

    @impl
    def init(self, arg: Any) -> Ok[Any]:
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: Any) -> Reply[Any]:
        match request:
            case ("put", key, value):
                otp.put(key, value)
            case ("monitor", name):
                otp.monitor(name)
            case ("link", name):
                otp.link(otp.whereis(name) or otp.self())
        return Reply("ok", state)

    @impl
    async def handle_cast(self, request: Any, state: Any) -> NoReply[Any]:
        request[1].set()
        await hold()
        return NoReply(request)


async def hold() -> None:
    await otp.receive(otp.Is("go on"))  # the line that the backtrace shows


class Busies(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        return Children([Busy.child_spec(["x" * 1000], id=name, name=name) for name in ("one", "two")])


BUSY = Tree("busy", lambda: Busies.start_link(None, name="busies"))


async def fact_of(platform: Any, path: str) -> Any:
    return (await platform.get(f"{AT}{path}"))["data"]


async def names(platform: Any, path: str) -> list[Any]:
    return [one["name"] for one in await fact_of(platform, path)]


@pytest.mark.everywhere
@pytest.mark.operation("process.links")
def test_links_are_listed(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        assert await names(platform, "/one/links") == ["busies"]
        await platform.call("one", ("link", "two"))
        assert await names(platform, "/one/links") == ["busies", "two"]
        assert await names(platform, "/one/links?per_page=1&page=2") == ["two"]

    inside(test, BUSY)


@pytest.mark.operation("process.monitors", "process.monitored_by")
def test_monitors_are_listed_from_both_sides(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        before = await names(platform, "/two/monitored-by")
        await platform.call("one", ("monitor", "two"))
        (watched,) = await fact_of(platform, "/one/monitors")
        assert (watched["pid"], watched["name"]) == (None, "two")
        assert await names(platform, "/two/monitored-by") == [*before, "one"]

    inside(test, BUSY)


@pytest.mark.operation("process.memory")
def test_memory_is_estimated_and_follows_the_mailbox(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        before = await fact_of(platform, "/one/memory")
        assert 1000 < before["state"] < 2000
        assert before["total"] == before["state"] + before["mailbox"] + before["dictionary"]
        details = await fact_of(platform, "/one/info")
        assert (details["memory"], details["callbacks"]) == (before["total"], ["init", "handle_call", "handle_cast"])
        await platform.client.post(f"{AT}/one/suspend")
        body = {"message": "y" * 100_000, "message_type": "cast"}
        await platform.client.post(f"{AT}/one/message", json=body)
        assert (await fact_of(platform, "/one/memory"))["mailbox"] - before["mailbox"] > 100_000
        many = {"message": list(range(1000)), "message_type": "cast"}
        await platform.client.post(f"{AT}/one/message", json=many)
        assert (await fact_of(platform, "/one/info"))["memory"] is None  # counting takes longer than the limit
        unknown = await fact_of(platform, f"/{str(platform.node.spawn(hold)).strip('<>')}/memory")
        assert (unknown["state"], unknown["total"]) == (None, None)
        assert (await fact_of(platform, f"/{unknown['pid']}/info"))["memory"] is None

    inside(test, BUSY)


@pytest.mark.operation("process.backtrace")
def test_a_backtrace_shows_the_waiting_line(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        idle = await fact_of(platform, "/one/backtrace")
        assert (idle["places"], idle["callback"], idle["text"]) == ([], None, "")
        began = asyncio.Event()
        GenServer.cast(("one", platform.node), ({"password": "hunter2"}, began))
        await began.wait()
        busy = await fact_of(platform, "/one/backtrace")
        assert busy["callback"] == "handle_cast"
        assert busy["handling"].startswith("({'password': ***}, ")
        place = next(one for one in busy["places"] if one["function"] == "hold")
        assert place["line"] == hold.__code__.co_firstlineno + 1
        assert place["source"].startswith("await otp.receive")
        assert "in hold" in busy["text"]
        assert busy["busy_for_s"] >= 0

    inside(test, BUSY)


@pytest.mark.operation("process.dictionary")
def test_the_dictionary_is_shown_without_secrets(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        assert await fact_of(platform, "/one/dictionary") == {
            "pid": str(platform.node.whereis("one")).strip("<>"), "entries": {}, "count": 0,
        }  # fmt: skip
        await platform.call("one", ("put", "request", 17))
        await platform.call("one", ("put", "api_key", "k-123"))
        found = await fact_of(platform, "/one/dictionary")
        assert (found["entries"], found["count"]) == ({"request": 17, "api_key": "***"}, 2)

    inside(test, BUSY)


@pytest.mark.operation("process.item")
def test_a_single_fact_is_read_by_name(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        found = await fact_of(platform, "/one/info/trap_exit")
        assert (found["item"], found["value"]) == ("trap_exit", False)
        assert (await fact_of(platform, "/one/info/registered_name"))["value"] == "one"
        assert (await fact_of(platform, "/one/info/child"))["value"]["restart"] == "permanent"
        wrong = await platform.client.get(f"{AT}/one/info/group_leader")
        assert (wrong.status_code, wrong.json()["error"]["details"][0]["field"]) == (422, "item")

    inside(test, BUSY)


def test_a_missing_process_has_no_facts(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        for fact in (
            "links", "monitors", "monitored-by", "memory", "backtrace", "dictionary", "info/status",
        ):  # fmt: skip
            answer = await platform.client.get(f"{AT}/nobody/{fact}")
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, "process_not_found"), fact

    inside(test)
