"""A reader with a focus gets all messages of some processes and none of others, and counts those over its rate."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import otp
from otp import GenServer, NoReply, Ok, Pid, Reply, impl, trace
from otp.testing import Scheduler, wait_all_idle
from otp.trace import Event, Subscription

KINDS = {"sent", "received", "dropped", "exited"}


class Server(GenServer[Any]):
    """A server that replies with each request, and sends the term of `("to", pid, term)` to that pid."""

    @impl
    def init(self, arg: Any) -> Ok[Any]:
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: otp.From, state: Any) -> Reply[Any]:
        return Reply(request, state)

    @impl
    async def handle_cast(self, request: Any, state: Any) -> NoReply[Any]:
        match request:
            case ("ask", server, question):
                await GenServer.call(server, question)
            case ("to", pid, term):
                otp.send(pid, term)
            case _:
                pass
        return NoReply(state)

    @impl
    def handle_info(self, message: Any, state: Any) -> NoReply[Any]:
        return NoReply(state)


def focus(seen: list[Event], *pids: Pid, rate: int | None = None) -> Subscription:
    return trace.subscribe(
        trace.node_of(otp.self()), seen.append, kinds=KINDS, pids=pids, rate=rate, focus=True
    )  # fmt: skip


def label_events(events: Iterable[Event], who: dict[Pid, str]) -> list[tuple[str, str, str, str]]:
    def name(pid: Any) -> str:
        return who.get(pid, "?")

    return [
        (event.kind, f"{name(event.pid)}>{name(event.data['to'])}" if "to" in event.data else name(event.pid),
         event.data["way"], event.data["message"])
        for event in events if "way" in event.data
    ]  # fmt: skip


def run(test: Callable[[], Awaitable[Any]]) -> Any:
    return otp.run(test)


def test_a_server_in_focus_tells_what_it_gets_and_sends_with_causes() -> None:
    async def main() -> None:
        seen: list[Event] = []
        me, other, server = otp.self(), await Server.start(0), await Server.start(0)
        who = {me: "me", other: "other", server: "server"}
        reader = focus(seen, server)
        assert await GenServer.call(server, "hello") == "hello"
        GenServer.cast(server, ("ask", other, "why"))
        await GenServer.call(server, "settled")
        assert label_events(seen[:3], who) == [
            ("sent", "me>server", "call", "'hello'"),
            ("received", "server", "call", "'hello'"),
            ("sent", "server>me", "reply", "'hello'"),
        ]
        assert [event.cause for event in seen[1:3]] == [seen[0].seq, seen[1].seq]
        rest = label_events(seen[3:], who)
        assert rest[0][:3] == ("sent", "me>server", "cast")
        assert ("sent", "server>other", "call", "'why'") in rest
        assert ("sent", "other>server", "reply", "'why'") in rest
        assert ("received", "server", "reply", "'why'") in rest
        asked = next(event for event in seen if event.data["message"] == "'why'")
        cast = next(event for event in seen if event.kind == "received" and event.data["way"] == "cast")
        assert asked.cause == cast.seq
        count = len(seen)
        await GenServer.call(other, "nobody hears this")
        assert len(seen) == count
        reader.close()
        await GenServer.call(server, "nor this")
        assert len(seen) == count

    run(main)


def test_a_call_that_waits_in_the_mailbox_of_a_server_in_focus_is_told() -> None:
    async def main() -> None:
        seen: list[Event] = []
        me, server = otp.self(), await Server.start(0)
        focus(seen, server)
        GenServer.cast(server, "first")
        await GenServer.call(server, "second")
        assert [(kind, way, term) for kind, _, way, term in label_events(seen, {me: "me", server: "server"})] == [
            ("sent", "cast", "'first'"), ("sent", "call", "'second'"),
            ("received", "cast", "'first'"), ("received", "call", "'second'"), ("sent", "reply", "'second'"),
        ]  # fmt: skip

    run(main)


def test_a_coroutine_in_focus_is_heard_until_its_end_and_what_comes_later_is_dropped() -> None:
    async def main() -> None:
        seen: list[Event] = []
        me, server = otp.self(), await Server.start(0)

        async def worker() -> None:
            otp.send(await otp.receive(), "first")
            await GenServer.call(server, "second")
            await otp.receive(otp.Is("end"))

        pid = otp.spawn(worker)
        focus(seen, pid)
        otp.send(pid, me)
        assert await otp.receive() == "first"
        otp.send(pid, "kept")
        otp.send(pid, "end")
        await otp.wait_down(pid)
        otp.send(pid, "late")
        lines = label_events(seen, {me: "me", pid: "pid", server: "server"})
        assert [(kind, route, way) for kind, route, way, _ in lines] == [
            ("sent", "me>pid", "info"), ("received", "pid", "info"), ("sent", "pid>me", "info"),
            ("sent", "pid>server", "call"), ("sent", "me>pid", "info"), ("sent", "me>pid", "info"),
            ("sent", "server>pid", "reply"), ("received", "pid", "reply"), ("received", "pid", "info"),
            ("dropped", "me>pid", "info"),
        ]  # fmt: skip
        assert [line[3] for line in lines if line[0] == "received"][-1] == "'end'"

    run(main)


def test_what_is_more_than_the_rate_is_counted_and_answers_belong_to_their_calls() -> None:
    async def main() -> None:
        seen: list[Event] = []
        server = await Server.start(0)
        reader = focus(seen, server, rate=50)
        for number in range(200):
            GenServer.cast(server, number)
        await GenServer.call(server, "not told")
        kinds = [event.kind for event in seen]
        assert kinds.count("sent") == kinds.count("received")
        assert kinds.count("sent") + reader.dropped == 200 + 2  # the call and its answer
        assert reader.dropped >= 190
        assert not any(event.data["way"] == "reply" for event in seen)

    Scheduler(seed=1).run(main)


def test_others_call_on_their_own_stack_and_a_reader_of_everything_ends_the_focus_for_a_while() -> None:
    async def main() -> None:
        node = trace.node_of(otp.self())
        seen: list[Event] = []
        all_of_it: list[Event] = []
        server, other = await Server.start(0), await Server.start(0)
        reader = focus(seen, server)
        everything = trace.subscribe(node, all_of_it.append, kinds=KINDS)
        await GenServer.call(server, 1)
        await GenServer.call(other, 2)
        assert [event.data["message"] for event in seen] == ["1"] * 3  # the caller's receipt is not its own
        assert [event.data["message"] for event in all_of_it if event.kind == "sent"] == ["1", "1", "2", "2"]
        everything.close()
        seen.clear()
        await GenServer.call(server, 3)
        await GenServer.call(other, 4)
        assert {event.data["message"] for event in seen} == {"3"}
        reader.choose([other])
        seen.clear()
        await GenServer.call(server, 5)
        await GenServer.call(other, 6)
        assert {event.data["message"] for event in seen} == {"6"}

    run(main)


def test_an_end_does_not_make_the_others_slow() -> None:
    async def main() -> None:
        node = trace.node_of(otp.self())
        supervisor = await otp.Supervisor.start_link_children(
            [Server.child_spec(0, name="s"), Server.child_spec(0, id=2)]
        )
        server = otp.whereis("s")
        assert server is not None
        focus([], server)
        for pid in (await otp.Supervisor.which_children(supervisor))[1].pid, server:
            otp.exit(pid, "kill")
            await otp.wait_down(pid)
            assert not node.watched

    run(main)


def test_a_reader_that_ends_with_the_end_it_is_told_of_leaves_no_slow_node_behind() -> None:
    async def main() -> None:
        node = trace.node_of(otp.self())
        server = await Server.start(0)

        def on_event(event: Event) -> None:
            if event.kind == "exited":
                reader.close()

        reader = trace.subscribe(node, on_event, kinds=KINDS, pids=[server], focus=True)
        otp.exit(server, "kill")
        await otp.wait_down(server)
        assert not node.watched

    run(main)


def test_what_one_in_focus_sends_is_told_although_readers_come_and_go_meanwhile() -> None:
    async def main() -> None:
        node = trace.node_of(otp.self())
        seen: list[Event] = []
        other = await Server.start(0)

        async def sends() -> None:
            await otp.receive()
            otp.send(other, "before")
            passing = trace.subscribe(node, lambda event: None)
            otp.send(other, "between")
            passing.close()
            otp.send(other, "after")

        sender = otp.spawn(sends)
        focus(seen, sender)
        otp.send(sender, "go")
        await otp.wait_down(sender)
        sent = [event.data["message"] for event in seen if event.kind == "sent" and event.data["to"] is other]
        assert sent == ["'before'", "'between'", "'after'"]

    run(main)


def test_a_reader_of_everything_that_comes_while_one_in_focus_runs_hears_everything() -> None:
    async def main() -> None:
        node = trace.node_of(otp.self())
        all_of_it: list[Event] = []
        other = await Server.start(0)

        me = otp.self()

        async def begins_to_read() -> None:
            await otp.receive()
            trace.subscribe(node, all_of_it.append, kinds=KINDS)
            otp.send(me, "reading")
            await otp.receive()

        starter = otp.spawn(begins_to_read)
        focus([], starter)
        otp.send(starter, "go")
        await otp.receive(otp.Is("reading"))
        all_of_it.clear()
        otp.send(other, "sent")
        await GenServer.call(other, "asked")
        assert [event.data["message"] for event in all_of_it if event.kind == "sent"] == [
            "'sent'", "'asked'", "'asked'",
        ]  # fmt: skip

    run(main)


def test_a_reader_is_told_what_its_own_rate_admits_whoever_else_reads() -> None:
    async def main() -> None:
        few: list[Event] = []
        everything: list[Event] = []
        server = await Server.start(0)
        limited = focus(few, server, rate=50)
        unlimited = focus(everything, server)
        for number in range(100):
            GenServer.cast(server, number)
        for number in range(10):
            await GenServer.call(server, number)
        count = 100 + 2 * 10  # each call has its answer
        for seen, reader in ((few, limited), (everything, unlimited)):
            sent = [event for event in seen if event.kind == "sent"]
            answers = [event for event in sent if event.data["way"] == "reply"]  # received by one that is not in focus
            assert len(sent) + reader.dropped == count
            assert len(seen) == 2 * len(sent) - len(answers)
        assert (len(few), limited.dropped) == (2 * 5, count - 5)
        assert unlimited.dropped == 0

    Scheduler(seed=1).run(main)


def test_messages_of_one_that_has_ended_are_not_held() -> None:
    class Message:
        pass

    async def main() -> None:
        async def waits() -> None:
            await otp.receive(otp.Is("never"))

        pid = otp.spawn(waits)
        trace.subscribe(trace.node_of(pid), lambda event: None, kinds=KINDS, pids=[pid], focus=True)
        message = Message()
        held = weakref.ref(message)
        otp.send(pid, message)
        del message
        otp.exit(pid, "kill")
        await otp.wait_down(pid)
        gc.collect()
        assert held() is None

    run(main)


def test_messages_that_waited_before_are_told_as_received() -> None:
    async def main() -> None:
        seen: list[Event] = []
        server = await Server.start(0)
        await otp.sys.suspend(server)
        GenServer.cast(server, "before")
        focus(seen, server)
        GenServer.cast(server, "after")
        await otp.sys.resume(server)
        await GenServer.call(server, "settled")
        received = [(event.data["message"], event.cause > 0) for event in seen if event.kind == "received"]
        ours = [one for one in received if one[0] in ("'before'", "'after'")]
        assert ours == [("'before'", False), ("'after'", True)]

    run(main)


def test_messages_that_wait_behind_an_unfinished_callback_are_told_as_received() -> None:
    """Regression: the rest of its batch was not counted, so a server with a backlog seemed to handle nothing."""

    class Slow(Server):
        @impl
        async def handle_cast(self, request: Any, state: asyncio.Queue[None]) -> NoReply[Any]:
            await state.get()
            return NoReply(state)

    async def main() -> None:
        seen: list[Event] = []
        turns = asyncio.Queue[None]()
        server = await Slow.start(turns)
        for number in range(3):
            GenServer.cast(server, number)
        await wait_all_idle()
        focus(seen, server)
        for _ in range(3):
            turns.put_nowait(None)
        await GenServer.call(server, "settled")
        received = [event.data["message"] for event in seen if event.kind == "received"]
        assert received[:2] == ["1", "2"]

    run(main)


def test_an_answer_to_a_call_from_before_is_neither_told_nor_counted() -> None:
    """Regression: the reply counted as dropped, though no rate had dropped anything."""

    async def main() -> None:
        seen: list[Event] = []
        me = otp.self()

        async def answers_later() -> None:
            _tag, caller, _request = await otp.receive()
            otp.send(me, "asked")
            await otp.receive(otp.Is("answer"))
            GenServer.reply(caller, "late")

        async def asks() -> None:
            otp.send(me, await GenServer.call(server, "before"))

        server = otp.spawn(answers_later)
        otp.spawn(asks)
        await otp.receive(otp.Is("asked"))
        reader = focus(seen, server)
        otp.send(server, "answer")
        assert await otp.receive() == "late"
        assert [event.data["way"] for event in seen if "way" in event.data] == ["info", "info"]  # "answer", twice
        assert reader.dropped == 0

    run(main)


def test_a_call_that_waited_before_is_told_as_received_and_so_is_its_answer() -> None:
    """Regression: the reply counted as dropped."""

    async def main() -> None:
        seen: list[Event] = []
        me, server = otp.self(), await Server.start(0)
        await otp.sys.suspend(server)

        async def asks() -> None:
            otp.send(me, await GenServer.call(server, "before"))

        caller = otp.spawn(asks)
        await wait_all_idle()
        reader = focus(seen, server)
        await otp.sys.resume(server)
        assert await otp.receive() == "before"
        ours = [line for line in label_events(seen, {caller: "caller", server: "server"}) if line[3] == "'before'"]
        assert ours == [
            ("received", "server", "call", "'before'"),
            ("sent", "server>caller", "reply", "'before'"),
        ]
        assert reader.dropped == 0

    Scheduler(seed=1).run(main)


def test_a_crash_in_focus_is_told_as_without() -> None:
    async def main() -> Any:
        async def breaks() -> None:
            await otp.receive()
            raise ValueError("no")

        pid, _ref = otp.spawn_monitor(breaks)
        seen: list[Event] = []
        focus(seen, pid)
        otp.send(pid, "go")
        reason = (await otp.receive()).reason
        assert [(event.kind, event.data.get("reason")) for event in seen if "way" not in event.data] == [
            ("exited", reason)
        ]
        return reason.stack

    stack = run(main)
    assert [place[0].rpartition("/")[2] for place in stack] == ["test_focus.py"]


def test_the_downs_of_one_in_focus_that_is_killed_are_told_and_come_from_its_end() -> None:
    async def main() -> None:
        seen: list[Event] = []
        pid = otp.spawn(otp.receive)
        ref = otp.monitor(pid)
        await wait_all_idle()
        focus(seen, pid)
        otp.exit(pid, "kill")
        await otp.receive(ref)
        end, down = seen
        assert ("exited", "sent") == (end.kind, down.kind)
        assert (pid, otp.self(), end.seq) == (down.pid, down.data["to"], down.cause)

    run(main)


def test_who_becomes_another_function_stays_in_focus() -> None:
    async def main() -> None:
        seen: list[Event] = []
        me = otp.self()

        async def first() -> None:
            await otp.receive()
            raise otp.Become(second)

        async def second() -> None:
            otp.send(me, "from the second")

        pid = otp.spawn(first)
        focus(seen, pid)
        otp.send(pid, "go")
        await otp.receive()
        assert ("sent", "pid>me", "info", "'from the second'") in label_events(seen, {pid: "pid", me: "me"})

    run(main)


def test_a_process_that_is_cancelled_or_times_out_stays_in_focus_and_leaves_it_with_its_reader() -> None:
    """The error is raised where the process waits, also if a reader comes or goes in between."""

    async def waits(heir: Pid, raised: list[str]) -> None:
        while True:
            try:
                otp.send(heir, ("got", await otp.receive()))
            except asyncio.CancelledError:
                raised.append("cancelled")
                otp.send(heir, "cancelled")

    async def main() -> None:
        seen: list[Event] = []
        raised: list[str] = []
        me = otp.self()
        p: Any = otp.spawn(waits, me, raised)
        await asyncio.sleep(0)
        p.cancel()
        reader = focus(seen, p)  # after the cancellation, before it is raised
        assert "cancelled" == await otp.receive()
        otp.send(p, 1)
        assert ("got", 1) == await otp.receive()
        p.cancel()
        assert "cancelled" == await otp.receive()
        otp.send(p, 2)
        assert ("got", 2) == await otp.receive()
        who = {me: "me", p: "p"}
        sent = [event for event in label_events(seen, who) if event[:2] == ("sent", "p>me")]
        assert ["('got', 1)", "('got', 2)"] == [event[3] for event in sent if "got" in event[3]]

        p.cancel()
        reader.close()  # after the cancellation, before it is raised
        count = len(seen)
        assert "cancelled" == await otp.receive()
        otp.send(p, 3)
        assert ("got", 3) == await otp.receive()
        assert count == len(seen)
        assert ["cancelled"] * 3 == raised

    run(main)
