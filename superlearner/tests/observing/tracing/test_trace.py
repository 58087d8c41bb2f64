"""A trace keeps the newest messages as they were sent, and counts the others."""

from __future__ import annotations

from typing import Any

import pytest

import otp
from otp import GenServer, NoReply, Ok, Reply, impl
from otp.testing import Scheduler
from superlearner.control.terms import plain_pid
from superlearner.observing.tracing import (
    AlreadyTracing,
    MessageTracer,
    NoTrace,
    Trace,
    TraceOptions,
    Traces,
    as_mermaid,
    as_svg,
    diagram_of,
)
from superlearner.operations.results.shown_traces import describe_message


class Sink(GenServer[list[Any]]):
    """Server that accepts everything, and empties the lists it receives."""

    @impl
    def init(self, arg: Any) -> Ok[list[Any]]:
        return Ok([])

    @impl
    def handle_cast(self, request: Any, state: list[Any]) -> NoReply[list[Any]]:
        if isinstance(request, list):
            request.clear()
        return NoReply(state)

    @impl
    def handle_info(self, message: Any, state: list[Any]) -> NoReply[list[Any]]:
        return NoReply(state)


async def after(seconds: float) -> None:
    otp.send_after(seconds, otp.self(), "later")
    await otp.receive(otp.Is("later"))


def test_the_newest_messages_are_kept_as_they_were_and_the_rest_is_counted() -> None:
    async def main() -> None:
        sink = await Sink.start(None)
        trace = Trace(otp.node(), [sink], TraceOptions(message_limit=5))
        for number in range(20):
            GenServer.cast(sink, [number, "token", "abc"])
        await otp.sys.get_state(sink)
        assert [message.text for message in trace.messages] == [f"[{n}, 'token', 'abc']" for n in range(15, 20)]
        assert all(message.received_at is not None for message in trace.messages)
        assert (len(trace.messages), trace.displaced, trace.over_rate) == (5, 15, 0)
        assert trace.filtered == 2  # the system message and its reply

    Scheduler(seed=1).run(main)


def test_messages_over_the_rate_are_only_counted() -> None:
    async def main() -> None:
        sink = await Sink.start(None)
        trace = Trace(otp.node(), [sink], TraceOptions(rate=100))
        for number in range(1000):
            GenServer.cast(sink, number)
        otp.exit(sink, "kill")
        await otp.wait_down(sink)
        assert len(trace.messages) + trace.over_rate + trace.filtered == 1000
        assert len(trace.messages) == 10  # a tenth of a second has a tenth of the rate
        assert trace.ended == "process_ended"
        assert [(mark.kind, mark.reason) for mark in trace.marks] == [("crashed", "killed")]

    Scheduler(seed=1).run(main)


def test_a_call_that_timed_out_says_so_also_after_a_late_reply() -> None:
    """Regression: it looked like one that is still unanswered."""

    class Slow(GenServer[None]):
        @impl
        def init(self, arg: Any) -> Ok[None]:
            return Ok(None)

        @impl
        async def handle_call(self, request: Any, caller: Any, state: None) -> Reply[None]:
            await after(2)
            return Reply("late", state)

    async def main() -> None:
        slow = await Slow.start(None)
        trace = Trace(otp.node(), [slow], TraceOptions())
        changed: list[int | None] = []
        trace.watchers.append(changed.append)
        with pytest.raises(otp.CallTimeout):
            await GenServer.call(slow, "price", 0.5)
        call = trace.messages[0]
        assert (call.timeout, changed[-1]) == (0.5, call.seq)
        shown = diagram_of(trace.messages, trace.marks, trace.people)
        assert "(timed out after 0.5 s)" in as_mermaid(shown) and "(timed out after 0.5 s)" in as_svg(shown)
        await otp.sys.get_state(slow)
        described = describe_message(trace, call, set(), redact=True)
        assert (described.status, described.timeout_s) == ("answered", 0.5)

    Scheduler(seed=1).run(main)


def test_a_trace_ends_and_is_dropped_in_time() -> None:
    async def main() -> None:
        traces = Traces(keep=lambda: 10.0)
        await MessageTracer.start_link(traces, name="tracer")
        sink, other = await Sink.start(None), await Sink.start(None)
        by_time = await MessageTracer.trace_messages(sink, duration=1.0)
        await MessageTracer.trace_messages(other)
        with pytest.raises(AlreadyTracing, match="as t2"):
            await MessageTracer.trace_messages(other)
        await MessageTracer.stop_tracing(other)
        await after(1.5)
        assert {trace.id: trace.ended for trace in list(traces)} == {by_time: "duration", "t2": "stopped"}
        await after(20)
        assert len(traces) == 0
        with pytest.raises(NoTrace, match="no trace"):
            await MessageTracer.get_message_history(other)

    Scheduler(seed=1).run(main)


def test_without_auto_cleanup_the_replacement_is_traced_too() -> None:
    async def main() -> None:
        supervisor = await otp.Supervisor.start_link_children([Sink.child_spec(None, name="sink")])
        first = otp.whereis("sink")
        assert first is not None
        trace = Trace(otp.node(), [first], TraceOptions(auto_cleanup=False))
        otp.exit(first, "kill")
        second = await otp.node().wait_registered("sink")
        await otp.Supervisor.count_children(supervisor)  # the restart has been reported
        GenServer.cast("sink", "to the second")
        await otp.sys.get_state(second)
        assert trace.running and len(trace.pids) == 2
        assert [message.text for message in trace.messages] == ["'to the second'"]
        assert [mark.kind for mark in trace.marks] == ["crashed", "started"]

    Scheduler(seed=1).run(main)


def test_ended_children_make_room_for_others() -> None:
    async def main() -> None:
        workers = await otp.DynamicSupervisor.start_link()
        trace = Trace(otp.node(), [workers], TraceOptions(auto_cleanup=False), root=workers)
        for _ in range(1_100):
            child = await otp.DynamicSupervisor.start_child(workers, Sink.child_spec(None, restart="temporary"))
            assert isinstance(child, otp.Pid)
            GenServer.cast(child, "work")
            otp.exit(child, "kill")
            await otp.wait_down(child)
        assert (trace.left_out, len(trace.pids), trace.alive) == (0, 1_000, 1)
        assert plain_pid(workers) in trace.pids
        assert len(trace.people) <= 2_000

    Scheduler(seed=1).run(main)
