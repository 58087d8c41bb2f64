"""The list of processes: filters, order, and pins that survive restarts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

import otp
from otp import Children, GenServer, NoReply, Ok, Registry, Supervisor, impl
from superlearner.control.listing import (
    COLUMNS,
    RUN,
    ProcessCount,
    ProcessFilter,
    _sorted,
    count_processes,
    find,
    restarts_of,
)
from superlearner.control.pinned import pinned
from superlearner.control.process_list import lines_of
from superlearner.control.protection import Protection
from superlearner.control.steer import NotThere, resolve
from superlearner.control.turns import Steps


class Worker(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Ok[Any]:
        return Ok(arg)

    @impl
    async def handle_cast(self, message: Any, state: Any) -> NoReply[Any]:
        await asyncio.Event().wait()
        return NoReply(state)


class Team(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        return Children([
            Worker.child_spec(None, name="anna", id="anna"),
            Worker.child_spec(None, name="<b>bert</b>", id="bert"),
            Worker.child_spec(None, id="nameless"),
        ])  # fmt: skip


async def loner() -> None:
    otp.register("loner", otp.self())
    await otp.receive(otp.Is("end"))


async def team() -> None:
    await Team.start_link(None, name="team")
    otp.spawn(loner)
    await otp.node().wait_registered("loner")


def run(test: Callable[[], Any]) -> Any:
    return otp.run(test)


async def names(**wanted: Any) -> list[str | None]:
    return [line["name"] for line in lines_of(await find(otp.node(), ProcessFilter(**wanted)))]


def test_filters_are_combined_with_and() -> None:
    async def main() -> None:
        await team()
        otp.GenServer.cast("anna", "work")
        for _ in range(3):
            otp.send("anna", "more")
        assert await names(search="ANNA") == ["anna"]
        assert await names(search="<b>") == ["<b>bert</b>"]
        assert await names(what="work") == ["anna", "<b>bert</b>", None]
        assert await names(kind="supervisor") == ["team"]
        assert await names(supervised=True) == ["anna", "<b>bert</b>", None]
        assert "loner" in await names(supervised=False)
        assert await names(below=otp.node().whereis("team")) == ["team", "anna", "<b>bert</b>", None]
        assert await names(mailbox=3) == ["anna"]
        assert await names(mailbox=3, search="bert") == []

    run(main)


@pytest.mark.parametrize("column", COLUMNS)
def test_every_column_orders_all_processes_both_ways(column: Any) -> None:
    async def main() -> None:
        await team()
        there = {str(pid) for pid in otp.node().processes()}
        for descending in (False, True):
            found = await find(otp.node(), ProcessFilter(sort=column, descending=descending))
            assert {str(pid) for pid in found} == there
            assert len(found) == len(there)

    run(main)


def test_the_youngest_come_first_by_age_and_the_fullest_mailbox_by_its_length() -> None:
    async def main() -> None:
        await team()
        for _ in range(2):
            otp.send("loner", "more")
        by_age = await find(otp.node(), ProcessFilter(sort="age"))
        assert [pid.id for pid in by_age] == sorted((pid.id for pid in by_age), reverse=True)
        assert (await names(sort="mailbox", descending=True))[0] == "loner"
        assert (await names(sort="name"))[0] == "<b>bert</b>"

    run(main)


async def playground(protection: Protection, ready: asyncio.Future[None]) -> None:
    protection.open(otp.self())
    await Team.start_link(None, name="team")
    await Worker.start(None, name="unlinked")
    asyncio.get_running_loop().call_soon(otp.spawn, loner)
    await otp.node().wait_registered("loner")
    ready.set_result(None)
    await otp.receive(otp.Is("end"))


@pytest.mark.parametrize("column", COLUMNS)
def test_the_processes_of_the_platform_are_listed_and_counted_apart(column: Any) -> None:
    """Also a server that a process of the user started without a link, and a process that its task started."""

    async def main() -> None:
        node, ready = otp.node(), asyncio.get_running_loop().create_future()
        service = otp.spawn(otp.receive, otp.Is("end"))
        protection = Protection(node)
        top = otp.spawn(playground, protection, ready)
        await ready
        own = [otp.self(), service, top]
        yours = [pid for pid in node.processes() if pid not in own]
        assert {otp.process_info(pid, "registered_name") for pid in yours} == {
            "team", "anna", "<b>bert</b>", None, "unlinked", "loner",
        }  # fmt: skip
        assert count_processes(node) == ProcessCount(yours=6, platform=3, platform_supervisors=0)
        for descending in (False, True):
            for whose, expected in (("yours", yours), ("platform", own), ("all", yours + own)):
                found = await find(node, ProcessFilter(whose=whose, sort=column, descending=descending))
                assert (len(found), set(found)) == (len(expected), set(expected))
        started = {top, *(pid for pid in yours if pid is not node.whereis("unlinked"))}
        assert set(await find(node, ProcessFilter(below=top, sort=column))) == started, "asked for explicitly"

    run(main)


def test_in_the_order_by_pid_the_users_processes_come_before_the_platforms() -> None:
    async def main() -> None:
        node, ready = otp.node(), asyncio.get_running_loop().create_future()
        own = [otp.self(), otp.spawn(playground, Protection(node), ready)]
        await ready
        service = otp.spawn(otp.receive, otp.Is("end"))
        everyone = list(node.processes())
        yours = [pid for pid in everyone if pid not in (*own, service)]
        assert await find(node, ProcessFilter(whose="all")) == [*yours, *own, service]
        assert await find(node, ProcessFilter(whose="all", descending=True)) == everyone[::-1]

    run(main)


def test_long_lists_are_sorted_in_runs_that_keep_equals_in_their_order() -> None:
    async def main() -> None:
        keys = [(number * 7919) % 101 for number in range(RUN * 2 + 17)]
        for backwards in (False, True):
            expected = sorted(range(len(keys)), key=keys.__getitem__, reverse=backwards)
            assert await _sorted(keys, Steps(), backwards=backwards) == expected

    run(main)


def test_a_process_is_listed_with_the_history_its_supervisor_keeps() -> None:
    async def main() -> None:
        await team()
        otp.exit("anna", "kill")
        await otp.node().wait_registered("anna")
        anna = otp.node().whereis("anna")
        assert await restarts_of(otp.node(), Steps()) == {anna: 1}
        (line,) = lines_of([anna])
        assert (line["name"], line["supervisor_name"], line["child_id"], line["restarts"]) == (
            "anna",
            "team",
            "anna",
            1,
        )
        assert (line["type"], line["what"]) == ("genserver", "Worker")
        assert (await names(sort="restarts", descending=True))[0] == "anna"

    run(main)


def test_a_pin_follows_a_restarted_process_by_name_and_by_place() -> None:
    async def main() -> None:
        await team()
        pins = [json.dumps(one) for one in (["name", "anna"], ["child", "team", "nameless"], ["pid", "0.1.0"])]
        before = dict(pinned(otp.node(), pins))
        otp.exit(before[pins[0]], "kill")
        otp.exit(before[pins[1]], "kill")
        await otp.node().wait_registered("anna")
        after = dict(pinned(otp.node(), pins))
        for pin in pins[:2]:
            assert after[pin] is not None
            assert after[pin] is not before[pin]

    run(main)


@pytest.mark.parametrize("pin", ["", "x", "[]", '["name"]', '["child", 1, 2]', '["pid", "0.999.0"]', "[" * 5000])
def test_a_pin_without_a_process_matches_none(pin: str) -> None:
    async def main() -> None:
        assert pinned(otp.node(), [pin]) == [(pin, None)]

    run(main)


def test_a_process_is_found_by_its_class_and_registry_key() -> None:
    async def main() -> None:
        await Registry.start_link(keys="unique", name="books")
        book = await Worker.start_link(None, name=Registry.via("books", "ACME"))
        await Worker.start_link(None, name=Registry.via("books", "password=hunter2"))
        assert await names(search="worker acme") == ["Worker ACME"]
        assert await names(what="work", sort="name") == ["Worker ACME", "Worker password=***"]
        assert resolve(otp.node(), "Worker ACME") is book
        with pytest.raises(NotThere, match="did you mean Worker ACME"):
            resolve(otp.node(), "Worker ACNE")

    run(main)
