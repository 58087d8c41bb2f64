"""The writing side of the event stream. Source: design part 1 §7."""

from __future__ import annotations

import asyncio
import gc
import logging
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

import otp
from echo_server import Echo
from otp import GenServer, trace
from otp.bounded import text
from otp.kernel.ends import death
from otp.kernel.tables.callers import OutsideCaller
from otp.kernel.tables.tracing import ENDS_SIZE, KEPT_IN_A_SECOND, RING_SIZE, Tracer, bounded_text
from otp.testing import Scheduler, advance, wait_all_idle


def node() -> otp.Node:
    return trace.node_of(otp.self())


def test_events_are_numbered_without_gaps_and_timed_by_the_nodes_clock(run: Any) -> None:
    async def main() -> Any:
        seen: list[trace.Event] = []
        trace.subscribe(node(), seen.append)
        for _ in range(3):
            await otp.wait_down(otp.spawn(lambda: None))
            await advance(1)
        numbers = [event.seq for event in seen]
        return (
            numbers == list(range(numbers[0], numbers[0] + 6)),
            [event.kind for event in seen],
            [event.at for event in seen if event.kind == "exited"],
            {event.node for event in seen},
        )

    assert run(main) == (True, ["spawned", "exited"] * 3, [0, 10**9, 2 * 10**9], {"test"})


def test_traced_callers_that_are_no_processes_leave_nothing_behind() -> None:
    """Regression: the trace kept the last message of each such caller, and was not notified of their end."""

    async def main() -> int:
        async with otp.Node("n") as here:
            server = await here.start(Echo)
            subscription = here.subscribe(lambda event: None, kinds=trace.MESSAGE_KINDS)
            for request in range(50):
                await GenServer.call(server, request, "infinity")  # without a limit there is no timer
            gc.collect()
            left = sum(type(thing) is OutsideCaller for thing in gc.get_objects())
            subscription.close()
            return left

    assert asyncio.run(main()) == 0


def test_a_subscription_chooses_kinds_pids_limit_and_rate(run: Any) -> None:
    async def main() -> Any:
        got: dict[str, list[Any]] = {"kinds": [], "pids": [], "limit": [], "rate": []}
        pid = otp.spawn(otp.receive)
        trace.subscribe(node(), lambda e: got["kinds"].append(e.kind), kinds={"exited"})
        trace.subscribe(node(), lambda e: got["pids"].append(e.kind), pids=[pid])
        trace.subscribe(node(), lambda e: got["limit"].append(e.kind), limit=2)
        rate = trace.subscribe(node(), lambda e: got["rate"].append(e.kind), kinds={"spawned"}, rate=2)
        for _ in range(5):
            await otp.wait_down(otp.spawn(lambda: None))
        otp.send(pid, "end")
        await wait_all_idle()
        return *(list(kinds) for kinds in got.values()), rate.dropped

    assert run(main) == (["exited"] * 6, ["exited"], ["spawned", "exited"], ["spawned"] * 2, 3)


def test_a_subscription_to_a_process_has_the_messages_to_it_as_well(run: Any) -> None:
    async def main() -> Any:
        seen: list[Any] = []
        pid, other = otp.spawn(otp.receive), otp.spawn(otp.receive)
        trace.subscribe(node(), lambda e: seen.append((e.kind, e.pid, e.data["message"])), kinds={"sent"}, pids=[pid])
        otp.send(pid, "to it")
        otp.send(other, "elsewhere")
        await wait_all_idle()
        return seen == [("sent", otp.self(), "'to it'")]

    assert run(main)


def test_a_message_that_a_pattern_takes_out_of_the_mailbox_has_its_event(run: Any) -> None:
    async def main() -> Any:
        seen: list[Any] = []
        trace.subscribe(node(), lambda e: seen.append(e.data["message"]), kinds={"received"})
        for message in ("first", "second"):
            otp.send(otp.self(), message)
        await otp.receive(lambda message: message == "second")
        return seen

    assert run(main) == ["'second'"]


