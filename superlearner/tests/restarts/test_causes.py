"""Causes of restarts: chains from the first cause, read from real exits."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

import otp
from otp import Children, ChildSpec, GenServer, NoReply, Ok, Reply, Supervisor, impl
from otp.testing import wait_all_idle
from superlearner.control.terms import plain_pid
from superlearner.restarts.cause_steps import OUTSIDE, Step
from superlearner.restarts.causes import trail, why


class Worker(GenServer[Any]):
    @impl
    async def init(self, arg: Any) -> Ok[Any]:
        if arg is not None:
            otp.link(otp.whereis(arg))  # type: ignore[arg-type]
        return Ok(arg)

    @impl
    def handle_cast(self, request: Any, state: Any) -> NoReply[Any]:
        raise ValueError(request)


class Group(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        children, options = arg
        return Children(list(children), **options)


def worker(name: str, *, friend: str | None = None, **spec: Any) -> ChildSpec:
    return Worker.child_spec(friend, id=name, name=name, **spec)


def group(name: str, *children: ChildSpec, **options: Any) -> ChildSpec:
    return Group.child_spec((children, options), id=name, name=name)


def run(test: Callable[[otp.Node], Any], *children: ChildSpec, **options: Any) -> None:
    """Run `await test(node)` with these children under `top`."""

    async def main() -> None:
        await Group.start_link((children, {"max_restarts": 20, **options}), name="top")
        await test(otp.trace.node_of(otp.self()))

    otp.run(main)


def number(name: str) -> str:
    pid = otp.whereis(name)
    assert pid is not None
    return plain_pid(pid)


def before(number: str) -> str:
    """Return the previous pid, as text."""
    node, place, life = number.split(".")
    return f"{node}.{int(place) - 1}.{life}"


async def settled(*names: str) -> None:
    """Wait until these supervisors have handled everything in their mailboxes."""
    for name in (*names, "top"):
        if otp.whereis(name) is not None:
            with suppress(otp.CallExit):  # it has given up by now
                await Supervisor.count_children(name)


async def kill(name: str, *supervisors: str) -> None:
    otp.exit(name, "kill")
    await settled(*supervisors)


def kinds(steps: list[Step]) -> list[tuple[str, str | None]]:
    return [(step.kind, step.name) for step in steps]


def test_siblings_restarted_along_have_the_first_cause_and_the_order() -> None:
    async def test(node: otp.Node) -> None:
        before = {name: number(name) for name in ("a", "b", "c", "d")}
        pid = node.parse_pid(before["b"])
        GenServer.cast(pid, "negative amount")
        await otp.wait_down(pid)
        await settled()
        steps = why(node, number("d"))
        assert kinds(steps) == [("exited", "b"), ("stopped", "top"), ("child_restarted", "top")]
        crash, stopped, restarted = steps
        assert (crash.pid, crash.crash, crash.reason) == (before["b"], True, "ValueError('negative amount')")
        assert crash.line is not None
        assert (crash.line.file, crash.line.source) == ("test_causes.py", "raise ValueError(request)")
        assert [(one.name, one.pid, one.reason) for one in stopped.parties] == [
            ("d", before["d"], "shutdown"),
            ("c", before["c"], "shutdown"),
        ]
        assert stopped.text == "top (rest_for_one) stopped d, then c: they were started after b"
        assert [(one.name, one.pid) for one in restarted.parties] == [(name, number(name)) for name in "bcd"]
        assert restarted.text.startswith(f"top (rest_for_one) restarted b <{number('b')}>, and with it c <")
        assert restarted.text.endswith(f" c <{number('c')}> and d <{number('d')}>; 19 of 20 restarts left in 5 s")
        assert kinds(why(node, before["d"])) == [("exited", "b"), ("stopped", "top")]
        assert kinds(why(node, number("a"))) == [("child_started", "top")]

    run(test, *map(worker, "abcd"), strategy="rest_for_one")


def test_after_a_give_up_the_chain_continues_to_the_exit_beyond_the_limit() -> None:
    async def test(node: otp.Node) -> None:
        await kill("x", "inner", "middle")
        assert kinds(why(node, number("x")))[0] == ("exited", "x")
        last = number("x")
        await kill("x", "inner", "middle")
        await settled("inner", "middle")
        steps = why(node, number("y"))
        assert kinds(steps) == [
            ("exited", "x"), ("gave_up", "inner"), ("child_restarted", "middle"), ("child_started", "inner"),
        ]  # fmt: skip
        assert steps[0].pid == last
        assert [(one.role, one.name) for one in steps[1].parties] == [("earlier", "x")]
        assert (steps[1].used, steps[1].allowed) == (2, 1)
        assert steps[-1].text == f"inner started y <{number('y')}>"

    run(test, group("middle", group("inner", worker("x"), worker("y"), max_restarts=1)))


def test_give_ups_at_two_levels_are_one_chain() -> None:
    async def test(node: otp.Node) -> None:
        await kill("x", "inner", "middle")
        await settled("inner", "middle")
        steps = why(node, number("x"))
        assert kinds(steps) == [
            ("exited", "x"), ("gave_up", "inner"), ("gave_up", "middle"), ("child_restarted", "top"),
            ("child_started", "middle"), ("child_started", "inner"),
        ]  # fmt: skip
        times = [one.at_ns for one in steps]
        assert times == sorted(times), "a supervisor is reported as started after its children"

    run(test, group("middle", group("inner", worker("x"), max_restarts=0), max_restarts=0))


def test_a_start_on_request_after_a_give_up_has_the_give_up_as_its_cause() -> None:
    async def test(node: otp.Node) -> None:
        await kill("job", "inner")
        await Supervisor.restart_child("top", "inner")
        chain = [("exited", "job"), ("gave_up", "inner"), ("child_started", "top")]
        assert kinds(why(node, number("inner"))) == chain
        assert kinds(why(node, number("job"))) == [*chain, ("child_started", "inner")]
        await Supervisor.terminate_child("top", "inner")
        await Supervisor.restart_child("top", "inner")
        assert kinds(why(node, number("inner"))) == [("stopped", "top"), ("child_started", "top")]

    inner = Group.child_spec(((worker("job"),), {"max_restarts": 0}), id="inner", name="inner", restart="transient")
    run(test, inner)


def test_the_chain_of_a_linked_process_names_the_one_that_crashed() -> None:
    async def test(node: otp.Node) -> None:
        a, b = number("a"), number("b")
        await kill("a", "left", "right")
        steps = why(node, number("b"))
        assert kinds(steps) == [("exited", "a"), ("linked", "b"), ("child_restarted", "right")]
        assert steps[0].signal_from == plain_pid(otp.self())
        assert steps[1].text == f"b <{b}> was linked to a and ended with it: killed"
        assert [(one.role, one.pid) for one in steps[1].parties] == [("linked", a)]

    run(test, group("left", worker("a")), group("right", worker("b", friend="a")))


class Quotes(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Ok[Any]:
        return Ok(arg)

    @impl
    async def handle_cast(self, request: Any, state: Any) -> NoReply[Any]:
        await GenServer.call("labels", request, timeout=60)
        return NoReply(state)

    @impl
    def handle_call(self, request: Any, caller: Any, state: Any) -> NoReply[Any]:
        return NoReply(state)


def test_a_process_that_was_calling_a_server_has_the_cause_of_the_end_of_that_server() -> None:
    """Regression: the chain of a whole tree that gave up began with a bystander: "its call to labels failed"."""

    async def test(node: otp.Node) -> None:
        quotes = node.parse_pid(number("quotes"))
        GenServer.cast("quotes", "total")
        await wait_all_idle()
        otp.exit("mailer", "no relay")
        await otp.wait_down(quotes)
        await settled()
        steps = why(node, plain_pid(quotes))
        assert kinds(steps) == [
            ("exited", "mailer"), ("gave_up", "office"), ("stopped", "office"), ("exited", "quotes"),
        ]  # fmt: skip
        assert steps[-1].text.endswith("its call to labels failed: shutdown, in handle_cast('total')")

    labels = Quotes.child_spec(None, id="labels", name="labels")
    office = group("office", labels, worker("mailer"), max_restarts=0)
    run(test, Quotes.child_spec(None, id="quotes", name="quotes"), office)


class Caller(GenServer[str]):
    """Calls the other one for each request, so that two of them wait for each other."""

    @impl
    def init(self, arg: str) -> Ok[str]:
        return Ok(arg)

    @impl
    async def handle_cast(self, request: float, state: str) -> NoReply[str]:
        await GenServer.call(state, request, timeout=request)
        return NoReply(state)

    @impl
    async def handle_call(self, request: float, caller: Any, state: str) -> Reply[Any, str]:
        return Reply(await GenServer.call(state, request, timeout=request), state)


def callers() -> tuple[ChildSpec, ChildSpec]:
    """Return the specs of `a` and `b`, which call each other."""
    first, second = (Caller.child_spec(other, id=name, name=name) for name, other in ("ab", "ba"))
    return first, second


def test_a_restart_after_a_deadlock_follows_the_one_that_was_handled_before_it() -> None:
    """Regression: the chain left out the restart of `b`, and told that `b`, which had crashed, was stopped."""

    async def test(node: otp.Node) -> None:
        a = node.parse_pid(number("a"))
        GenServer.cast("b", 0.05)
        await otp.wait_down(a)
        await settled()
        for name in "abc":
            steps = why(node, number(name))
            assert kinds(steps) == [
                ("exited", "b"), ("exited", "a"), ("stopped", "top"), ("child_restarted", "top"),
                ("stopped", "top"), ("child_restarted", "top"),
            ]  # fmt: skip
            assert steps[2].text == "top (rest_for_one) stopped c: it was started after b"
            assert steps[4].text == "top (rest_for_one) stopped c, then b: they were started after a"
            assert [one.used for one in steps if one.kind == "child_restarted"] == [1, 2]

    run(test, *callers(), worker("c"), strategy="rest_for_one")


def test_a_give_up_after_a_deadlock_follows_the_restart_before_it() -> None:
    async def test(node: otp.Node) -> None:
        office = node.parse_pid(number("office"))
        GenServer.cast("a", 0.05)
        await otp.wait_down(office)
        await settled()
        assert kinds(why(node, number("office"))) == [
            ("exited", "a"), ("exited", "b"), ("child_restarted", "office"), ("gave_up", "office"),
            ("child_restarted", "top"),
        ]  # fmt: skip

    run(test, group("office", *callers(), max_restarts=1))


def test_a_failed_restart_is_part_of_the_chain() -> None:
    starts: list[int] = []

    async def second_fails() -> Any:
        starts.append(1)
        if len(starts) == 2:
            raise RuntimeError("the disk is full")
        return await Worker.start_link(None, name="w")

    async def test(node: otp.Node) -> None:
        await kill("w")
        await settled()
        steps = why(node, number("w"))
        assert kinds(steps) == [
            ("exited", "w"), ("stopped", "top"), ("restart_failed", "top"), ("child_restarted", "top"),
        ]  # fmt: skip
        assert (
            steps[2].text == "top could not restart w: RuntimeError('the disk is full'); 19 of 20 restarts left in 5 s"
        )

    run(test, ChildSpec("w", start=(second_fails,)), worker("v"), strategy="one_for_all")


class Counter(GenServer[Any]):
    broken = False

    @impl
    def init(self, arg: Any) -> Ok[Any]:
        if Counter.broken:
            raise ValueError("boom")
        return Ok(arg)


def test_restarts_that_fail_in_the_same_way_are_one_step() -> None:
    async def test(node: otp.Node) -> None:
        tally = number("tally")
        Counter.broken = True
        otp.exit("counter", "kill")
        await otp.wait_down(node.parse_pid(tally))
        steps = why(node, tally)
        line = Counter.init.__code__.co_firstlineno + 3
        assert [step.text for step in steps[1:]] == [
            "tally tried 25 times to start counter; each time init raised ValueError('boom'), "
            f"at test_causes.py:{line}",
            "tally gave up: max_restarts=25 allows 25 restarts in 5 s, and a 26th was needed",
        ]
        assert [(step.kind, step.times) for step in steps] == [("exited", 1), ("restart_failed", 25), ("gave_up", 1)]
        assert steps[1].line is not None and steps[1].line.source == 'raise ValueError("boom")'

    children = [Counter.child_spec(None, id="counter", name="counter")]
    spec = Group.child_spec((children, {"max_restarts": 25}), id="tally", name="tally", restart="temporary")
    try:
        run(test, spec)
    finally:
        Counter.broken = False


def test_restarts_that_fail_for_different_reasons_stay_apart() -> None:
    starts: list[int] = []

    async def moody() -> Any:
        starts.append(1)
        if len(starts) in (2, 3, 4):
            raise otp.StartError("no_disk" if len(starts) < 4 else "no_net")
        return await Worker.start_link(None, name="w")

    async def test(node: otp.Node) -> None:
        await kill("w")
        await wait_all_idle()
        assert [step.text for step in why(node, number("w"))][1:3] == [
            "top tried twice to start w; each time it failed: no_disk",
            "top could not restart w: no_net; 17 of 20 restarts left in 5 s",
        ]

    run(test, ChildSpec("w", start=(moody,)))


def test_a_process_has_one_name_in_a_give_up_although_its_child_id_is_another() -> None:
    async def test(node: otp.Node) -> None:
        await kill("printer", "labels")
        await kill("printer", "labels")
        await settled("labels")
        steps = why(node, number("spool"))
        assert [step.text for step in steps if step.kind == "gave_up"] == [
            "labels gave up: max_restarts=1 allows 1 restart in 5 s, and a 2nd was needed (last: printer was killed)"
        ]
        assert "Printer" not in " ".join(step.text for step in steps)
        assert [one.name for step in steps for one in step.parties if step.kind == "gave_up"] == ["printer"]

    printer = Worker.child_spec(None, id="Printer", name="printer")
    run(test, group("labels", printer, worker("spool"), max_restarts=1))


def test_a_failed_restart_names_the_process_as_its_end_does() -> None:
    async def test(node: otp.Node) -> None:
        Counter.broken = True
        tally = number("tally")
        otp.exit("counter", "kill")
        await otp.wait_down(node.parse_pid(tally))
        texts = " ".join(step.text for step in why(node, tally))
        assert "tally tried twice to start counter" in texts
        assert "CounterSlot" not in texts

    spec = Counter.child_spec(None, id="CounterSlot", name="counter")
    try:
        run(test, Group.child_spec(([spec], {"max_restarts": 2}), id="tally", name="tally", restart="temporary"))
    finally:
        Counter.broken = False


def test_a_significant_child_takes_its_supervisor_along() -> None:
    async def test(node: otp.Node) -> None:
        inner = number("inner")
        otp.exit("job", "shutdown")
        await settled("inner")
        steps = why(node, inner)
        assert kinds(steps) == [("exited", "job"), ("exited", "inner")]
        assert steps[1].text == f"inner <{inner}> stopped its children and ended: its significant child job had ended"
        assert kinds(why(node, number("inner")))[-1] == ("child_restarted", "top")

    job = worker("job", restart="transient", significant=True)
    run(test, group("inner", job, worker("other"), auto_shutdown="any_significant"))


def test_a_child_stopped_on_request_says_so() -> None:
    async def test(node: otp.Node) -> None:
        a, x = number("a"), number("x")
        await Supervisor.terminate_child("top", "a")
        assert [step.text for step in why(node, a)] == ["top stopped a: it was asked to"]
        await Supervisor.terminate_child("top", "inner")
        assert [step.text for step in why(node, x)] == [
            "top stopped inner: it was asked to", "inner stopped x because inner was shutting down",
        ]  # fmt: skip

    run(test, worker("a"), group("inner", worker("x")))


def test_a_child_that_was_restarted_on_request_says_so_and_those_below_it() -> None:
    async def test(node: otp.Node) -> None:
        old = number("inner")
        await Supervisor.terminate_child("top", "inner")
        await Supervisor.restart_child("top", "inner")
        asked = ["top stopped inner: it was asked to", f"top started inner <{number('inner')}>"]
        assert number("inner") != old
        assert [step.text for step in why(node, number("inner"))] == asked
        assert [step.text for step in why(node, number("x"))] == [*asked, f"inner started x <{number('x')}>"]

    run(test, group("inner", worker("x")))


def test_a_child_started_later_is_not_caused_by_the_restart_of_its_supervisor() -> None:
    async def test(node: otp.Node) -> None:
        await kill("inner", "inner")
        await Supervisor.start_child("inner", worker("late"))
        assert kinds(why(node, number("late"))) == [("child_started", "inner")]
        assert kinds(why(node, number("x"))) == [
            ("exited", "inner"), ("child_restarted", "top"), ("child_started", "inner"),
        ]  # fmt: skip

    run(test, group("inner", worker("x")))


def test_a_sibling_that_a_second_attempt_stops_has_the_first_cause() -> None:
    starts = iter(range(9))

    async def second_fails() -> Any:
        if next(starts) == 1:
            raise ValueError("no stock")
        return await Worker.start_link(None, name="w")

    async def test(node: otp.Node) -> None:
        old, between = number("v"), []
        otp.trace.subscribe(node, lambda event: between.append(event.data["child"]), kinds={"child_restarted"})
        await kill("v", "top")
        assert number("v") not in (old, plain_pid(between[0]))
        steps = why(node, plain_pid(between[0]))
        assert kinds(steps) == [("exited", "v"), ("stopped", "top")]
        assert steps[-1].text == "top (one_for_all) stopped v: it restarts all its children together"

    run(test, worker("v"), ChildSpec("w", start=(second_fails,)), strategy="one_for_all")


def test_children_of_a_stopped_supervisor_are_not_stopped_for_a_child_that_it_left_alone() -> None:
    async def test(node: otp.Node) -> None:
        old = number("y")
        await kill("x", "inner")
        await Supervisor.terminate_child("top", "inner")
        assert [step.text for step in why(node, old)] == [
            "top stopped inner: it was asked to", "inner stopped y because inner was shutting down",
        ]  # fmt: skip

    run(test, group("inner", worker("x", restart="temporary"), worker("y")))


def test_exits_older_than_the_memory_of_the_node_have_no_chain() -> None:
    assert trail([], "0.7.0") == []


@dataclass
class Seen:
    """An event in the form a reducer receives."""

    seq: int
    kind: str
    pid: Any
    cause: int
    data: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def at(self) -> int:
        return self.seq


def test_a_signal_from_code_outside_of_a_process_comes_from_outside() -> None:
    (step,) = trail([Seen(1, "exited", "0.5.0", 0, {"reason": "killed", "sender": "0.1.0", "what": "W"})], "0.5.0")
    assert (step.signal_from, step.text) == (OUTSIDE, "W <0.5.0> was killed, by a signal from outside")


def test_a_signal_from_another_node_comes_from_outside_even_if_its_pid_exists_here() -> None:
    async def test(node: otp.Node) -> None:
        old, number_before = number("a"), number("b")
        await kill("a", "top")  # an exit that could be mistaken for the cause
        async with otp.Node("beside@127.0.0.1", hidden=True) as beside:
            while plain_pid(last := beside.spawn(lambda: None)) != before(old):
                await otp.receive(otp.monitor(last))
            over = otp.monitor("b")
            sender = beside.spawn(otp.exit, otp.whereis("b"), "boom")
            await otp.receive(over)
        assert plain_pid(sender) == old
        await settled()
        step = why(node, number_before)[-1]
        assert (step.kind, step.signal_from) == ("exited", OUTSIDE)
        assert [one.kind for one in why(node, number_before)] == ["exited"]

    run(test, worker("a"), worker("b"))


PIDS = st.sampled_from(["0.1.0", "0.2.0", "0.3.0", "0.4.0"])
IDS = st.sampled_from(["a", "b", None])
DATA = st.fixed_dictionaries(
    {
        "reason": st.sampled_from(["killed", "shutdown", ("shutdown", "x"), 7]), "sender": st.none() | PIDS, "id": IDS,
        "child": PIDS, "old": st.none() | PIDS, "by": st.sampled_from(["exit", "supervisor"]), "what": st.just("W"),
        "strategy": st.sampled_from(["one_for_one", "one_for_all", "rest_for_one"]), "used": st.integers(0, 4),
        "allowed": st.integers(0, 4), "window": st.sampled_from([5, "infinity"]), "group": st.just(()),
    }
)  # fmt: skip
KINDS = st.sampled_from(
    ["exited", "child_started", "child_restarted", "child_terminated", "restart_failed", "gave_up", "spawned"]
)


@given(st.lists(st.tuples(KINDS, PIDS, st.integers(0, 12), DATA), max_size=14), PIDS)
def test_any_events_make_a_bounded_chain(found: list[tuple[str, str, int, Any]], pid: str) -> None:
    events = [Seen(seq, kind, of, cause, data) for seq, (kind, of, cause, data) in enumerate(found, 1)]
    steps = trail(events, pid)
    assert len(steps) <= 20
    assert len({(step.event, step.kind) for step in steps}) == len(steps)
    assert all(step.text for step in steps)


def test_a_stop_names_the_child_that_ended_as_its_end_does() -> None:
    async def test(node: otp.Node) -> None:
        await kill("till")
        steps = why(node, number("cart"))
        assert [step.text.split(" <")[0] for step in steps] == [
            "till", "top (rest_for_one) stopped cart: it was started after till", "top (rest_for_one) restarted till",
        ]  # fmt: skip

    run(test, Worker.child_spec(None, id="stock", name="till"), worker("cart"), strategy="rest_for_one")
