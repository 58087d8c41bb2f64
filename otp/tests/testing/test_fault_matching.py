"""Faults choose messages by what their sender passed to `call`, `cast` or `send`; a fault that misses is reported."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

import otp
from echo_server import Echo
from otp import (
    Agent,
    BadArgument,
    CallTimeout,
    GenServer,
    GenStateMachine,
    Is,
    KeepStateAndData,
    MachineOk,
    Registry,
    ReplyTo,
    ServerDown,
    Tag,
    impl,
    observer,
)
from otp.testing import (
    Scheduler,
    UnmatchedFault,
    assert_receive,
    crash,
    delay,
    drop,
    partition,
    start_supervised,
    wait_all_idle,
)


@pytest.fixture(params=[True, False, None], ids=["inline", "queued", "seeded"])
def run(request: pytest.FixtureRequest) -> Callable[..., Any]:
    return Scheduler(seed=3, inline=request.param).run


@dataclass(frozen=True)
class Add:
    n: int


class Lamp(GenStateMachine):
    callback_mode = "handle_event_function"

    @impl
    def init(self, arg: Any) -> Any:
        return MachineOk("off", None)

    @impl
    def handle_event(self, event: Any, content: Any, state: Any, data: Any) -> Any:
        match event:
            case ("call", caller):
                return KeepStateAndData(ReplyTo(caller, content))
            case _:
                return KeepStateAndData()


@pytest.mark.parametrize(
    ("matching", "requests"),
    [
        (2, [1, 2]),
        (("add", 2), [("add", 1), ("add", 2)]),
        (Tag("add"), [("take", 1), ("add", 2)]),
        (Is(Add, n=2), [Add(1), Add(2)]),
        (Add, [2, Add(2)]),
        (lambda request: request > 1, ["text", 1, 2]),
    ],
    ids=["value", "tuple", "tag", "is", "type", "predicate"],
)
def test_a_request_of_a_call_and_of_a_cast_is_matched_as_passed(run: Any, matching: Any, requests: list[Any]) -> None:
    async def main() -> Any:
        echo = await Echo.start(None)
        with drop(to=echo, matching=matching) as fault:
            for request in requests:
                GenServer.cast(echo, request)
            await wait_all_idle()
            casts = fault.hits
            for request in requests[:-1]:
                assert await GenServer.call(echo, request, timeout=1) == request
            with pytest.raises(CallTimeout, match="injected fault"):
                await GenServer.call(echo, requests[-1], timeout=1)
            return casts, fault.hits

    assert run(main) == (1, 2)


def test_the_kind_narrows_a_fault(run: Any) -> None:
    async def main() -> Any:
        echo = await Echo.start(None)
        faults = [delay(1, to=echo, matching="x", kind=kind) for kind in ("call", "cast", "info")]  # type: ignore[arg-type]
        GenServer.cast(echo, "x")
        await wait_all_idle()
        after_cast = [fault.hits for fault in faults]
        await GenServer.call(echo, "x")
        after_call = [fault.hits for fault in faults]
        otp.send(echo, "x")
        await wait_all_idle()
        return after_cast, after_call, [fault.hits for fault in faults]

    assert run(main) == ([0, 1, 0], [1, 1, 0], [1, 1, 1])


def test_state_machines_agents_and_plain_processes_are_matched_alike(run: Any) -> None:
    async def main() -> Any:
        lamp = await Lamp.start(None)
        agent = await Agent.start(dict)

        async def plain() -> None:
            while True:
                match await otp.receive():
                    case ("$gen_call", caller, request):
                        GenServer.reply(caller, request)
                    case _:
                        pass

        server = otp.spawn(plain)
        faults = [
            drop(to=lamp, matching="press", kind="call"),
            drop(to=lamp, matching="press", kind="cast"),
            drop(to=agent, matching=Tag("get"), kind="call"),
            drop(to=server, matching="ask", kind="call"),
        ]
        GenStateMachine.cast(lamp, "press")
        for call in (
            lambda: GenStateMachine.call(lamp, "press", 1),
            lambda: Agent.get(agent, len, 1),
            lambda: GenServer.call(server, "ask", 1),
        ):
            with pytest.raises(CallTimeout):
                await call()
        return [fault.hits for fault in faults]

    assert run(main) == [1, 1, 1, 1]


def test_receivers_are_named_as_in_a_call(run: Any) -> None:
    async def main() -> Any:
        await start_supervised(Registry.child_spec(keys="unique", name="rooms"))
        via = Registry.via("rooms", "lobby")
        await Echo.start(None, name=via)
        await Echo.start(None, name="echo")
        faults = [drop(to=via, matching=1), drop(to=("echo", "test"), matching=2), drop(to=[via, "echo"], matching=3)]
        for dest, request in ((via, 1), ("echo", 2), (via, 3), ("echo", 3)):
            GenServer.cast(dest, request)
        await wait_all_idle()
        return [fault.hits for fault in faults]

    assert run(main) == [1, 1, 2]


def test_the_reply_of_a_task_is_a_message_and_the_reply_to_a_call_is_not(run: Any) -> None:
    async def main() -> Any:
        echo = await Echo.start(None)
        me = otp.self()
        with drop(to=me, optional=True) as none, drop(to=me, matching=otp.TaskReply, kind="info") as lost:
            assert await GenServer.call(echo, 1) == 1
            before = none.hits
            none.heal()
            tasks = await start_supervised(otp.TaskSupervisor.child_spec())
            await otp.TaskSupervisor.async_nolink(tasks, lambda: 7)
            await wait_all_idle()
        return before, lost.hits

    assert run(main) == (0, 1)


def test_the_caller_of_a_call_that_crashes_its_server_gets_the_reason(run: Any) -> None:
    async def main() -> Any:
        echo = await Echo.start(None)
        crash(echo, matching=2)
        assert await GenServer.call(echo, 1) == 1
        with pytest.raises(ServerDown) as failed:
            await GenServer.call(echo, 2, timeout="infinity")
        return failed.value.cause_reason, otp.monotonic()

    assert run(main) == ("killed", 0.0)


@pytest.mark.parametrize("inject", [lambda to: drop(to=to, kind="call"), lambda to: delay(60, to=to, kind="call")])
def test_the_caller_of_a_lost_or_late_call_notices_the_end_of_the_server(run: Any, inject: Any) -> None:
    """As by the monitor of a call in Erlang; the caller waited for a reply that could not come."""

    async def main() -> Any:
        echo = await Echo.start(None)
        inject(echo)

        async def end() -> None:
            await asyncio.sleep(2)
            otp.exit(echo, "kill")

        otp.spawn(end)
        with pytest.raises(ServerDown) as failed:
            await GenServer.call(echo, 1, timeout="infinity")
        return failed.value.cause_reason, otp.monotonic()

    assert run(main) == ("killed", 2.0)


def test_a_partition_can_be_narrowed(run: Any) -> None:
    async def main() -> Any:
        echo = await Echo.start(None)
        with partition(otp.self(), echo, kind="call", matching=2) as cut:
            assert await GenServer.call(echo, 1) == 1
            with pytest.raises(CallTimeout):
                await GenServer.call(echo, 2, timeout=1)
        return cut.hits

    assert run(main) == 1


def test_faults_of_a_running_node_find_calls_to_plain_processes_and_tuples_that_look_like_system_messages() -> None:
    async def main() -> Any:
        async def plain() -> None:
            while True:
                await otp.receive(otp.Tag("never"))

        pid = otp.spawn(plain)
        lost = observer.inject(otp.node(), pid, "drop", kind="call", tag="ask")
        crashes = observer.inject(otp.node(), pid, "crash", kind="info", tag="system")
        with pytest.raises(CallTimeout):
            await GenServer.call(pid, ("ask", 1), timeout=1)
        down = otp.monitor(pid)
        otp.send(pid, ("system", 1, 2))
        return lost.hits, crashes.hits, (await otp.receive(down)).reason

    assert Scheduler().run(main) == (1, 1, "killed")


def test_faults_of_a_running_node_notify_the_caller_of_the_end_of_its_server() -> None:
    async def main() -> Any:
        echo = await Echo.start(None)
        observer.inject(otp.node(), echo, "crash", kind="call")
        with pytest.raises(ServerDown) as failed:
            await GenServer.call(echo, 2, timeout="infinity")
        return failed.value.cause_reason

    assert Scheduler().run(main) == "killed"


def test_a_fault_that_affects_nothing_is_a_warning_at_its_line() -> None:
    async def main() -> str:
        echo = await Echo.start(None)
        drop(to=echo, matching="lots", kind="call")
        await GenServer.call(echo, "lost")
        GenServer.cast(echo, "lots")
        await wait_all_idle()
        return "passed"

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert Scheduler().run(main) == "passed"
    (warning,) = caught
    assert (warning.category, warning.filename) == (UnmatchedFault, __file__)
    said = str(warning.message)
    assert "matching='lots', kind='call'): expected at least one message to affect, got none" in said
    assert "2 did not match: call 'lost', cast 'lots'; try optional=True" in said


def test_a_failed_test_has_the_fault_that_affected_nothing_as_a_note() -> None:
    async def main() -> None:
        crash("nowhere")
        await assert_receive("an answer")

    with pytest.raises(AssertionError) as failed:
        Scheduler().run(main)
    assert any("crash(to='nowhere'): expected" in note and "none was sent" in note for note in failed.value.__notes__)


def test_a_step_by_step_run_warns_too() -> None:
    async def main() -> None:
        partition("a", "b")

    with Scheduler(inline=False).session(main) as session, pytest.warns(UnmatchedFault, match="partition"):
        session.run()


def test_an_optional_fault_may_affect_nothing() -> None:
    async def main() -> None:
        drop(to="nowhere", optional=True)
        delay(1, to="nowhere", optional=True)
        crash("nowhere", optional=True)
        partition("nowhere", "elsewhere", optional=True)

    Scheduler().run(main)


def test_an_unknown_kind_is_refused() -> None:
    async def main() -> None:
        with pytest.raises(BadArgument, match=r"drop\(kind=…\): expected 'call', 'cast', 'info', 'system'"):
            drop(kind="calls")  # type: ignore[arg-type]

    Scheduler().run(main)