def test_message_events_exist_only_while_somebody_asks_for_them(run: Any) -> None:
    async def main() -> Any:
        seen: list[str] = []
        before = node().trace_seq
        otp.send(otp.self(), 1)
        quiet = node().trace_seq - before
        subscription = trace.subscribe(node(), lambda e: seen.append(e.kind), kinds={"sent", "received", "dropped"})
        dead = otp.spawn(lambda: None)
        await otp.wait_down(dead)
        otp.send(otp.self(), 2)
        otp.send(dead, 3)
        await otp.receive()
        await otp.receive()
        subscription.close()
        subscription.close()
        otp.send(otp.self(), 4)
        return quiet, seen

    assert run(main) == (0, ["sent", "dropped", "received", "received"])


def test_a_call_and_its_answer_bear_the_same_reference(run: Any) -> None:
    async def main() -> Any:
        seen: list[trace.Event] = []
        server = await Echo.start()
        trace.subscribe(node(), seen.append, kinds={"sent"})
        await GenServer.call(server, "hello")
        call, answer = seen
        return (
            (call.pid is otp.self(), call.data["to"] is server, call.data["term"]),
            (answer.pid is server, answer.data["to"] is otp.self(), answer.data["term"]),
            call.data["ref"] is answer.data["ref"],
        )

    assert run(main) == ((True, True, "hello"), (True, True, "hello"), True)


def test_links_monitors_timers_and_names_are_told_to_who_asks(run: Any) -> None:
    async def main() -> Any:
        kinds = {
            "linked", "unlinked", "monitored", "demonitored", "registered", "unregistered",
            "timer_set", "timer_fired", "timer_cancelled",
        }  # fmt: skip
        seen: list[str] = []
        trace.subscribe(node(), lambda e: seen.append(e.kind), kinds=kinds)
        pid = otp.spawn(otp.receive)
        otp.link(pid)
        otp.unlink(pid)
        otp.demonitor(otp.monitor(pid))
        otp.register("n", pid)
        otp.unregister("n")
        otp.cancel_timer(otp.send_after(5, otp.self(), "x"))
        otp.send_after(1, otp.self(), "x")
        await otp.receive()
        return seen

    assert run(main) == [
        "linked", "unlinked", "monitored", "demonitored", "registered", "unregistered",
        "timer_set", "timer_cancelled", "timer_set", "timer_fired",
    ]  # fmt: skip


def test_a_reader_that_raises_is_closed_and_the_runtime_goes_on(run: Any, errors: Callable[[], list[str]]) -> None:
    async def main() -> Any:
        calls: list[int] = []

        def broken(event: trace.Event) -> None:
            calls.append(1)
            raise RuntimeError("no")

        good: list[str] = []
        trace.subscribe(node(), broken)
        trace.subscribe(node(), lambda e: good.append(e.kind))
        for _ in range(2):
            await otp.wait_down(otp.spawn(lambda: None))
        return len(calls), list(good)

    assert run(main) == (1, ["spawned", "exited"] * 2)
    assert len(errors()) == 1


def test_a_predicate_that_raises_is_no_matter_of_the_sender_even_when_traced(run: Any) -> None:
    async def main() -> Any:
        async def picky() -> None:
            await otp.receive(lambda m: m["x"])

        pid = otp.spawn(picky)
        await wait_all_idle()
        trace.subscribe(node(), lambda e: None, kinds={"sent", "received"})
        otp.send(pid, "no mapping")
        return otp.is_alive(pid)

    assert run(main)


def test_the_ring_keeps_the_last_events_and_answers_since() -> None:
    async def main() -> Any:
        tracer = Tracer(node(), ring_size=3)
        for n in range(5):
            tracer.emit("spawned", None, {"n": n})
        return [event.data["n"] for event in tracer.history()], [event.seq for event in tracer.history(4)]

    assert Scheduler().run(main) == ([2, 3, 4], [5])
    assert RING_SIZE >= 1000


def test_an_event_shows_itself_in_a_line() -> None:
    async def main() -> Any:
        seen: list[trace.Event] = []
        trace.subscribe(node(), seen.append, kinds={"exited"})
        pid = otp.spawn(lambda: None)
        await otp.wait_down(pid)
        return repr(seen[0]), str(pid)

    text, pid = Scheduler().run(main)
    assert text.startswith("<")
    assert f"exited {pid} reason='normal'" in text


class Unshowable:
    def __repr__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("value", "text"),
    [("short", "'short'"), ("x" * 50, "'xxxxxxxx…"), (Unshowable(), "<Unshowable>")],
)
def test_texts_of_values_are_bounded_and_never_raise(value: Any, text: str) -> None:
    assert bounded_text(value, 10 if text.endswith("…") else 200) == text


