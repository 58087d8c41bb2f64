"""Trees before a restart, compared with the tables of real supervisors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import otp
from otp import ChildSpec, DynamicSupervisor, GenServer, Supervisor
from otp.observer import keep_last_states
from otp.testing import wait_all_idle
from restart_trees import (
    Worker,
    all_of,
    end,
    found,
    group,
    list_steps,
    newest,
    run,
    shape,
    tree_now,
    worker,
)
from superlearner.control.events import is_stop
from superlearner.control.terms import plain_pid, short_state
from superlearner.restarts.groups import Group, groups
from superlearner.restarts.moments import Happening, moment_of
from superlearner.restarts.present import Running

STRATEGIES = ["one_for_one", "one_for_all", "rest_for_one"]


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


def test_a_sibling_that_had_just_ended_is_not_drawn_as_running() -> None:
    async def test(node: otp.Node) -> None:
        otp.exit("a", "kill")
        moment = await end("b")
        assert {one.name: one.ended for one in moment.root.children} == {"a": "killed", "b": None, "c": None}

    run(test, worker("a"), worker("b"), worker("c"))


def test_a_dynamic_supervisor_of_many_is_cut() -> None:
    async def test(node: otp.Node) -> None:
        pids = [await DynamicSupervisor.start_child("many", Worker.child_spec({"n": n})) for n in range(1_000)]
        old = plain_pid(pids[700])
        otp.exit(pids[700], "kill")
        await wait_all_idle()
        moment = newest(node)
        assert list_steps(moment) == [
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


def test_dynamic_children_are_drawn_in_the_order_of_their_start() -> None:
    async def test(node: otp.Node) -> None:
        pids = [await DynamicSupervisor.start_child("pool", Worker.child_spec({"n": n})) for n in range(4)]
        for pid in (pids[0], pids[2], pids[3]):
            otp.exit(pid, "kill")
            await wait_all_idle()
        moment = moment_of(otp.trace.history(node), found(node)[0], Running(node))
        assert [*map(plain_pid, pids)] == [one.pid for one in moment.root.children]

    run(test, DynamicSupervisor.child_spec(name="pool", id="pool"))


def test_children_with_names_are_drawn_first() -> None:
    async def test(node: otp.Node) -> None:
        moment = await end("w0")
        assert [one.name for one in moment.root.children] == ["w0", *(f"w{n}" for n in range(20, 31))]
        assert moment.root.more == 29

    nameless = [Worker.child_spec(None, id=f"n{n}") for n in range(10)]
    run(test, worker("w0"), *nameless, *(worker(f"w{n}") for n in range(20, 50)))


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
        assert (shape(again.root), list_steps(again)) == (shape(first.root), list_steps(first))
        assert [one.restart for one in all_of(again.root)] == [one.restart for one in all_of(first.root)]

    run(test, group("inner", worker("x"), worker("t", restart="temporary"), worker("y")), strategy="one_for_all")


def test_what_a_supervisor_started_before_its_start_failed_is_no_start_of_the_restart() -> None:
    """The first attempt starts s1 and w0, and ends them: the old s2 still stops its children then."""

    async def test(node: otp.Node) -> None:
        since = otp.trace.history(node)[-1].seq
        otp.exit("s0", "kill")
        await wait_all_idle()
        history = otp.trace.history(node)
        moment = moment_of(history, groups(history)[since + 1], Running(node))
        starts = [one.id.rpartition("/")[2] for one in moment.events if one.kind == "start"]
        assert starts == ["s0", "s1", "w0", "s2", "w1", "w2", "w3"]
        of_w0 = [one for one in history if one.kind == "child_started" and one.seq > since and one.data["id"] == "w0"]
        assert len(of_w0) == 2

    deep = group("s1", worker("w0")), group("s2", worker("w1"), worker("w2")), worker("w3")
    run(test, group("s0", *deep, max_restarts=0))


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


def with_children(pids: Iterable[str | None], started: Sequence[Any]) -> set[str | None]:
    """Return these processes and those started below them; what is below a start that failed is below none of them."""
    known, starts = set(pids), [(plain_pid(one.pid), plain_pid(one.data["child"])) for one in started]
    while more := {child for by, child in starts if by in known} - known:
        known |= more
    return known


def created(number: str | None) -> int:
    return int((number or "0.0.0").split(".")[1])


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
            known = with_children(before.values(), started)
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
