"""Streams of events, here and through a `ViewServer`: what they tell, what they miss, how they end."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

import otp
from otp import BadArgument, Children, GenServer, NoReply, Ok, Reply, Supervisor, impl, observer, testing
from otp.observer import EventView, Missed, NodeView, TraceSpec


class Counter(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Ok[Any]:
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
        return Reply(state, state)

    @impl
    def handle_cast(self, request: Any, state: Any) -> Any:
        if request == "crash":
            raise ValueError("password=hunter2")
        return NoReply(request)


class Shop(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        return Children([Counter.child_spec(1, name="one")], max_restarts=10_000, max_seconds=1)


def subscriptions() -> int:
    return len(otp.trace.node_of(otp.self()).tracer.subscriptions)


async def next_of(stream: Any) -> Any:
    async with asyncio.timeout(60):
        return await anext(stream)


async def crash_one() -> None:
    GenServer.cast("one", "crash")
    await testing.wait_all_idle()


def test_events_are_history_then_live_without_gap_and_without_doubles(on_both: Any) -> None:
    async def test(view: NodeView) -> None:
        await Shop.start_link(None, name="shop")
        async with view.events(kinds=("child_started", "child_restarted")) as stream:
            await crash_one()
            seen = [await next_of(stream), await next_of(stream)]
            assert ["child_started", "child_restarted"] == [event.kind for event in seen]
            later = asyncio.create_task(next_of(stream))
            await testing.wait_all_idle()
            assert not later.done()
            await crash_one()
            third = await later
        assert (await view.events(since=third.seq)).ended is None
        async with view.events(since=seen[0].seq, kinds=("child_restarted",)) as again:
            assert [seen[1].seq, third.seq] == [(await next_of(again)).seq, (await next_of(again)).seq]
        async with view.events(since=None, kinds=("exited",)) as live:
            await crash_one()
            exited = await next_of(live)
        assert ("exited", "Counter") == (exited.kind, exited.data["what"])

    on_both(test)


def test_an_event_carries_terms_and_no_secrets(on_both: Any) -> None:
    async def test(view: NodeView) -> None:
        shop = await Shop.start_link(None)
        first = otp.whereis("one")
        await crash_one()
        async with view.events(kinds=("child_restarted",)) as stream:
            event = await next_of(stream)
        assert (shop, otp.whereis("one")) == (event.pid, event.data["child"])
        assert str(first) == str(event.data["old"])
        assert (1, 10_000, 1) == (event.data["used"], event.data["allowed"], event.data["window"])
        reason = event.data["reason"]
        assert type(reason) is otp.Crash
        assert reason.term == otp.ExceptionTerm("ValueError", ("password=***",), "password=***")
        assert reason.stack[-1][2] == "Counter.handle_cast"
        async with view.events(kinds=("child_restarted",), redact=False) as whole:
            assert (await next_of(whole)).data["reason"].term.text == "password=hunter2"

    on_both(test)


def test_a_gap_in_history_is_said(on_both: Any) -> None:
    async def test(view: NodeView) -> None:
        await Shop.start_link(None)
        trace = otp.trace.node_of(otp.self()).tracer
        for n in range(otp.trace.RING_SIZE + 10):
            trace.emit("registered", otp.self(), {"name": n})
        async with view.events() as stream:
            missed, oldest = await next_of(stream), await next_of(stream)
        assert Missed("ring", None, 0, oldest.seq) == missed
        async with view.events(since=oldest.seq) as stream:
            assert (await next_of(stream)).seq == oldest.seq + 1
        far = trace.seq + 1_000
        async with view.events(since=far) as stream:
            assert Missed("restarted", None, far, oldest.seq) == await next_of(stream)
            assert (await next_of(stream)).seq == oldest.seq

    on_both(test)


def test_messages_are_traced_with_sender_receiver_and_pairs(on_both: Any) -> None:
    async def test(view: NodeView) -> None:
        counter = await Counter.start_link({"token": "t0p"}, name="counter")
        other = await Counter.start_link(0)
        async with view.trace(TraceSpec(pids=("counter",), limit=3)) as stream:
            GenServer.cast(other, "elsewhere")
            assert await GenServer.call(counter, "value") == {"token": "t0p"}
            call, taken, reply = [event async for event in stream if isinstance(event, EventView)]
        assert stream.ended == "limit"
        ways = [(event.kind, event.data["way"], event.data["message"]) for event in (call, taken, reply)]
        assert [
            ("sent", "call", "'value'"),
            ("received", "call", "'value'"),
            ("sent", "reply", "{'token': ***}"),
        ] == ways
        assert (otp.self(), counter) == (call.pid, call.data["to"])
        assert (counter, otp.self()) == (reply.pid, reply.data["to"])
        assert call.data["ref"] == reply.data["ref"]

    on_both(test)


def test_a_trace_of_everything_leaves_out_what_it_causes_itself(on_both: Any) -> None:
    async def test(view: NodeView) -> None:
        counter = await Counter.start_link(0)
        async with view.trace(TraceSpec(kinds=("received",))) as stream:
            for n in range(3):
                GenServer.cast(counter, n)
            seen = [await next_of(stream) for _ in range(3)]
            assert ["0", "1", "2"] == [event.data["message"] for event in seen]
            with pytest.raises(TimeoutError):
                await next_of(stream)

    on_both(test)


def test_messages_of_sys_are_traced_on_request(on_both: Any) -> None:
    async def test(view: NodeView) -> None:
        counter = await Counter.start_link(0)
        for system, ways in ((False, ["cast"]), (True, ["system", "cast"])):
            async with view.trace(TraceSpec(pids=(counter,), kinds=("received",), system=system)) as stream:
                await otp.sys.get_state(counter)
                GenServer.cast(counter, 1)
                assert ways == [(await next_of(stream)).data["way"] for _ in ways]

    on_both(test)


def test_a_sensitive_process_shows_no_message_and_no_state(on_both: Any) -> None:
    class Secretive(Counter):
        @impl
        def init(self, arg: Any) -> Ok[Any]:
            otp.process_flag("sensitive", True)
            return Ok(arg)

    async def test(view: NodeView) -> None:
        secretive = await Secretive.start_link("plan")
        kinds = ("received", "state_changed")
        async with view.trace(TraceSpec(pids=(secretive,), kinds=kinds, limit=2, redact=False)) as stream:
            GenServer.cast(secretive, "attack at dawn")
            seen = [event.data.get("message", event.data.get("state")) async for event in stream]
        assert ["<sensitive>", "<sensitive>"] == seen
        assert await view.state(secretive, redact=False) == "<sensitive>"

    on_both(test)


def test_more_than_the_rate_is_counted_and_told_even_if_nothing_follows(on_both: Any) -> None:
    async def test(view: NodeView) -> None:
        counter = await Counter.start_link(0)
        async with view.trace(TraceSpec(pids=(counter,), kinds=("received",), rate=3)) as stream:
            for n in range(10):
                GenServer.cast(counter, n)
            seen = [await next_of(stream) for _ in range(4)]
            assert ["0", "1", "2"] == [event.data["message"] for event in seen[:3]]
            missed = seen[3]
            assert isinstance(missed, Missed)
            assert ("rate", 7, seen[2].seq) == (missed.reason, missed.count, missed.after)

    on_both(test)


def test_a_slow_reader_loses_events_and_is_told_how_many(on_both: Any) -> None:
    async def test(view: NodeView) -> None:
        counter = await Counter.start_link(0)
        spec = TraceSpec(pids=(counter,), kinds=("received",), rate=100_000, limit=100_000, buffer=5)
        async with view.trace(spec) as stream:
            for n in range(5_000):
                GenServer.cast(counter, n)
            await testing.wait_all_idle()
            seen = [await next_of(stream) for _ in range(6)]
            assert ["0", "1", "2", "3", "4"] == [event.data["message"] for event in seen[:5]]
            assert ("slow", 4995, seen[4].seq) == (seen[5].reason, seen[5].count, seen[5].after)
            GenServer.cast(counter, "next")
            assert (await next_of(stream)).data["message"] == "'next'"

    on_both(test)


def test_a_stream_says_why_it_ended_and_can_be_closed_twice(on_both: Any) -> None:
    async def test(view: NodeView) -> None:
        counter = await Counter.start_link(0)
        async with view.trace(TraceSpec(pids=(counter,), kinds=("received",), limit=2)) as stream:
            for n in range(3):
                GenServer.cast(counter, n)
            assert ["0", "1"] == [event.data["message"] async for event in stream if isinstance(event, EventView)]
        assert (stream.ended, subscriptions()) == ("limit", 0)
        other = await view.events()
        assert subscriptions() == 1
        await other.aclose()
        await other.aclose()
        assert (other.ended, subscriptions()) == ("closed", 0)
        assert [] == [event async for event in other]

    on_both(test)


def test_a_stream_ends_with_its_readers_process(on_both: Any) -> None:
    async def test(view: NodeView) -> None:
        opened = asyncio.get_running_loop().create_future()

        async def reader() -> None:
            stream = await view.trace()
            opened.set_result(stream)
            await anext(stream)

        pid = otp.spawn(reader)
        await opened
        await testing.wait_all_idle()
        assert subscriptions() == 1
        otp.exit(pid, "kill")
        await testing.wait_all_idle()
        assert subscriptions() == 0

    on_both(test)


def test_what_a_cancelled_read_would_have_brought_comes_with_the_next(on_both: Any) -> None:
    async def test(view: NodeView) -> None:
        counter = await Counter.start_link(0)
        async with view.trace(TraceSpec(pids=(counter,), kinds=("received",))) as stream:
            for n in range(3):
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(1):
                        await anext(stream)
                GenServer.cast(counter, n)  # answers who does not wait any more
                await testing.wait_all_idle()
                assert (await next_of(stream)).data["message"] == str(n)

    on_both(test)


def test_wrong_specs_are_refused_in_words(on_both: Any) -> None:
    async def test(view: Any) -> None:
        for wrong in (
            {"limit": 0},
            {"limit": "infinity"},
            {"rate": 10**9},
            {"buffer": -1},
            {"buffer": 10_000, "length": 10_000},
            {"kinds": ("message",)},
            {"kinds": "sent"},
            {"kinds": ()},
            {"pids": "counter"},
            {"system": 1},
        ):
            with pytest.raises(BadArgument, match="expected"):
                TraceSpec(**wrong)  # type: ignore[arg-type]
        for stream in (
            view.trace(TraceSpec(pids=("nobody",))),
            view.trace("everything"),
            view.events(-1),
            view.events("all"),
            view.events(kinds=("sent",)),
            view.events(buffer=0),
            view.events(redact=None),
        ):
            with pytest.raises(BadArgument, match="expected"):
                await anext(stream)
        assert subscriptions() == 0

    on_both(test)


def test_a_stream_that_nobody_holds_any_more_does_not_read_on(run: Any) -> None:
    async def test() -> None:
        view = observer.LocalView(otp.trace.node_of(otp.self()))
        stream = await view.events()
        assert subscriptions() == 1
        del stream
        gc.collect()
        await Shop.start_link(None)
        assert subscriptions() == 0

    run(test)


def test_a_stream_ends_with_its_node() -> None:
    async def main() -> Any:
        async with otp.Node("short") as node:
            stream = await observer.LocalView(node).events()
        kinds = [event.kind async for event in stream if isinstance(event, EventView)]
        return kinds[-1], stream.ended

    assert asyncio.run(main()) == ("node_down", "node_down")


def test_hostile_terms_in_events_run_no_code_and_are_bounded(on_both: Any) -> None:
    class Hostile:
        def __repr__(self) -> str:
            raise AssertionError("no code of a program may run")

        __str__ = __repr__

    async def test(view: NodeView) -> None:
        endless: list[Any] = [Hostile()]
        endless.append(endless)
        term = {"password": "hunter2", "endless": endless, "long": "x" * 100_000}

        async def end() -> None:
            raise otp.Exit(("odd", term))

        counter = await Counter.start_link(0)
        async with view.trace(TraceSpec(pids=(counter,), kinds=("received",))) as stream:
            GenServer.cast(counter, term)
            message = (await next_of(stream)).data["message"]
        assert len(message) <= 200
        assert message.startswith("{'password': ***, 'endless': [<")
        async with view.events(since=None, kinds=("exited",)) as ends:
            otp.spawn(end)
            reason = (await next_of(ends)).data["reason"]
        assert "odd" == reason[0]
        assert reason[1]["password"] == "***"
        assert len(reason[1]["long"]) == 200

    on_both(test)