class Named(NamedTuple):
    one: Any
    other: Any = None

    def __repr__(self) -> str:
        raise RuntimeError("no")


def test_the_text_of_a_message_is_the_same_on_the_short_way() -> None:
    """Most messages are written by `repr`, which is faster, if it says the same and runs no code of theirs."""

    async def main() -> list[tuple[str, str]]:
        pid, ref, own = otp.self(), otp.make_ref(), Unshowable()
        loop: list[Any] = []
        loop.append(loop)
        small: list[Any] = ["a", 1, 2.5, None, True, b"c", pid, ref, "x" * 300, 1 << 600, own, loop, [], (), (1,)]
        messages: list[Any] = [*small, *([one, ("a", [one])] for one in small), *(Named(one) for one in small)]
        messages += [otp.Down(ref, pid, ("bad", [own])), otp.ExitSignal(pid, "shutdown"), Named(Named(1)), ["a"] * 9]
        return [(bounded_text(one), text(one, length=200, depth=10, items=200, redact=None)) for one in messages]

    for short, long in Scheduler().run(main):
        assert short == long


def test_why_did_this_end_is_answered_by_walking_the_causes() -> None:
    async def main() -> Any:
        seen: dict[otp.Pid | None, trace.Event] = {}
        trace.subscribe(node(), lambda e: seen.__setitem__(e.pid, e), kinds={"exited"})

        async def linked(to: otp.Pid) -> None:
            otp.link(to)
            await otp.receive()

        one = otp.spawn(otp.receive)
        two = otp.spawn(linked, one)
        three = otp.spawn(linked, two)
        await wait_all_idle()
        otp.exit(one, "boom")
        chain = trace.cause_chain(node(), seen[three].seq)
        return [event.pid for event in chain] == [three, two, one], chain[-1].data["sender"] is otp.self()

    assert Scheduler().run(main) == (True, True)


def test_a_reader_that_sends_while_it_is_told_of_a_message_loses_none(run: Any) -> None:
    async def main() -> Any:
        me = otp.self()

        def meddle(event: trace.Event) -> None:
            if event.data["term"] == "real":
                otp.send(me, "from the reader")

        otp.spawn(lambda: otp.send(me, "real"))
        trace.subscribe(node(), meddle, kinds={"sent"})
        return sorted([await otp.receive(), await otp.receive(timeout=1)])

    assert run(main) == ["from the reader", "real"]


@pytest.mark.parametrize(
    ("kinds", "told"),
    [
        (["snt"], "expected kinds of events, got 'snt'; did you mean 'sent'?"),
        ({"exited", "?"}, "got '?'; there are abandoned_cleanup, call_timed_out, "),
        ([7], "got 7; there are"),
        ("sent", "expected several, got the string 'sent'; try kinds={'sent'}"),
    ],
)
def test_a_kind_that_does_not_exist_is_refused(kinds: Any, told: str, run: Any) -> None:
    """Regression: the reader waited for ever for events that do not exist."""

    async def main() -> None:
        with pytest.raises(otp.BadArgument, match=re.escape(told)):
            trace.subscribe(node(), lambda event: None, kinds=kinds)

    run(main)


def test_a_reader_subscribes_in_the_thread_of_the_loop() -> None:
    async def main() -> None:
        node = otp.node()
        with pytest.raises(otp.BadArgument, match=r"expected the thread of the node's event loop.*call_from_thread"):
            await asyncio.to_thread(otp.trace.subscribe, node, print)
        assert not node.watched_life  # no reader is registered

    otp.run(main)


def test_all_readers_hear_all_events_in_one_order_also_of_what_a_reader_does() -> None:
    async def main() -> list[int]:
        node = otp.node()
        me = otp.self()
        first: list[int] = []
        second: list[int] = []

        def answers(event: trace.Event) -> None:
            first.append(event.seq)
            if event.data["message"] == "1":
                otp.send(me, 2)

        kinds = {"sent", "received"}
        trace.subscribe(node, answers, kinds=kinds)
        trace.subscribe(node, lambda event: second.append(event.seq), kinds=kinds)
        otp.send(me, 1)
        assert first == second
        return second

    found = otp.run(main)
    assert found == sorted(found)
    assert len(found) == 2


