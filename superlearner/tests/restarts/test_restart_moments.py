"""Restarts as they happened, compared with what real supervisors did and with the tables before."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from types import FunctionType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import otp
from otp import Children, ChildSpec, DynamicSupervisor, GenServer, NoReply, Ok, Supervisor, impl
from otp.observer import keep_last_states
from otp.testing import Scheduler, wait_all_idle
from superlearner.control.events import OF_CHILDREN, is_stop
from superlearner.control.terms import plain_pid, short_state
from superlearner.control.tree import place_of, supervisor_state
from superlearner.restarts.drawing import MomentNode
from superlearner.restarts.groups import Group, groups
from superlearner.restarts.moments import Happening, Moment, NoSupervisor, moment_of
from superlearner.restarts.present import Running, waits

STRATEGIES = ["one_for_one", "one_for_all", "rest_for_one"]


class Worker(GenServer[Any]):
    @impl
    async def init(self, arg: Any) -> Ok[Any]:
        if isinstance(arg, FunctionType):
            await arg()
        elif isinstance(arg, str) and (friend := otp.whereis(arg)) is not None:
            otp.link(friend)
        return Ok(arg)

    @impl
    def handle_cast(self, request: Any, state: Any) -> NoReply[Any]:
        raise ValueError(request)


class Group_(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        children, options = arg
        return Children(list(children), **options)


def worker(name: str, arg: Any = None, **spec: Any) -> ChildSpec:
    return Worker.child_spec(arg, id=name, name=name, **spec)


def group(name: str, *children: ChildSpec, **options: Any) -> ChildSpec:
    return Group_.child_spec((children, options), id=name, name=name)


def run(test: Callable[[otp.Node], Any], *children: ChildSpec, **options: Any) -> Any:
    """Run `await test(node)` with these children under `top`."""

    async def main() -> Any:
        await Group_.start_link((children, {"max_restarts": 20, **options}), name="top")
        return await test(otp.trace.node_of(otp.self()))

    return Scheduler().run(main)


def number(name: str) -> str:
    pid = otp.whereis(name)
    assert pid is not None
    return plain_pid(pid)


def found(node: otp.Node, since: int = 0) -> list[Group]:
    """Return the groups that a supervisor acted in, oldest first."""
    now = Running(node)
    sorted_ = groups(otp.trace.history(node, since), lambda end: waits(now, end))
    return [one for one in {id(one): one for one in sorted_.values()}.values() if one.of(*OF_CHILDREN)]


def newest(node: otp.Node) -> Moment:
    return moment_of(otp.trace.history(node), found(node)[-1], Running(node))


async def end(name: str, reason: str = "kill") -> Moment:
    """End a process and return the moment, once everything is quiet."""
    otp.exit(name, reason)
    await wait_all_idle()
    return newest(otp.trace.node_of(otp.self()))


def short(one: Happening) -> str:
    """Return an event in one line: `stop d by top`."""
    last = {"decide": f"{one.what} {one.left}", "stop": f"by {one.by}", "start": f"by {one.by}"}
    parts = [one.kind, one.id, last.get(one.kind) or ("" if one.to is None else f"to {one.to}")]
    return " ".join(filter(None, parts))


def told(moment: Moment) -> list[str]:
    return [short(one) for one in moment.events]


def all_of(node: MomentNode) -> Iterator[MomentNode]:
    yield node
    for child in node.children:
        yield from all_of(child)


def shape(node: MomentNode) -> dict[str, str | None]:
    return {one.id: one.pid for one in all_of(node)}


def tree_now(node: otp.Node, root: otp.Pid) -> dict[str, str | None]:
    """Return the pid in each slot below a supervisor, from the tables."""
    path = place_of(root)
    assert path is not None
    slots: dict[str, str | None] = {path: plain_pid(root)}
    for record in supervisor_state(root).children:
        if record.pid is None:
            slots[f"{path}/{record.id}"] = None
        elif supervisor_state(record.pid) is not None:
            slots |= tree_now(node, record.pid)
        else:
            slots[f"{path}/{record.id}"] = plain_pid(record.pid)
    return slots


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
        assert told(moment) == [
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


def test_every_event_of_a_restart_leads_to_the_same_moment_and_others_to_none() -> None:
    async def test(node: otp.Node) -> None:
        await Supervisor.terminate_child("top", "a")
        asked = otp.trace.history(node)[-1].seq
        await end("c")
        sorted_ = groups(otp.trace.history(node))
        assert asked not in sorted_
        assert {id(sorted_[event.seq]) for event in otp.trace.history(node, asked)} == {id(sorted_[asked + 1])}

    run(test, *map(worker, "abcd"), strategy="rest_for_one")


@pytest.mark.parametrize("kinds", [set(), {"sent", "received"}], ids=["untraced", "messages_traced"])
def test_a_give_up_climbs_to_the_supervisor_above(kinds: set[str]) -> None:
    async def test(node: otp.Node) -> None:
        if kinds:  # then the first starts of a supervisor have causes
            otp.trace.subscribe(node, lambda _event: None, kinds=kinds)
        await end("x")
        before = {name: number(name) for name in ("inner", "x", "y")}
        moment = await end("x")
        assert told(moment) == [
            "crash top/inner/x", "signal top/inner/x to top/inner", "decide top/inner give_up 0",
            "stop top/inner/y by top/inner", "crash top/inner", "signal top/inner to top", "decide top restart 19",
            "start top/inner by top", "start top/inner/x by top/inner", "start top/inner/y by top/inner",
        ]  # fmt: skip
        assert (moment.events[4].reason, moment.events[4].crash) == ("shutdown", False)
        assert moment.storm == 1
        inner = moment.root.children[0]
        assert (inner.used, inner.limit, inner.strategy) == (1, (1, 5.0), "one_for_all")
        assert shape(inner) == {
            "top/inner": before["inner"], "top/inner/x": before["x"], "top/inner/y": before["y"],
        }  # fmt: skip
        assert [step.kind for step in moment.steps] == ["exited", "gave_up", "child_restarted"]
        assert moment.ghosts == {}  # each strategy would have led to it

    run(test, group("inner", worker("x"), worker("y"), max_restarts=1, strategy="one_for_all"), worker("z"))


def test_a_state_is_the_last_one_of_a_process_that_ended_then() -> None:
    async def test(node: otp.Node) -> None:
        last = keep_last_states(node, show=short_state)

        def states(of: Group) -> list[str | None]:
            moment = moment_of(otp.trace.history(node), of, Running(node, last))
            return [one.state for one in moment.root.children]

        await end("y")
        group = found(node)[-1]
        assert states(group) == [None, "{'n': 2}", "{'n': 3}"]  # x went on
        await end("x")
        assert states(group) == [None, "{'n': 2}", "{'n': 3}"]  # its state of later is not that of then
        assert states(found(node)[-1]) == ["{'n': 1}", "{'n': 2}", "{'n': 3}"]
        last.close()

    children = [worker(name, {"n": n}) for n, name in enumerate("xyz", 1)]
    run(test, *children, strategy="rest_for_one")


def test_a_root_without_a_supervisor_above_gives_up_for_good() -> None:
    async def test(node: otp.Node) -> None:
        otp.process_flag("trap_exit", True)
        moment = await end("x")
        assert told(moment) == [
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


def test_a_sibling_that_had_just_ended_is_not_drawn_as_running() -> None:
    async def test(node: otp.Node) -> None:
        otp.exit("a", "kill")
        moment = await end("b")
        assert {one.name: one.ended for one in moment.root.children} == {"a": "killed", "b": None, "c": None}

    run(test, worker("a"), worker("b"), worker("c"))


def test_a_link_leads_to_another_branch() -> None:
    async def test(node: otp.Node) -> None:
        moment = await end("a")
        assert moment.root.id == "top"
        assert sorted(told(moment)) == sorted([
            "crash top/left/a", "link top/left/a to top/right/b",
            "signal top/left/a to top/left", "decide top/left restart 2", "start top/left/a by top/left",
            "signal top/right/b to top/right", "decide top/right restart 2", "start top/right/b by top/right",
        ])  # fmt: skip
        assert told(moment)[:2] == ["crash top/left/a", "link top/left/a to top/right/b"]

    run(test, group("left", worker("a")), group("right", worker("b", "a")))


def test_an_end_over_a_link_from_outside_of_the_tree_is_an_end_by_itself() -> None:
    async def test(node: otp.Node) -> None:
        otp.trace.subscribe(node, lambda _: None, kinds={"exited"})  # else the end of `friend` is not recorded
        friend = otp.spawn(lambda: otp.receive())
        otp.register("friend", friend)
        await Supervisor.start_child("top", worker("late", "friend"))
        moment = await end("friend")
        assert told(moment) == [
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
        assert told(moment) == ["crash top/b", "signal top/b to top", *decided]
        assert [(one.name, one.pid, one.restart) for one in moment.root.children][1] == ("b", before, restart)
        assert moment.took_ns is not None

    run(test, worker("a"), worker("b", restart=restart), worker("c"))


def test_a_child_that_was_dropped_tells_when_it_was_started_on_request() -> None:
    async def test(node: otp.Node) -> None:
        assert [one.later_ns for one in (await end("b", "shutdown")).events if one.kind == "decide"] == [None]
        await otp.testing.advance(2)
        await Supervisor.restart_child("top", "b")
        await otp.testing.advance(2)
        await Supervisor.terminate_child("top", "b")
        await Supervisor.restart_child("top", "b")
        [decision] = [one for one in newest(node).events if one.kind == "decide"]
        assert (decision.what, decision.later_ns) == ("drop", 2_000_000_000)

    run(test, worker("a"), worker("b", restart="transient"))


def test_temporary_children_of_a_group_are_stopped_and_not_started() -> None:
    async def test(node: otp.Node) -> None:
        moment = await end("a")
        assert told(moment)[3:] == [
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
        assert told(moment) == [
            "crash top/inner", "link top/inner to top/inner/x", "link top/inner to top/inner/y",
            "signal top/inner to top", "decide top restart 19", "start top/inner by top",
            "start top/inner/x by top/inner", "start top/inner/y by top/inner",
        ]  # fmt: skip
        assert [one.pid for one in all_of(moment.root.children[0])] == list(before.values())

    run(test, group("inner", worker("x"), worker("y")))


def test_a_significant_child_ends_its_supervisor() -> None:
    async def test(node: otp.Node) -> None:
        moment = await end("job", "shutdown")
        assert told(moment)[:6] == [
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
        assert told(moment) == [
            "crash top/w", "signal top/w to top", "decide top restart 19", "crash top/w", "decide top restart 18",
            "start top/w by top",
        ]  # fmt: skip
        assert moment.events[3].reason == "RuntimeError('the disk is full')"

    run(test, ChildSpec("w", start=(second_fails,)))


def test_a_restart_that_is_going_on_says_so() -> None:
    starts: list[int] = []

    async def slow() -> None:
        starts.append(1)
        if len(starts) > 1:
            await otp.receive(lambda message: message == "go on")

    async def test(node: otp.Node) -> None:
        moment = await end("w")
        assert told(moment) == ["crash top/w", "signal top/w to top", "decide top restart 19", "stop top/v by top"]
        assert (moment.going_on, moment.took_ns) == (True, None)
        otp.send("w", "go on")
        await wait_all_idle()
        after = newest(node)
        assert (after.id, after.going_on, told(after)[4:]) == (
            moment.id, False, ["start top/w by top", "start top/v by top"],
        )  # fmt: skip

    run(test, worker("w", slow), worker("v"), strategy="rest_for_one")


def test_a_dynamic_supervisor_of_many_is_cut() -> None:
    async def test(node: otp.Node) -> None:
        pids = [await DynamicSupervisor.start_child("many", Worker.child_spec({"n": n})) for n in range(1_000)]
        old = plain_pid(pids[700])
        otp.exit(pids[700], "kill")
        await wait_all_idle()
        moment = newest(node)
        assert told(moment) == [
            f"crash top/many/{old}", f"signal top/many/{old} to top/many", "decide top/many restart 2",
            f"start top/many/{old} by top/many",
        ]  # fmt: skip
        root = moment.root
        assert (root.kind, root.strategy, len(root.children), root.more) == ("dynamic_supervisor", "dynamic", 12, 988)
        assert [one.pid for one in root.children] == [*map(plain_pid, pids[:11]), old]
        assert (root.children[0].state, root.children[-1].state) == (None, None)
        assert moment.events[-1].state == "{'n': 700}"
        assert moment.ghosts == {}

    run(test, DynamicSupervisor.child_spec(name="many", id="many"))


def test_children_with_names_are_drawn_first() -> None:
    async def test(node: otp.Node) -> None:
        moment = await end("w0")
        assert [one.name for one in moment.root.children] == ["w0", *(f"w{n}" for n in range(20, 31))]
        assert moment.root.more == 29

    nameless = [Worker.child_spec(None, id=f"n{n}") for n in range(10)]
    run(test, worker("w0"), *nameless, *(worker(f"w{n}") for n in range(20, 50)))


def test_a_first_cause_that_is_no_longer_in_memory_makes_it_incomplete() -> None:
    async def test(node: otp.Node) -> None:
        await end("b")
        events = otp.trace.history(node)
        first = next(event for event in events if event.kind == "exited")
        left = [event for event in events if event.seq > first.seq]
        group = groups(left)[first.seq]
        moment = moment_of(left, group, Running(node))
        assert (moment.id, moment.complete) == (first.seq, False)
        assert told(moment) == ["signal top/b to top", "decide top restart 19", "start top/b by top"]
        last = [event for event in left if event.kind == "child_restarted"]
        moment = moment_of(last, groups(last)[last[0].seq], Running(node))
        assert (moment.id, told(moment)) == (first.seq, ["decide top restart 19", "start top/b by top"])
        assert [one.name for one in moment.root.children] == ["a", "b", "c"]

    run(test, *map(worker, "abc"))


def test_a_process_without_a_supervisor_has_no_moment() -> None:
    async def test(node: otp.Node) -> None:
        pid = await node.start(Group_, ([], {}), name="alone")
        otp.exit(pid, "kill")
        await wait_all_idle()
        events = otp.trace.history(node)
        with pytest.raises(NoSupervisor):
            moment_of(events, groups(events)[events[-1].seq], Running(node))

    run(test)


def test_states_and_reasons_hide_secrets() -> None:
    async def test(node: otp.Node) -> None:
        GenServer.cast(otp.whereis("vault"), ("login", {"password": "hunter2"}))  # type: ignore[arg-type]
        await wait_all_idle()
        moment = newest(node)
        assert "hunter2" not in repr(moment)
        assert moment.events[-1].state == "{'api_key': ***}"
        assert moment.events[0].reason == "ValueError(('login', {'password': ***}))"

    run(test, worker("vault", {"api_key": "hunter2"}))


def test_the_tree_before_has_what_ended_since() -> None:
    """Later restarts, and the end of the whole branch, change nothing about an earlier moment."""

    async def test(node: otp.Node) -> None:
        first = await end("x")
        await end("y")
        await end("inner")
        await Supervisor.start_child("inner", worker("later"))
        again = moment_of(otp.trace.history(node), found(node)[0], Running(node))
        assert (shape(again.root), told(again)) == (shape(first.root), told(first))
        assert [one.restart for one in all_of(again.root)] == [one.restart for one in all_of(first.root)]

    run(test, group("inner", worker("x"), worker("t", restart="temporary"), worker("y")), strategy="one_for_all")


class Draw:
    """A random tree with unique names."""

    def __init__(self, draw: Callable[[Any], Any]) -> None:
        self.draw = draw
        self.workers: list[str] = []
        self.supervisors: list[str] = []

    def children(self, depth: int) -> list[ChildSpec]:
        return [self.child(depth) for _ in range(self.draw(st.integers(1, 4)))]

    def child(self, depth: int) -> ChildSpec:
        if depth and self.draw(st.integers(0, 2)) == 0:
            name = f"s{len(self.supervisors)}"
            self.supervisors.append(name)
            return group(name, *self.children(depth - 1), **self.options())
        name = f"w{len(self.workers)}"
        self.workers.append(name)
        restart = self.draw(st.sampled_from(["permanent", "permanent", "transient", "temporary"]))
        return worker(name, restart=restart)

    def options(self) -> dict[str, Any]:
        return {"strategy": self.draw(st.sampled_from(STRATEGIES)), "max_restarts": self.draw(st.integers(0, 2))}


def replayed(before: dict[str, str | None], happened: Sequence[Happening], gone: set[str]) -> dict[str, str | None]:
    """Return the slots after the events."""
    slots = dict(before)
    for one in happened:
        if one.kind in ("crash", "stop"):
            slots[one.id] = None
        elif one.kind == "link" and one.to is not None:
            slots[one.to] = None
        elif one.kind == "start":
            slots[one.id] = one.pid
    return {id: pid for id, pid in slots.items() if id not in gone}


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_a_moment_of_a_random_tree_leads_from_the_tree_before_to_the_tree_after(data: st.DataObject) -> None:
    drawn = Draw(data.draw)
    children = drawn.children(2)
    options = {**drawn.options(), "max_restarts": 20}

    async def test(node: otp.Node) -> None:
        for _ in range(data.draw(st.integers(1, 3))):
            living = [name for name in (*drawn.workers, *drawn.supervisors) if otp.whereis(name) is not None]
            if not living:
                return
            top = otp.whereis("top")
            assert top is not None
            before, since = tree_now(node, top), otp.trace.history(node)[-1].seq
            reason = data.draw(st.sampled_from(["kill", "shutdown", "boom"]))
            victim = data.draw(st.sampled_from(living))
            if victim in drawn.supervisors:  # others than kill are handled by its `handle_info`
                reason = "kill"
            otp.exit(victim, reason)
            await wait_all_idle()
            after = otp.trace.history(node, since)
            history = otp.trace.history(node)
            moment = moment_of(history, groups(history)[since + 1], Running(node))
            assert (moment.complete, moment.going_on) == (True, False)
            again = {one.id for one in moment.events if one.kind == "start"} - before.keys()  # temporary, had ended
            assert dict.fromkeys(again).items() <= shape(moment.root).items()
            assert {id: pid for id, pid in shape(moment.root).items() if id not in again}.items() <= before.items()
            started = [event for event in after if event.kind in ("child_started", "child_restarted")]
            known = {*before.values(), *(plain_pid(event.data["child"]) for event in started)}
            starts = [event.data["child"] for event in started if str(event.pid).strip("<>") in known]
            told_starts = [one for one in moment.events if one.kind == "start"]
            assert sorted(one.pid or "" for one in told_starts) == sorted(map(plain_pid, starts))
            assert [one.pid for one in told_starts] == sorted((one.pid for one in told_starts), key=created)
            stops = [event for event in after if is_stop(event) and str(event.pid).strip("<>") in known]
            assert [one.id.rpartition("/")[2] for one in moment.events if one.kind == "stop"] == [
                event.data["id"] for event in stops
            ]
            now = {id: pid for id, pid in tree_now(node, top).items() if id in shape(moment.root)}
            gone = set(shape(moment.root)) - set(now)
            assert replayed(shape(moment.root), moment.events, gone) == now
            assert {pid for id, pid in shape(moment.root).items() if id in gone}.isdisjoint(now.values())

    run(test, *children, **options)


def created(number: str | None) -> int:
    return int((number or "0.0.0").split(".")[1])


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.sampled_from(["permanent", "transient", "temporary"]), min_size=1, max_size=5),
    st.sampled_from(STRATEGIES), st.sampled_from(["kill", "shutdown"]), st.data(),
)  # fmt: skip
def test_ghosts_are_what_the_runtime_does_under_the_other_strategy(
    restarts: list[str], strategy: str, reason: str, data: st.DataObject
) -> None:
    victim = f"w{data.draw(st.integers(0, len(restarts) - 1))}"

    def under(chosen: str) -> Moment:
        async def test(node: otp.Node) -> Moment:
            return await end(victim, reason)

        children = [worker(f"w{n}", restart=restart) for n, restart in enumerate(restarts)]
        return run(test, *children, strategy=chosen)

    def started(moment: Moment) -> set[str]:
        return {one.id for one in moment.events if one.kind == "start"}

    moment = under(strategy)
    for other in STRATEGIES:
        ghost = moment.ghosts[other]
        assert started(under(other)) == (started(moment) | set(ghost.also)) - set(ghost.no)


def test_a_start_on_request_is_no_restart_while_messages_are_traced() -> None:
    async def test(node: otp.Node) -> None:
        reading = otp.trace.subscribe(node, lambda _event: None, kinds={"sent", "received"})
        rooms = await DynamicSupervisor.start_link()
        since = otp.trace.history(node)[-1].seq
        await DynamicSupervisor.start_child(rooms, Worker.child_spec(None))
        reading.close()
        (started,) = [one for one in otp.trace.history(node, since) if one.kind == "child_started"]
        assert started.cause
        assert groups(otp.trace.history(node)) == {}

    run(test)
