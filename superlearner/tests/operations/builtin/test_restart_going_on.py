"""Answers about a process while its supervisor restarts it, and about restarts that were stored then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import otp
from otp import Children, GenServer, Ok, Supervisor, impl
from superlearner.app.running import Tree
from superlearner.operations.builtin.restart_facts import describe_facts
from superlearner.operations.builtin.restarts import ProgramEnd
from superlearner.restarts.ids import Ref
from superlearner.store import MomentRow


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
            assert why["summary"].endswith("\nit is being restarted")
            assert (why["alive"], why["restarted"]) == (False, None)
        finally:
            Slow.may_end.set()
        await Supervisor.count_children(("group", platform.node))
        why = (await platform.get("/api/v1/processes/left/errors/why"))["data"]
        assert (why["alive"], why["restarted"]) == (True, True)

    inside(test, TREE)


@pytest.mark.operation("restart.show")
def test_a_restart_that_was_stored_while_it_went_on_says_so_in_a_later_run(
    inside: Callable[..., Any], tmp_path: Path
) -> None:
    """Regression: "has started nothing yet" for ever."""
    ref = ""

    async def before(platform: Any) -> None:
        nonlocal ref
        Slow.may_end, Slow.stops = asyncio.Event(), asyncio.Event()
        otp.exit(platform.node.whereis("left"), "kill")
        await Slow.stops.wait()
        try:
            [line] = (await platform.get("/api/v1/restarts?process=left"))["data"]
            ref = line["ref"]
            facts = (await platform.get(f"/api/v1/restarts/{ref}"))["data"]["facts"]
            assert (facts["what"], facts["supervisor"]) == (
                "left has not been restarted yet", "group (one_for_all) has started nothing yet",
            )  # fmt: skip
            platform.platform.moments.close()  # the platform does not see its end
        finally:
            Slow.may_end.set()
        await Supervisor.count_children(("group", platform.node))

    async def after(platform: Any) -> None:
        facts = (await platform.get(f"/api/v1/restarts/{ref}"))["data"]["facts"]
        assert facts["what"] == "left had not been restarted yet when this was recorded"
        assert facts["supervisor"] == "group (one_for_all) had started nothing yet"

    inside(before, TREE, data_dir=tmp_path)
    inside(after, data_dir=tmp_path)


def test_a_supervisor_that_started_nothing_in_a_restart_that_is_over_will_not_either() -> None:
    """Regression: "ship has started nothing yet", and its own supervisor had given up."""
    moment = ProgramEnd("Office", "killed", 0.0, 1.0, "ship", "0.41.0").moment("ship@127.0.0.1", Ref("9f3a0c1b22d4", 1))
    moment.events.pop()
    assert describe_facts(moment).supervisor == "ship started nothing"
    assert describe_facts(moment.model_copy(update={"going_on": True})).supervisor == "ship has started nothing yet"


@pytest.mark.operation("restart.show")
def test_a_restart_with_a_number_of_its_own_keeps_it_when_it_is_shown(
    inside: Callable[..., Any], tmp_path: Path
) -> None:
    """Regression: the page of a give-up after a storm linked the number of its first cause, which a sum counted."""

    async def test(platform: Any) -> None:
        rows: list[MomentRow] = []
        platform.platform.moments.on_moment = rows.append
        ended = platform.node.whereis("counter_1")
        otp.exit(ended, "kill")
        await otp.wait_down(ended)
        await Supervisor.count_children(("demo_one_for_one", platform.node))
        platform.platform.moments.catch_up()
        number = rows[0].number + 90_000
        own = replace(rows[0], run="0123456789ab", number=number, last=number, events=f"{number}", id=0)
        platform.platform.store.append_moment(own)
        await platform.platform.store.sync()
        ref = f"0123456789ab.{number}"
        assert (await platform.get(f"/api/v1/restarts/{ref}"))["data"]["ref"] == ref

    inside(test, data_dir=tmp_path)
