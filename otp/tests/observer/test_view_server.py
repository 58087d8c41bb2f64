"""The server side of a view: permissions, unusual requests, readers that are slow or die."""

from __future__ import annotations

import asyncio
import logging
import marshal
import tracemalloc
from typing import Any

import pytest

import otp
from otp import GenServer, NoReply, Ok, Reply, StartError, Supervisor, impl, observer, testing
from otp.observer import ChildStart, NotPermitted, RemoteView, TraceSpec, ViewError, ViewServer
from otp.observer.node_view import METHODS


class Counter(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Ok[Any]:
        return Ok(arg)

    @impl
    async def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
        if request == "wait":
            await otp.receive(otp.Tag("go"))
        return Reply(state, state)

    @impl
    def handle_cast(self, request: Any, state: Any) -> Any:
        return NoReply(request)


class Link:
    """Requests as plain terms, straight into the server."""

    def __init__(self, server: Any, reader: Any = None) -> None:
        self.server = server
        self._reader = reader
        self.node = server.node

    async def request(self, request: Any) -> Any:
        return await GenServer.call(self.server, marshal.loads(marshal.dumps(request)), "infinity")

    def pid(self, node: str, creation: int, number: int) -> otp.Pid:
        return otp.trace.node_of(self.server).parse_pid(f"<0.{number}.0>")

    def reader(self) -> otp.Pid:
        return self._reader or otp.self()


async def serving(*permissions: str) -> tuple[Any, RemoteView]:
    server = await ViewServer.start_link(permissions or None)
    return server, RemoteView(Link(server))


def subscriptions() -> int:
    return len(otp.trace.node_of(otp.self()).tracer.subscriptions)


# Permissions


def test_what_a_view_ends_or_changes_leaves_a_line_in_the_log(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Once a service that lost a process to a visitor had nothing in its log but the decision of the supervisor."""

    async def test() -> None:
        _, view = await serving("read", "operate")
        counter = await Counter.start(7)
        with caplog.at_level(logging.INFO, "otp"):
            await view.cast(counter, 8)
            assert await otp.sys.get_state(counter) == 8
            await view.exit(counter, "kill")
            await otp.wait_down(counter)
        told = [record.getMessage() for record in caplog.records if "a view of" in record.getMessage()]
        assert told == [f"a view of {otp.node().name} asks for exit {{'pid': {counter}, 'reason': 'kill'}}"]

    run(test)


def test_it_reads_only_unless_told_otherwise(run: Any) -> None:
    async def test() -> None:
        server, view = await serving()
        counter = await Counter.start_link({"token": 1})
        assert await view.permissions() == {"read"}
        assert await view.state(counter) == "{'token': ***}"
        for refused in (
            view.send(counter, 1),
            view.cast(counter, 1),
            view.call(counter, 1),
            view.exit(counter),
            view.suspend(counter),
            view.resume(counter),
            view.terminate_child(counter, 1),
            view.change_strategy(counter, "one_for_all"),
            view.replace_state(counter, 1),
            view.reload("otp"),
            view.state(counter, redact=False),
            view.process(counter, redact=False),
            anext(view.events(redact=False)),
            anext(view.trace(TraceSpec(redact=False))),
        ):
            with pytest.raises(NotPermitted, match=r"try ViewServer\.child_spec"):
                await refused
        assert await otp.sys.get_state(counter) == {"token": 1}
        assert otp.is_alive(server)

    run(test)


def test_who_operates_starts_no_code_and_sees_no_secrets(run: Any) -> None:
    async def test() -> None:
        _, view = await serving("read", "operate")
        supervisor = await Supervisor.start_link_children([Counter])
        await view.terminate_child(supervisor, "Counter")
        for refused in (
            view.start_child(supervisor, ChildStart("otp:OsProcess", ["true"])),
            view.replace_state(supervisor, 1),
            view.reload("otp"),
            view.process(supervisor, redact=False),
        ):
            with pytest.raises(NotPermitted, match="'code'"):
                await refused

    run(test)


def test_permissions_are_what_was_given_and_nothing_else(run: Any) -> None:
    async def test() -> None:
        otp.process_flag("trap_exit", True)
        for wrong in ("read", ("root",), 7, {"read": True}):
            with pytest.raises(StartError):
                await ViewServer.start_link(wrong)
        _, view = await serving("operate")
        with pytest.raises(NotPermitted):
            await view.info()

    run(test)


def test_every_method_of_the_protocol_is_served_and_has_a_permission() -> None:
    promised = {name for name in vars(observer.NodeView) if not name.startswith("_")} - {"name"}
    assert promised == set(METHODS)


# Requests


NONSENSE: list[Any] = [
    None,
    7,
    "info",
    (),
    ("info",),
    ("info", None),
    ("info", {"x": 1}),
    ("no_such_method", {}),
    ("__class__", {}),
    ("find", {"pid": 1}),
    ("process", {}),
    ("process", {"pid": ("$pid", "elsewhere", 1, 1)}),
    ("process", {"pid": ("$pid", 1, 2, 3)}),
    ("process", {"pid": {}}),
    ("processes", {"limit": "many"}),
    ("processes", {"kind": []}),
    ("supervision_tree", {"depth": -1}),
    ("trace", {"spec": None}),
    ("trace", {"reader": "me"}),
    ("events", {"reader": None}),
    ("events", {"since": "yesterday"}),
    ("next", {}),
    ("next", {"stream": 1, "received": 0, "credit": 1}),
    ("next", {"stream": "1", "received": 0, "credit": 1}),
    ("close", {}),
    ("call", {"pid": "nobody", "request": 1}),
    ("call", {"pid": "x", "request": ("$view", "X", {})}),
    ({"info": 1}, {}),
    ("info", {1: 2}),
]


@pytest.mark.parametrize("request_term", NONSENSE, ids=repr)
def test_nonsense_is_answered_with_an_error(run: Any, request_term: Any) -> None:
    async def test() -> None:
        server, view = await serving("read", "operate", "code")
        answer = await GenServer.call(server, request_term)
        assert ("error", 4) == (answer[0], len(answer))
        assert answer[1] in ("bad_argument", "no_stream")
        assert "expected" in answer[2]
        marshal.dumps(answer)
        GenServer.cast(server, request_term)
        otp.send(server, request_term)
        assert (await view.info()).life == "open"

    run(test)


def test_hostile_objects_are_answered_with_an_error(run: Any) -> None:
    class Hostile:
        def __repr__(self) -> str:
            raise AssertionError("no code of a program may run")

        __hash__ = __eq__ = __str__ = __repr__  # type: ignore[assignment]

    async def test() -> None:
        server, view = await serving("read", "operate", "code")
        for request in (Hostile(), (Hostile(), {}), ("info", Hostile()), ("process", {"pid": Hostile()})):
            assert (await GenServer.call(server, request))[:2] == ("error", "bad_argument")
        counter = await Counter.start_link(Hostile())
        reply = await view.call(counter, "value")
        assert isinstance(reply, observer.Opaque)
        assert reply.text.endswith("Hostile>")
        assert otp.is_alive(server)

    run(test)


def test_an_operation_that_waits_keeps_nobody_else_waiting(run: Any) -> None:
    async def test() -> None:
        _, view = await serving("read", "operate")
        counter = await Counter.start_link(1)
        waiting = asyncio.create_task(view.call(counter, "wait", timeout="infinity"))
        await testing.wait_all_idle()
        shown = await view.process(counter)
        assert shown is not None
        assert shown.handling == "'wait'"
        otp.send(counter, ("go",))
        assert await waiting == 1

    run(test)


def test_operations_at_a_time_are_limited(run: Any) -> None:
    async def test() -> None:
        _, view = await serving("read", "operate")
        counter = await Counter.start_link(1)
        waiting = [asyncio.create_task(view.call(counter, "wait", timeout="infinity")) for _ in range(101)]
        await testing.wait_all_idle()
        (refused,) = [task for task in waiting if task.done()]
        with pytest.raises(ViewError, match="try again") as busy:
            await refused
        assert busy.value.code == "busy"
        with pytest.raises(ViewError, match="try again"):
            await view.cast(counter, "refused")
        kept = observer.view_requests(otp.trace.node_of(counter))  # a refused request sends nothing
        assert [("call", "'wait'")] * 100 == [(one.method, one.sent) for one in kept]
        for _ in range(100):
            otp.send(counter, ("go",))
        assert [1] * 100 == [await task for task in waiting if task is not refused]
        assert await view.call(counter, "value") == 1

    run(test)


def test_requests_that_send_something_are_kept_with_what_ends_or_calls_a_process(run: Any) -> None:
    """Regression: a text for all messages to a sensitive process, and no caller, so that any other one matched."""

    async def sensitive() -> None:
        otp.process_flag("sensitive", True)
        await otp.receive(otp.Is("never"))

    async def test() -> None:
        _, view = await serving("read", "operate")
        counter, secret = await Counter.start_link(1), otp.spawn(sensitive)
        await testing.wait_all_idle()
        assert 1 == await view.call(counter, "value")
        await view.send(secret, "hunter2")
        await view.exit(secret, "leave")
        await view.exit(secret)
        kept = observer.view_requests(otp.trace.node_of(counter))
        assert [("call", "'value'"), ("send", None), ("exit", "leave"), ("exit", "killed")] == [
            (one.method, one.sent) for one in kept
        ]
        assert [True, False, False, False] == [one.caller is not None for one in kept]

    run(test)


def test_an_operation_has_an_end(run: Any) -> None:
    async def test() -> None:
        _, view = await serving("read", "operate")
        counter = await Counter.start_link(1)
        with pytest.raises(TimeoutError):
            await view.call(counter, "wait", timeout="infinity")

    run(test)


def test_it_cannot_be_made_to_answer_no_more(run: Any) -> None:
    async def test() -> None:
        server, view = await serving("read", "operate", "code")
        for lockout in (view.suspend(server), view.replace_state(server, None)):
            with pytest.raises(otp.BadArgument, match="the view server itself"):
                await lockout
        assert (await view.info()).life == "open"

    run(test)


def test_an_operation_that_is_killed_is_an_error(run: Any) -> None:
    async def test() -> None:
        server, view = await serving("read", "operate")
        counter = await Counter.start_link(1)
        waiting = asyncio.create_task(view.call(counter, "wait"))
        await testing.wait_all_idle()
        (worker,) = [p for p in otp.processes() if (otp.process_info(p, "monitored_by") or ()) == (server,)]
        otp.exit(worker, "kill")
        with pytest.raises(ViewError, match="killed"):
            await waiting

    run(test)


# Streams


def test_a_reader_that_never_asks_costs_its_buffer_and_no_more(run: Any) -> None:
    async def test() -> None:
        _, view = await serving()
        counter = await Counter.start_link(0)
        spec = TraceSpec(pids=(counter,), kinds=("received",), rate=100_000, limit=100_000, buffer=100)
        async with view.trace(spec) as stream:

            async def casts(number: int) -> None:
                for n in range(number):
                    GenServer.cast(counter, n)
                await testing.wait_all_idle()

            await casts(500)
            tracemalloc.start()
            before = tracemalloc.get_traced_memory()[0]
            for _ in range(10):
                await casts(500)
            grown = tracemalloc.get_traced_memory()[0] - before
            tracemalloc.stop()
            seen = [await anext(stream) for _ in range(101)]
        assert (seen[-1].reason, seen[-1].count) == ("slow", 5_400)
        assert grown < 200_000

    run(test)


def test_no_more_comes_than_the_reader_has_room_for(run: Any) -> None:
    async def test() -> None:
        server, _ = await serving()
        counter = await Counter.start_link(0)
        spec = ("$view", "TraceSpec", {"pids": (str(counter),), "kinds": ("received",)})
        _, stream = await GenServer.call(server, ("trace", {"spec": spec}))
        for n in range(10):
            GenServer.cast(counter, n)
        await testing.wait_all_idle()

        async def next_of(received: int, credit: int) -> Any:
            request = {"stream": stream, "received": received, "credit": credit}
            _, (items, ended) = await GenServer.call(server, ("next", request))
            assert ended is None
            return [item[2]["data"]["message"] for item in items]

        assert ["0", "1", "2"] == await next_of(0, 3)
        assert ["0", "1"] == await next_of(0, 2)  # not confirmed: it comes again
        assert ["2", "3", "4", "5"] == await next_of(2, 4)
        assert ["6", "7", "8", "9"] == await next_of(6, 1000)
        for wrong in ((99, 1), (0, 1), (6, 0), (6, 10**6), (6, None)):
            request = {"stream": stream, "received": wrong[0], "credit": wrong[1]}
            assert (await GenServer.call(server, ("next", request)))[:2] == ("error", "bad_argument")

    run(test)


def test_two_servers_that_trace_each_other_end_no_stream(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Each alarm was an event to the other, whose alarm was one to the first: a recursion without end."""

    async def test() -> Any:
        counts = [0, 0]

        async def reads(place: int) -> None:
            _, view = await serving()
            async with view.trace(TraceSpec(kinds=("sent",), limit=10_000, rate=200)) as stream:
                async for _ in stream:
                    counts[place] += 1

        for place in (0, 1):
            otp.spawn_link(reads, place)
        await testing.wait_all_idle()  # both have had what they may have in this second, and wait
        before = list(counts)
        await testing.advance(1.5)
        return [now > then for now, then in zip(counts, before, strict=True)]

    assert run(test) == [True, True]
    assert "raised and is closed" not in caplog.text


def test_the_second_who_asks_takes_the_place_of_the_first(run: Any) -> None:
    async def test() -> None:
        _, view = await serving()
        stream = await view.events(since=None)
        first = asyncio.create_task(anext(stream))
        await testing.wait_all_idle()
        second = asyncio.create_task(anext(stream))
        await testing.wait_all_idle()
        with pytest.raises(ViewError) as refused:
            await first
        assert refused.value.code == "superseded"
        otp.register("me", otp.self())
        assert (await second).kind == "registered"

    run(test)


def test_streams_are_limited_and_end_with_reader_server_and_close(run: Any) -> None:
    async def test() -> None:
        otp.process_flag("trap_exit", True)
        server = await ViewServer.start_link()
        reader = otp.spawn(otp.receive)
        views = RemoteView(Link(server, reader)), RemoteView(Link(server))
        streams = [await views[0].events() for _ in range(60)] + [await views[1].events() for _ in range(40)]
        with pytest.raises(ViewError) as busy:
            await views[1].events()
        assert busy.value.code == "busy"
        assert subscriptions() == 100
        otp.send(reader, "end")
        await testing.wait_all_idle()
        assert subscriptions() == 40
        with pytest.raises(ViewError) as gone:
            await anext(streams[0])
        assert gone.value.code == "no_stream"
        await streams[60].aclose()
        assert subscriptions() == 39
        otp.exit(server, "kill")
        await testing.wait_all_idle()
        assert subscriptions() == 0
        with pytest.raises(otp.CallExit):
            await anext(streams[61])
        await streams[62].aclose()

    run(test)


def test_a_reader_that_is_dead_already_gets_no_stream(run: Any) -> None:
    async def test() -> None:
        server = await ViewServer.start_link()
        reader = otp.spawn(lambda: None)
        await otp.wait_down(reader)
        stream = await RemoteView(Link(server, reader)).events()
        await testing.wait_all_idle()
        assert subscriptions() == 0
        with pytest.raises(ViewError):
            await anext(stream)

    run(test)


def test_it_stands_in_a_tree_under_a_name(run: Any) -> None:
    async def test() -> None:
        await Supervisor.start_link_children([ViewServer.child_spec(("read", "operate"), name="view")])
        link = Link(otp.whereis("view"))
        assert await RemoteView(link).permissions() == {"read", "operate"}
        with pytest.raises(otp.ServerDown):
            await RemoteView(link).exit("view")
        await testing.wait_all_idle()
        assert await RemoteView(Link(otp.whereis("view"))).permissions() == {"read", "operate"}

    run(test)


def test_who_is_no_process_reads_streams_as_long_as_its_link_lives() -> None:
    async def main() -> Any:
        async with otp.Node("service") as node:
            server = await node.start(ViewServer, ("read",))
            anchor = node.spawn(otp.receive)
            view = RemoteView(Link(server, anchor))
            stream = await view.events(since=None)
            counter = await node.start(Counter, 1, name="counter")
            event = await anext(stream)
            assert ("registered", counter) == (event.kind, event.pid)
            assert len(node.tracer.subscriptions) == 1
            otp.exit(anchor, "kill")
            await otp.wait_down(anchor)
            with pytest.raises(ViewError):
                _ = [event async for event in stream]
            return len(node.tracer.subscriptions)

    assert asyncio.run(main()) == 0
