"""The event of a call that timed out, which its caller may have caught."""

from __future__ import annotations

import asyncio
import linecache
from typing import Any

import pytest

import otp
from otp import GenServer, NoReply, Ok, Reply, Stop, Supervisor, Task, impl, trace
from otp.kernel.tables.tracing import KEPT_IN_A_SECOND
from otp.testing import Scheduler
from slow_calls import Busy


class Silent(GenServer[Any]):
    """A server that replies to no call, unless it is `stop`."""

    @impl
    def init(self, arg: Any) -> Any:
        if arg == "sensitive":
            otp.process_flag("sensitive", True)
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
        return Stop("timeout", state) if request == "stop" else NoReply(state)


class Slow(GenServer[Any]):
    """A server whose start never ends."""

    @impl
    async def init(self, arg: Any) -> Any:
        await asyncio.Event().wait()  # without an end
        return Ok(arg)


def read_ends(node: Any = None) -> None:
    """Let the ring keep the calls of processes without a supervisor, too."""
    trace.subscribe(node or otp.node(), lambda event: None, kinds={"exited"})


def timeouts(node: Any = None) -> list[trace.Event]:
    return [one for one in trace.history(node or otp.node()) if one.kind == "call_timed_out"]


def line_at(where: str) -> str:
    file, _, number = where.rpartition(":")
    return linecache.getline(file, int(number)).strip()


async def time_out(*arguments: Any) -> None:
    with pytest.raises(otp.CallTimeout):
        await GenServer.call(*arguments)


def test_a_call_that_timed_out_is_an_event_although_its_caller_catches_the_error(run: Any) -> None:
    """Regression: nothing showed it unless the caller crashed."""

    async def main() -> None:
        read_ends()
        server = await Busy.start(name="till")
        other = await Silent.start(None)
        await GenServer.call(server, 0, 1)
        await time_out("till", 60, 0.5)
        await time_out(other, ("pay", {"password": "tulip"}))
        named, unnamed = timeouts()
        assert (otp.self(), server, "till", "Busy", "call", "60", 0.5) == (
            named.pid, *(named.data[key] for key in ("to", "name", "what", "way", "request", "timeout")),
        )  # fmt: skip
        assert "await GenServer.call(*arguments)" == line_at(named.data["where"])
        name, callback, place = named.data["busy"]
        assert ("till", "handle_call") == (name, callback) and "slow_calls.py:" in place
        assert "its handle_call had not finished" in named.data["why"]
        assert (other, None, 5.0) == tuple(unnamed.data[key] for key in ("to", "name", "timeout"))
        assert "tulip" not in unnamed.data["request"]

    run(main)


def test_neither_an_end_of_the_server_nor_a_start_is_a_call_that_timed_out(run: Any) -> None:
    async def main() -> None:
        read_ends()
        server = await Silent.start(None)
        await time_out(server, "stop")  # as in Erlang, its exit reason is that of a time-out
        with pytest.raises(otp.NoProcess):
            await GenServer.call(server, "again", 1)
        with pytest.raises(otp.StartError):
            await Slow.start(None, timeout=1)
        assert [] == timeouts()

    run(main)


def test_what_is_sensitive_is_hidden_and_a_request_of_a_tool_is_marked(run: Any) -> None:
    async def main() -> None:
        read_ends()
        server = await Silent.start("sensitive")
        await time_out(server, "secret", 0.1)
        busy = await Busy.start()
        await time_out(busy, 60, 0.1)
        with pytest.raises(otp.CallTimeout):
            await otp.sys.suspend(busy, 0.1)
        await time_out(busy, 1, 0)
        hidden, _, system, at_once = timeouts()
        assert "<sensitive>" == hidden.data["request"]
        assert "returned NoReply" in hidden.data["why"]
        assert (None, "system") == (hidden.data["busy"], system.data["way"])
        assert ("call", 0.0) == (at_once.data["way"], at_once.data["timeout"])

    run(main)


