"""The list of processes: filters, order, and pins that survive restarts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

import otp
from otp import Children, GenServer, NoReply, Ok, Registry, Supervisor, impl
from superlearner.control.listing import COLUMNS, RUN, ProcessFilter, _sorted, find, restarts_of
from superlearner.control.pinned import pinned
from superlearner.control.process_list import lines_of
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


def test_in_the_order_by_pid_the_readers_processes_come_before_the_platforms() -> None:
    async def main() -> None:
        otp.spawn(loner)
        await otp.node().wait_registered("loner")
        await Team.start_link(None, name="playground")
        everyone, loners = list(otp.node().processes()), otp.node().whereis("loner")
        yours = everyone[everyone.index(otp.node().whereis("playground")) :]
        rest = everyone[: -len(yours)]
        assert len(yours) == 4
        assert loners in rest
        assert await find(otp.node(), ProcessFilter()) == yours + rest
        assert await names(search="l") == ["playground", None, "loner"]
        assert await find(otp.node(), ProcessFilter(descending=True)) == everyone[::-1]

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