def test_a_reader_that_answers_each_event_with_another_is_closed(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> int:
        me = otp.self()
        heard: list[int] = []

        def echo(event: trace.Event) -> None:
            heard.append(event.seq)
            otp.send(me, "again")
            otp.send(me, "and again")

        trace.subscribe(otp.node(), echo, kinds={"sent"})
        otp.send(me, "go")
        before = len(heard)
        otp.send(me, "nobody hears this")
        assert len(heard) == before
        return before

    assert otp.run(main) > 1
    assert "answers each with another one" in caplog.text


async def _divide(by: int) -> float:
    return 1 / by


@pytest.mark.parametrize("reported", [True, False])
def test_the_ring_keeps_failures_of_processes_without_a_supervisor(
    reported: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: an observer that came later did not learn of them; of many in a second, the first ones are kept."""
    monkeypatch.setattr(logging.getLogger("otp"), "disabled", not reported)

    def ends() -> list[Any]:
        return [one.data["reason"] for one in trace.history(node()) if one.kind == "exited"]

    async def main() -> None:
        server = await Echo.start(None)
        otp.exit(server, "kill")
        for by in (1, 0):
            await otp.wait_down(otp.spawn(_divide, by))
        await otp.wait_down(otp.spawn(otp.exit, "shutdown"))
        killed, crashed = ends()
        assert "killed" == killed
        assert "division by zero" in repr(crashed)
        await advance(1)
        for _ in range(3 * KEPT_IN_A_SECOND):
            await otp.wait_down(otp.spawn(_divide, 0))
        assert 2 + KEPT_IN_A_SECOND == len(ends())

    Scheduler(seed=1).run(main)


def test_failures_without_a_supervisor_push_out_no_restart() -> None:
    """Regression: a task that failed steadily pushed all restarts out of the ring within minutes."""

    async def main() -> None:
        await otp.Supervisor.start_link(otp.Children([Echo.child_spec(None, id="echo")]))
        started = [one.seq for one in trace.history(node()) if one.kind == "child_started"]
        assert 1 == len(started)
        for _ in range(RING_SIZE // KEPT_IN_A_SECOND + 1):
            for _ in range(KEPT_IN_A_SECOND):
                await otp.wait_down(otp.spawn(_divide, 0))
            await advance(1)
        events = trace.history(node())
        assert started == [one.seq for one in events if one.kind == "child_started"]
        assert ENDS_SIZE == sum(one.kind == "exited" for one in events)
        assert events == sorted(events, key=lambda one: one.seq)
        assert [one.seq for one in events] == [one.seq for one in node().tracer.newest()][::-1]
        last = events[-1].seq
        assert [last] == [one.seq for one in trace.history(node(), last - 1)]

    Scheduler(seed=1).run(main)


def test_a_full_ring_has_no_failures_from_before_its_first_event() -> None:
    async def main() -> None:
        tracer = Tracer(node(), ring_size=3)
        early, late = otp.spawn(_divide, 0), otp.spawn(_divide, 0)
        values = ("boom", None, None, None, "divide", None)
        tracer.keep_end(early, values, 0)
        tracer.emit("suspended", None, {})
        tracer.keep_end(late, values, 0)
        assert [1, 2, 3] == [one.seq for one in tracer.history()]
        for _ in range(2):
            tracer.emit("suspended", None, {})
        assert [2, 3, 4, 5] == [one.seq for one in tracer.history()]

    Scheduler(seed=1).run(main)


@pytest.mark.parametrize("kept", [True, False])
def test_a_crash_that_is_not_kept_takes_the_short_path(kept: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: each crash took the long one, also when those of its second were used up."""
    monkeypatch.setattr(logging.getLogger("otp"), "disabled", True)  # a report may take the long path, too
    ends: list[Any] = []
    finish = death._finish
    monkeypatch.setattr(death, "_finish", lambda p, *more: (ends.append(p), finish(p, *more)))

    async def main() -> None:
        for _ in range(KEPT_IN_A_SECOND - kept):
            await otp.wait_down(otp.spawn(_divide, 0))
        ends.clear()
        crashed = otp.spawn(_divide, 0)
        await otp.wait_down(crashed)
        assert kept == (crashed in ends)

    Scheduler(seed=1).run(main)