def test_child_tasks_and_code_outside_of_processes_are_callers_too() -> None:
    async def main() -> Any:
        async with otp.Node("shop") as node:
            read_ends(node)
            server = await node.start(Silent, None, name="till")
            await asyncio.create_task(time_out(server, "from outside", 0.01))
            asked = asyncio.get_running_loop().create_future()

            async def owner() -> None:
                await asyncio.create_task(time_out(server, "from a child task", 0.01))
                asked.set_result(None)

            pid = node.spawn(owner)
            await asked
            return [(one.pid, one.data["request"], line_at(one.data["where"])) for one in timeouts(node)], pid

    found, pid = asyncio.run(main())
    line = "await GenServer.call(*arguments)"
    assert [(None, "'from outside'", line), (pid, "'from a child task'", line)] == found


def test_a_task_without_a_result_in_time_is_one_too(run: Any) -> None:
    async def fetch() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        read_ends()
        one, more = Task.async_(fetch), [Task.async_(fetch), Task.async_(fetch)]
        with pytest.raises(otp.Exit):
            await Task.await_(one, 0.5)
        with pytest.raises(otp.Exit):
            await Task.await_many(more, 0.5)
        assert [one.pid, *(task.pid for task in more)] == [event.data["to"] for event in timeouts()]
        first = timeouts()[0]
        assert ("task", 0.5, None) == tuple(first.data[key] for key in ("way", "timeout", "request"))
        assert first.data["what"].endswith("fetch")
        assert "await Task.await_(one, 0.5)" == line_at(first.data["where"])

    run(main)


def test_a_cycle_of_calls_is_told_with_the_event(run: Any) -> None:
    class Asks(GenServer[Any]):
        @impl
        def init(self, other: Any) -> Any:
            return Ok(other)

        @impl
        async def handle_call(self, request: Any, caller: Any, other: Any) -> Any:
            return Reply(await GenServer.call(other, "ask", timeout=None), other)

    async def main() -> None:
        read_ends()
        await Asks.start("right", name="left")
        await Asks.start("left", name="right")
        with pytest.raises(otp.CallExit):
            await GenServer.call("left", "ask")
        (event,) = timeouts()
        assert {"left -> right -> left", "right -> left -> right"} >= {event.data["cycle"]}
        assert event.data["timeout"] is None

    run(main)


def test_many_in_one_second_reach_all_readers_and_leave_room_in_the_ring() -> None:
    async def main() -> None:
        read_ends()
        server = await Silent.start(None)
        seen: list[trace.Event] = []
        trace.subscribe(otp.node(), seen.append, kinds={"call_timed_out"})
        for number in range(3 * KEPT_IN_A_SECOND):
            await time_out(server, number, 0)
        assert 3 * KEPT_IN_A_SECOND == len(seen)
        assert [str(n) for n in range(KEPT_IN_A_SECOND)] == [one.data["request"] for one in timeouts()]

    Scheduler(seed=1).run(main)


def test_without_readers_the_ring_keeps_those_of_supervised_processes(run: Any) -> None:
    async def main() -> None:
        shop = await Supervisor.start_link(otp.Children([Silent.child_spec(None, name="till")]))
        await time_out(await Silent.start(None), "unseen", 0.1)
        await time_out("till", "pay", 0.1)
        assert ["'pay'"] == [one.data["request"] for one in timeouts()]
        await Supervisor.stop(shop)

    run(main)


def test_readers_of_messages_find_the_call_by_its_reference(run: Any) -> None:
    async def main() -> None:
        server = await Silent.start(None)
        seen: list[trace.Event] = []
        trace.subscribe(otp.node(), seen.append, kinds={"sent", "call_timed_out"})
        await time_out(server, "x", 0.1)
        sent, event = seen
        assert sent.data["ref"] is event.data["ref"] is not None

    run(main)
