"""Restarts as they happened, compared with what real supervisors did."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

import otp
from otp import ChildSpec, GenServer, Ok, Reply, Supervisor, impl
from otp.testing import advance, wait_all_idle
from restart_trees import (
    Group_,
    Worker,
    all_of,
    end,
    group,
    list_steps,
    newest,
    number,
    run,
    shape,
    worker,
)
from superlearner.control.backoff import register_backoff
from superlearner.control.tree import supervisor_state
from superlearner.restarts.causes import why
from superlearner.restarts.groups import groups
from superlearner.restarts.moments import moment_of
from superlearner.restarts.present import Running


@pytest.mark.parametrize(
    ("strategy", "stops", "starts"),
    [("one_for_one", "", "b"), ("one_for_all", "dca", "abcd"), ("rest_for_one", "dc", "bcd")],
)
def test_stops_come_newest_first_and_starts_in_order(strategy: str, stops: str, starts: str) -> None:
    async def test(node: otp.Node) -> None:
        before = {name: number(name) for name in "abcd"}
        pid = otp.whereis("b")
        assert pid is not None
        GenServer.cast(pid, "negative amount")
        await wait_all_idle()
        moment = newest(node)
        assert list_steps(moment) == [
            "crash top/b", "signal top/b to top", "decide top restart 1",
            *(f"stop top/{name} by top" for name in stops), *(f"start top/{name} by top" for name in starts),
        ]  # fmt: skip
        assert (moment.events[0].reason, moment.events[0].crash) == ("ValueError('negative amount')", True)
        assert [one.pid for one in moment.events if one.kind == "start"] == [number(name) for name in starts]
        assert [(one.name, one.pid, one.restart) for one in moment.root.children] == [
            (name, before[name], "permanent") for name in "abcd"
        ]
        root = moment.root
        assert (root.id, root.kind, root.strategy, root.limit, root.used) == (
            "top",
            "supervisor",
            strategy,
            (2, 5.0),
            0,
        )
        assert (moment.complete, moment.going_on, moment.storm) == (True, False, 0)
        assert moment.line is not None
        assert moment.line.source == "raise ValueError(request)"
        assert moment.steps[-1].text.startswith(f"top ({strategy}) restarted b <{number('b')}>")

    run(test, *map(worker, "abcd"), strategy=strategy, max_restarts=2)


@pytest.mark.parametrize("kinds", [set(), {"sent", "received"}], ids=["untraced", "messages_traced"])
def test_a_give_up_climbs_to_the_supervisor_above(kinds: set[str]) -> None:
    async def test(node: otp.Node) -> None:
        if kinds:  # then the first starts of a supervisor have causes
            otp.trace.subscribe(node, lambda _event: None, kinds=kinds)
        await end("x")
        before = {name: number(name) for name in ("inner", "x", "y")}
        moment = await end("x")
        assert list_steps(moment) == [
            "crash top/inner/x", "signal top/inner/x to top/inner", "decide top/inner give_up 0",
            "stop top/inner/y by top/inner", "crash top/inner", "signal top/inner to top", "decide top restart 19",
            "start top/inner by top", "start top/inner/x by top/inner", "start top/inner/y by top/inner",
        ]  # fmt: skip
        assert (moment.events[4].reason, moment.events[4].crash) == ("shutdown", False)
        assert (moment.storm, moment.storm_before) == (1, 1)
        inner = moment.root.children[0]
        assert (inner.used, inner.limit, inner.strategy) == (1, (1, 5.0), "one_for_all")
        assert shape(inner) == {
            "top/inner": before["inner"], "top/inner/x": before["x"], "top/inner/y": before["y"],
        }  # fmt: skip
        assert [step.kind for step in moment.steps] == ["exited", "gave_up", "child_restarted"]
        assert moment.ghosts == {}  # each strategy would have led to it

    run(test, group("inner", worker("x"), worker("y"), max_restarts=1, strategy="one_for_all"), worker("z"))


def test_the_budget_of_a_supervisor_that_was_stopped_counts_its_own_restarts() -> None:
    """Regression: it was that of its successor, which had restarted nothing: `2 of 2 restarts left`."""

    async def test(node: otp.Node) -> None:
        await end("gps")
        await advance(1)
        moment = await end("van")
        (tracking,) = [one for one in moment.root.children if one.name == "tracking"]
        assert (tracking.used, tracking.limit) == (1, (2, 5.0))
        assert moment.root.used == 0

    run(test, worker("van"), group("tracking", worker("gps"), max_restarts=2), strategy="one_for_all")


def test_a_root_without_a_supervisor_above_gives_up_for_good() -> None:
    async def test(node: otp.Node) -> None:
        otp.process_flag("trap_exit", True)
        moment = await end("x")
        assert list_steps(moment) == [
            "crash top/x", "signal top/x to top", "decide top give_up 0", "stop top/y by top", "crash top",
        ]  # fmt: skip
        assert (moment.root.name, len(moment.root.children), moment.going_on) == ("top", 2, False)

    run(test, worker("x"), worker("y"), max_restarts=0)


def test_a_give_up_has_the_strategy_that_the_supervisor_had_then() -> None:
    async def test(node: otp.Node) -> None:
        await Supervisor.change_flags("s", strategy="one_for_all")
        moment = await end("x")
        drawn = next(one for one in all_of(moment.root) if one.name == "s")
        decided = next(one for one in moment.events if one.kind == "decide" and one.what == "give_up")
        assert (drawn.strategy, decided.strategy) == ("one_for_all", "one_for_all")
        assert supervisor_state(otp.whereis("s")).strategy == "rest_for_one"  # its successor follows its code

    run(test, group("s", worker("x"), worker("y"), strategy="rest_for_one", max_restarts=0))


def test_a_link_leads_to_another_branch() -> None:
    async def test(node: otp.Node) -> None:
        moment = await end("a")
        assert moment.root.id == "top"
        assert sorted(list_steps(moment)) == sorted([
            "crash top/left/a", "link top/left/a to top/right/b",
            "signal top/left/a to top/left", "decide top/left restart 2", "start top/left/a by top/left",
            "signal top/right/b to top/right", "decide top/right restart 2", "start top/right/b by top/right",
        ])  # fmt: skip
        assert list_steps(moment)[:2] == ["crash top/left/a", "link top/left/a to top/right/b"]

    run(test, group("left", worker("a")), group("right", worker("b", "a")))


def test_an_end_over_a_link_from_outside_of_the_tree_is_an_end_by_itself() -> None:
    async def test(node: otp.Node) -> None:
        otp.trace.subscribe(node, lambda _: None, kinds={"exited"})  # else the end of `friend` is not recorded
        friend = otp.spawn(lambda: otp.receive())
        otp.register("friend", friend)
        await Supervisor.start_child("top", worker("late", "friend"))
        moment = await end("friend")
        assert list_steps(moment) == [
            "crash top/late", "signal top/late to top", "decide top restart 19", "start top/late by top",
        ]  # fmt: skip
        assert moment.steps[0].name == "friend"

    run(test, worker("a"))


@pytest.mark.parametrize(
    ("restart", "reason", "comes_back"),
    [("temporary", "kill", False), ("transient", "shutdown", False), ("transient", "kill", True)],
)
def test_what_is_not_restarted_is_dropped(restart: str, reason: str, comes_back: bool) -> None:
    async def test(node: otp.Node) -> None:
        before = number("b")
        moment = await end("b", reason)
        decided = ["decide top restart 19", "start top/b by top"] if comes_back else ["decide top drop None"]
        assert list_steps(moment) == ["crash top/b", "signal top/b to top", *decided]
        assert [(one.name, one.pid, one.restart) for one in moment.root.children][1] == ("b", before, restart)
        assert moment.took_ns is not None

    run(test, worker("a"), worker("b", restart=restart), worker("c"))


def test_a_child_that_was_dropped_tells_when_it_was_started_on_request() -> None:
    async def test(node: otp.Node) -> None:
        first = await end("b", "shutdown")
        assert [one.later_ns for one in first.events if one.kind == "decide"] == [None]
        await otp.testing.advance(2)
        await Supervisor.restart_child("top", "b")
        await otp.testing.advance(2)
        await Supervisor.terminate_child("top", "b")
        await Supervisor.restart_child("top", "b")
        events = otp.trace.history(node)
        moment = moment_of(events, groups(events)[first.id], Running(node))
        [decision] = [one for one in moment.events if one.kind == "decide"]
        assert (decision.what, decision.later_ns) == ("drop", 2_000_000_000)

    run(test, worker("a"), worker("b", restart="transient"))


def test_a_tree_that_gave_up_goes_on_until_the_platform_starts_it_after_a_pause() -> None:
    class Platform:
        def restarts(self, supervisor: str | None, id: str) -> bool:
            return (supervisor, id) == ("top", "shop")

    async def test(node: otp.Node) -> None:
        register_backoff(node, Platform())

        def find_decision() -> tuple[bool, str | None, int | None]:
            moment = newest(node)
            [*_, last] = [one for one in moment.events if one.kind == "decide"]
            return moment.going_on, last.what, last.later_ns

        await end("x")
        assert find_decision() == (True, "pause", None)
        await otp.testing.advance(2)
        await Supervisor.restart_child("top", "shop")
        assert find_decision() == (False, "pause", 2_000_000_000)

    run(test, group("shop", worker("x"), max_restarts=0, restart="transient"))


def test_temporary_children_of_a_group_are_stopped_and_not_started() -> None:
    async def test(node: otp.Node) -> None:
        moment = await end("a")
        assert list_steps(moment)[3:] == [
            "stop top/c by top", "stop top/b by top", "start top/a by top", "start top/c by top",
        ]  # fmt: skip
        assert [(one.name, one.restart) for one in moment.root.children] == [
            ("a", "permanent"), ("b", "temporary"), ("c", "permanent"),
        ]  # fmt: skip

    run(test, worker("a"), worker("b", restart="temporary"), worker("c"), strategy="one_for_all")


def test_a_killed_supervisor_takes_its_children_along() -> None:
    async def test(node: otp.Node) -> None:
        before = {name: number(name) for name in ("inner", "x", "y")}
        moment = await end("inner")
        assert list_steps(moment) == [
            "crash top/inner", "link top/inner to top/inner/x", "link top/inner to top/inner/y",
            "signal top/inner to top", "decide top restart 19", "start top/inner by top",
            "start top/inner/x by top/inner", "start top/inner/y by top/inner",
        ]  # fmt: skip
        assert [one.pid for one in all_of(moment.root.children[0])] == list(before.values())

    run(test, group("inner", worker("x"), worker("y")))


def test_a_significant_child_ends_its_supervisor() -> None:
    async def test(node: otp.Node) -> None:
        moment = await end("job", "shutdown")
        assert list_steps(moment)[:6] == [
            "crash top/inner/job", "signal top/inner/job to top/inner", "decide top/inner drop None",
            "stop top/inner/other by top/inner", "crash top/inner", "signal top/inner to top",
        ]  # fmt: skip

    job = worker("job", restart="transient", significant=True)
    run(test, group("inner", job, worker("other"), auto_shutdown="any_significant"))


def test_a_failed_restart_is_told_and_retried() -> None:
    starts: list[int] = []

    async def second_fails() -> Any:
        starts.append(1)
        if len(starts) == 2:
            raise RuntimeError("the disk is full")
        return await Worker.start_link(None, name="w")

    async def test(node: otp.Node) -> None:
        moment = await end("w")
        assert list_steps(moment) == [
            "crash top/w", "signal top/w to top", "decide top restart 19", "crash top/w", "decide top restart 18",
            "start top/w by top",
        ]  # fmt: skip
        failed = moment.events[3]
        assert (failed.reason, failed.start) == ("RuntimeError('the disk is full')", True)
        assert failed.line is not None and failed.line.function == "second_fails"
        assert moment.line == failed.line, "a kill raises nothing: the line is that of the start"

    run(test, ChildSpec("w", start=(second_fails,)))


def test_a_restart_that_is_going_on_says_so() -> None:
    starts: list[int] = []

    async def slow() -> None:
        starts.append(1)
        if len(starts) > 1:
            await otp.receive(lambda message: message == "go on")

    async def test(node: otp.Node) -> None:
        moment = await end("w")
        assert list_steps(moment) == [
            "crash top/w",
            "signal top/w to top",
            "decide top restart 19",
            "stop top/v by top",
        ]
        assert (moment.going_on, moment.took_ns) == (True, None)
        otp.send("w", "go on")
        await wait_all_idle()
        after = newest(node)
        assert (after.id, after.going_on, list_steps(after)[4:]) == (
            moment.id, False, ["start top/w by top", "start top/v by top"],
        )  # fmt: skip

    run(test, worker("w", slow), worker("v"), strategy="rest_for_one")


def test_the_end_has_the_time_of_the_start_by_which_its_message_is_attributed() -> None:
    """Regression: only messages sent less than 50 ms before the end had a sender."""

    async def test(node: otp.Node) -> None:
        await advance(60)
        pid = otp.whereis("a")
        assert pid is not None
        GenServer.cast(pid, "negative amount")
        await wait_all_idle()
        history = otp.trace.history(node)
        (started,) = [one for one in history if one.kind == "child_started" and one.data["child"] is pid]
        (step,) = [one for one in newest(node).steps if one.kind == "exited"]
        assert (step.begun_ns, step.message) == (started.at, "'negative amount'")
        assert step.at_ns - started.at >= 60_000_000_000

    run(test, worker("a"))


class Asker(GenServer[str]):
    @impl
    def init(self, arg: str) -> Ok[str]:
        return Ok(arg)

    @impl
    async def handle_call(self, request: str, caller: otp.From, state: str) -> Reply[str]:
        return Reply(await GenServer.call(state, "question"), state)


def test_a_deadlock_has_the_lines_of_all_its_calls() -> None:
    """Regression: only the list of failures had a line, that of the call that ended first."""

    async def test(node: otp.Node) -> None:
        otp.spawn(partial(GenServer.call, "left", "go", 60))
        await advance(3)
        await wait_all_idle()
        place = f"test_restart_moments.py:{Asker.handle_call.__code__.co_firstlineno + 2} in handle_call"
        moment = newest(node)
        crashes = [one for one in moment.events if one.kind == "crash"]
        assert [(one.id, one.line and one.line.place) for one in crashes] == [
            ("top/left", place), ("top/right", place),
        ]  # fmt: skip
        told = [one.text for one in why(node, number("right")) if one.kind == "exited"]
        assert [one.endswith(f"in handle_call('{asked}') at {place.partition(' ')[0]}") for one, asked in zip(
            told, ("go", "question"), strict=True
        )] == [True, True], told  # fmt: skip

    each = [Asker.child_spec(other, id=name, name=name) for name, other in (("left", "right"), ("right", "left"))]
    run(test, *each, strategy="rest_for_one")


def test_nested_give_ups_name_processes_and_count_all_attempts() -> None:
    """Regression: the third supervisor called its child by its class, and the page counted two of five attempts."""
    broken = list[int]()

    async def connect() -> None:
        if broken:
            raise ConnectionRefusedError("van")

    async def test(node: otp.Node) -> None:
        top = otp.whereis("depot")
        broken.append(1)
        otp.exit("courier_a", "kill")
        await otp.wait_down(top)
        await wait_all_idle()
        line = f"test_restart_moments.py:{connect.__code__.co_firstlineno + 2}"
        below = "its child courier_a did not start: ConnectionRefusedError('van')"
        moment = newest(node)
        told = [one.text for one in moment.steps if one.kind == "restart_failed"]
        assert told == [
            "courier_sup tried twice to start courier_a; each time connect raised ConnectionRefusedError('van'), "
            f"at {line}",
            f"ship_sup tried twice to start courier_sup; each time it failed: {below}, at {line}",
            "depot tried 6 times to start ship_sup; each time it failed: its child courier_sup did not start: "
            f"{below}, at {line}",
        ]  # fmt: skip
        attempts = [
            (one.id.rpartition("/")[2], one.times) for one in moment.events if one.kind == "crash" and one.start
        ]
        assert [sum(times for id, times in attempts if id == name) for name in ("a", "Couriers", "Ships")] == [2, 2, 6]
        decided = [one.what for one in moment.events if one.kind == "decide" and one.id == "top/depot"]
        assert decided == ["restart"] * 4 + ["give_up"]  # none between the attempts that are left out

    courier = Worker.child_spec(connect, id="a", name="courier_a")
    couriers = Group_.child_spec(([courier], {"max_restarts": 2}), id="Couriers", name="courier_sup")
    ships = Group_.child_spec(([couriers], {"max_restarts": 2}), id="Ships", name="ship_sup")
    run(test, Group_.child_spec(([ships], {"max_restarts": 6}), id="depot", name="depot", restart="temporary"))
