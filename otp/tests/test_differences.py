"""Deliberate differences of `otp` to Erlang and Elixir: one test for each row of docs/differences.md."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import otp
from otp import (
    GenServer,
    GenStateMachine,
    KeepStateAndData,
    MachineOk,
    NextState,
    NoReply,
    Ok,
    PartitionSupervisor,
    Registry,
    Reply,
    Stop,
    Supervisor,
    Tag,
    Task,
    TaskOk,
    impl,
)
from otp.testing import Scheduler, advance, wait_all_idle


class Cell(GenServer[Any]):
    """Holds a value: "value" answers it, ("put", v) replaces it."""

    @impl
    def init(self, arg: Any) -> Any:
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
        match request:
            case "value":
                return Reply(state, state)
            case ("put", value):
                return Reply("ok", value)

    @impl
    def handle_cast(self, request: Any, state: Any) -> Any:
        request.append("seen")
        return NoReply(state)


def run(program: Callable[[], Awaitable[Any]], **options: Any) -> Any:
    return Scheduler(seed=1, **options).run(program)


def tree(*children: Any, **options: Any) -> Awaitable[otp.Pid]:
    return Supervisor.start_link_children(list(children), strategy="one_for_one", **options)


def test_a_message_is_passed_by_reference() -> None:
    async def program() -> None:
        cell = await Cell.start_link(None)
        letter: list[str] = []
        GenServer.cast(cell, letter)
        await wait_all_idle()
        assert ["seen"] == letter

    run(program)


@pytest.mark.parametrize(("first", "second", "survives"), [(0.0, 1.75, True), (0.9, 1.9, False), (0.9, 1.91, True)])
def test_a_restart_counts_while_it_is_no_older_than_the_window_on_the_unrounded_clock(
    first: float, second: float, survives: bool
) -> None:
    """OTP counts whole seconds: 0 s and 1.75 s are 0 and 1 to it, so that with a window of 1 s it gives up."""

    async def program() -> None:
        otp.process_flag("trap_exit", True)
        supervisor = await tree(Cell.child_spec(None, name="cell"), max_restarts=1, max_seconds=1)
        for pause in (first, second - first):
            await advance(pause)
            otp.exit(otp.whereis("cell"), "kill")
            await wait_all_idle()
        assert survives == otp.is_alive(supervisor)

    run(program)


def test_a_registry_entry_is_gone_when_the_down_of_its_process_is_there() -> None:
    async def program() -> None:
        await Registry.start_link(keys="unique", name="rooms")

        async def member() -> None:
            Registry.register("rooms", "lobby")
            await otp.receive()

        pid, ref = otp.spawn_monitor(member)
        await wait_all_idle()
        assert [pid] == [entry.pid for entry in Registry.lookup("rooms", "lobby")]
        otp.exit(pid, "kill")
        await otp.receive(ref)
        assert [] == Registry.lookup("rooms", "lobby")

    run(program)


def test_times_are_seconds() -> None:
    async def program() -> None:
        otp.send_after(1.5, otp.self(), "tea")
        with pytest.raises(otp.ReceiveTimeout):
            await otp.receive(timeout=1.4)
        assert "tea" == await otp.receive(timeout=0.1)
        assert 1.5 == otp.monotonic()

    run(program)


@pytest.mark.parametrize("wrong", [-1, float("nan"), True, "5", "infinity"])
def test_a_time_that_is_no_number_of_seconds_is_refused(wrong: Any) -> None:
    async def program() -> None:
        with pytest.raises(otp.BadArgument):
            otp.send_after(wrong, otp.self(), "never")
        if wrong == "infinity":
            return
        with pytest.raises(otp.BadArgument) as refused:
            await GenServer.call("nobody", "hello", timeout=wrong)
        assert isinstance(refused.value, otp.BadTimeout)
        assert otp.Crash("function_clause") == refused.value.cause_reason

    run(program)


@pytest.mark.parametrize(("inline", "expected"), [(True, ["handled", "other"]), (False, ["other", "handled"])])
def test_an_idle_server_may_handle_a_call_on_the_stack_of_its_caller(inline: bool, expected: list[str]) -> None:
    seen: list[str] = []

    class Noting(Cell):
        @impl
        def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
            seen.append("handled")
            return Reply(None, state)

    async def program() -> None:
        server = await Noting.start_link(None)
        otp.spawn(seen.append, "other")
        await GenServer.call(server, "note")
        await wait_all_idle()

    run(program, inline=inline)
    assert expected == seen


def test_a_request_that_no_case_matches_ends_the_server_with_bad_return_value_none() -> None:
    async def program() -> None:
        cell = await Cell.start(None)
        ref = otp.monitor(cell)
        with pytest.raises(otp.ServerDown) as failed:
            await GenServer.call(cell, "unknown")
        assert ("bad_return_value", None) == failed.value.cause_reason
        assert ("bad_return_value", None) == (await otp.receive(ref)).reason

    run(program)


def test_a_start_returns_the_pid_and_raises_what_erlang_returns_as_error() -> None:
    async def program() -> None:
        first = await Cell.start_link(None, name="cell")
        assert isinstance(first, otp.Pid)
        with pytest.raises(otp.AlreadyStarted) as failed:
            await Cell.start_link(None, name="cell")
        assert (first, ("already_started", first)) == (failed.value.pid, failed.value.reason)

    run(program)


def test_the_stack_of_a_crash_does_not_count_when_reasons_are_compared() -> None:
    def here() -> None:
        raise otp.Error("boom")

    def there() -> None:
        raise otp.Error("boom")

    async def program() -> None:
        (_, first), (_, second) = otp.spawn_monitor(here), otp.spawn_monitor(there)
        one, other = (await otp.receive(first)).reason, (await otp.receive(second)).reason
        assert one == other
        assert hash(one) == hash(other)
        assert one.stack[-1][2] != other.stack[-1][2]

    run(program)


def test_mutable_arguments_of_a_child_spec_are_copied_at_each_start() -> None:
    async def program() -> None:
        await tree(Cell.child_spec([1], name="cell"))
        (await GenServer.call("cell", "value")).append(2)
        otp.exit(otp.whereis("cell"), "kill")
        await wait_all_idle()
        assert [1] == await GenServer.call("cell", "value")

    run(program)


def test_cleanup_of_a_dying_process_may_wait_and_the_process_is_already_not_alive() -> None:
    seen: list[Any] = []

    async def program() -> None:
        async def worker() -> None:
            try:
                await otp.receive()
            finally:
                seen.append(otp.is_alive(worker_pid))
                await asyncio.sleep(1)
                seen.append("clean")

        worker_pid, ref = otp.spawn_monitor(worker)
        await wait_all_idle()
        otp.exit(worker_pid, "stop")
        assert "stop" == (await otp.receive(ref)).reason
        assert [False, "clean"] == seen
        assert 1.0 == otp.monotonic()

    run(program)


def test_a_callback_is_never_interrupted() -> None:
    """Erlang preempts by reductions; here others wait until a callback returns or awaits."""
    seen: list[int] = []

    async def program() -> None:
        def long() -> None:
            otp.spawn(seen.append, 1)
            for _ in range(10_000):
                otp.send(otp.self(), "work")
            assert [] == seen

        _, ref = otp.spawn_monitor(long)
        assert "normal" == (await otp.receive(ref)).reason
        await wait_all_idle()
        assert [1] == seen

    run(program)


def test_a_call_works_outside_any_process_and_what_needs_a_process_says_so() -> None:
    async def program() -> None:
        async with otp.Node("guest") as node:
            cell = await node.start(Cell, 7)
            assert 7 == await GenServer.call(cell, "value")
            with pytest.raises(otp.NotAProcess):
                otp.self()

    asyncio.run(program())


def test_receive_raises_when_its_time_is_up() -> None:
    async def program() -> None:
        with pytest.raises(otp.ReceiveTimeout) as failed:
            await otp.receive(timeout=3)
        assert isinstance(failed.value, TimeoutError)
        assert 3.0 == otp.monotonic()

    run(program)


def test_a_name_is_any_hashable_value() -> None:
    async def program() -> None:
        cell = await Cell.start_link(None, name=("room", 7))
        assert cell == otp.whereis(("room", 7))
        for wrong in (None, "undefined", True, otp.self()):
            with pytest.raises(otp.BadArgument):
                otp.register(wrong, cell)

    run(program)


def test_equal_values_match_whatever_their_type() -> None:
    """Erlang's patterns tell 1 from 1.0; Python's == does not, and neither does `match`."""

    async def program() -> None:
        otp.send(otp.self(), ("score", 1.0))
        assert ("score", 1.0) == await otp.receive(Tag("score", 1))

    run(program)


def test_the_object_of_a_behaviour_holds_no_state() -> None:
    class Forgetful(GenServer[None]):
        @impl
        def init(self, arg: Any) -> Any:
            self.arg = arg
            return Ok(None)

    async def program() -> None:
        with pytest.raises(otp.StartError) as failed:
            await Forgetful.start(1)
        assert "return Ok(state)" in str(failed.value.reason)

    run(program)


def test_a_hibernating_server_goes_on_as_it_was() -> None:
    class Sleepy(Cell):
        @impl
        def init(self, arg: Any) -> Any:
            return Ok(arg, hibernate=True)

    async def program() -> None:
        assert 7 == await GenServer.call(await Sleepy.start_link(7), "value")

    run(program)


def test_system_exit_in_a_process_ends_the_program_in_order_with_that_status() -> None:
    program = (
        "import otp\n"
        "from otp import GenServer, Ok, impl\n"
        "class Last(GenServer):\n"
        "    @impl\n"
        "    def init(self, arg):\n"
        "        otp.process_flag('trap_exit', True)\n"
        "        return Ok(None)\n"
        "    @impl\n"
        "    def terminate(self, reason, state): print('in order:', reason)\n"
        "async def main():\n"
        "    await otp.Supervisor.start_link_children([Last.child_spec()])\n"
        "    raise SystemExit(3)\n"
        "otp.run(main)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert (3, "in order: shutdown\n") == (done.returncode, done.stdout)


def test_a_child_that_does_not_start_is_named_by_its_spec() -> None:
    class Broken(Cell):
        @impl
        def init(self, arg: Any) -> Any:
            return Stop("no fuel")

    async def program() -> None:
        supervisor = await tree()
        spec = Broken.child_spec(id="broken")
        with pytest.raises(otp.StartError) as failed:
            await Supervisor.start_child(supervisor, spec)
        reason, named = failed.value.reason
        assert ("no fuel", "broken", spec.start) == (reason, named.id, named.start)

    run(program)


def test_streams_and_partitions_do_not_depend_on_the_number_of_cores() -> None:
    async def program() -> None:
        running: list[int] = []

        async def work(item: int) -> None:
            running.append(item)
            await otp.receive()

        async with Task.async_stream(range(100), work) as results:
            reader = asyncio.ensure_future(anext(results))
            await wait_all_idle()
            assert list(range(8)) == sorted(running)
            reader.cancel()
        await PartitionSupervisor.start_link((Cell, None), name="cells")
        assert 8 == PartitionSupervisor.partitions("cells")

    run(program)


def test_a_stream_of_tasks_is_read_once() -> None:
    async def program() -> None:
        async with Task.async_stream([1, 2], str) as results:
            assert ["1", "2"] == [result.value async for result in results if isinstance(result, TaskOk)]
            assert [] == [result async for result in results]

    run(program)


def test_states_of_a_machine_are_compared_as_python_compares() -> None:
    entered: list[Any] = []

    class Gauge(GenStateMachine[Any, None]):
        state_enter = True

        @impl
        def init(self, arg: Any) -> Any:
            return MachineOk(arg, None)

        @impl
        def handle_event(self, event: Any, content: Any, state: Any, data: None) -> Any:
            if event == "enter":
                entered.append(state)
                return KeepStateAndData()
            return NextState(content, None)

    async def program() -> None:
        gauge = await Gauge.start_link(1)
        for value in (1.0, 2):
            GenStateMachine.cast(gauge, value)
        await wait_all_idle()
        assert [1, 2] == entered

    run(program)
