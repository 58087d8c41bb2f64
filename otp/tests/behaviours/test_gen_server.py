"""GenServer as people use it. Source: Erlang/OTP, stdlib, `gen_server`; pitfalls 29–53."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

import otp
from otp import ExitSignal, GenServer, NoReply, Ok, Reply, Request, Stop, Timeout, impl
from otp.testing import Scheduler, wait_all_idle


@pytest.fixture(params=[True, False, None], ids=["inline", "queued", "seeded"])
def run(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Iterator[Callable[..., Any]]:
    yield Scheduler(seed=3, inline=request.param).run
    assert not [r for r in caplog.get_records("call") if "bug of otp" in r.getMessage()]


@dataclass(frozen=True)
class Add(Request[int]):
    n: int


class Counter(GenServer[int]):
    @impl
    def init(self, start: int) -> Any:
        return Ok(start)

    @impl
    def handle_call(self, request: Any, caller: otp.From, state: int) -> Any:
        match request:
            case "value":
                return Reply(state, state)
            case Add(n):
                return Reply(state + n, state + n)

    @impl
    def handle_cast(self, request: Any, state: int) -> Any:
        match request:
            case "increment":
                return NoReply(state + 1)


def test_the_example_of_the_design(run: Any) -> None:
    """Design part 1 §4."""

    async def main() -> Any:
        counter = await Counter.start_link(0, name="counter")
        GenServer.cast("counter", "increment")
        typed: int = await GenServer.call(counter, Add(2), timeout=5.0)
        return typed, await GenServer.call("counter", "value")

    assert run(main) == (3, 3)


def test_only_init_is_required(run: Any) -> None:
    class Small(GenServer[int]):
        @impl
        def init(self, arg: Any) -> Any:
            return Ok(arg)

    class None_(GenServer[int]):
        pass

    async def main() -> Any:
        server = await Small.start(1)
        with pytest.raises(TypeError, match=r"expected None_ to have all required callbacks, got none for init/1"):
            await None_.start(1)
        return otp.is_alive(server), len(otp.processes())

    assert run(main) == (True, 2)


@pytest.mark.parametrize(("kind", "callback"), [("call", "handle_call"), ("cast", "handle_cast")])
def test_a_request_without_its_callback_ends_the_server_with_the_callback_to_write(
    kind: str, callback: str, run: Any
) -> None:
    class Small(GenServer[int]):
        @impl
        def init(self, arg: Any) -> Any:
            return Ok(arg)

    async def main() -> Any:
        server = await Small.start(1)
        ref = otp.monitor(server)
        if kind == "call":
            with pytest.raises(otp.ServerDown):
                await GenServer.call(server, "hello")
        else:
            GenServer.cast(server, "hello")
        return (await otp.receive(ref)).reason.term

    text = run(main)
    assert f"Small got the {kind} 'hello', but has no {callback}; try @impl above def {callback}(self" in text


def test_an_unexpected_message_is_logged_and_dropped(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> Any:
        server = await Counter.start(1)
        otp.send(server, "what?")
        return await GenServer.call(server, "value")

    assert run(main) == 1
    assert "Counter got the unexpected message 'what?'" in caplog.text


def test_self_holds_no_state(run: Any) -> None:
    class Stateful(Counter):
        @impl
        def handle_cast(self, request: Any, state: int) -> Any:
            self.count = request  # type: ignore[attr-defined]
            return NoReply(state)

    async def main() -> Any:
        server = await Stateful.start(1)
        ref = otp.monitor(server)
        GenServer.cast(server, 1)
        return (await otp.receive(ref)).reason.term.text

    assert run(main) == "self holds no state; return NoReply(new_state)"


def test_self_pid_is_the_pid_of_the_running_server_and_calling_self_says_so(run: Any) -> None:
    class Asks(Counter):
        @impl
        def handle_call(self, request: Any, caller: Any, state: int) -> Any:
            if request == "pid":
                return Reply(self.pid, state)
            return Reply(self(), state)  # type: ignore[operator]

    async def main() -> Any:
        server = await Asks.start(1)
        pid = await GenServer.call(server, "pid")
        with pytest.raises(otp.ServerDown) as error:
            await GenServer.call(server, "call self")
        return pid is server, error.value.cause_reason.term.text

    assert run(main) == (True, "write otp.self() or self.pid")


def test_arguments_are_refused_with_the_way_to_start_a_process() -> None:
    with pytest.raises(TypeError, match=r"await Counter\.start_link\(arg\)"):
        Counter(1)  # type: ignore[call-arg]


# Exit signals


class Trapping(GenServer[list[Any]]):
    @impl
    def init(self, arg: Any) -> Any:
        otp.process_flag("trap_exit", True)
        return Ok([])

    @impl
    def handle_call(self, request: Any, caller: Any, state: list[Any]) -> Any:
        return Reply(state, state)

    @impl
    def handle_info(self, message: Any, state: list[Any]) -> Any:
        return NoReply([*state, message])

    @impl
    def terminate(self, reason: Any, state: list[Any]) -> None:
        terminated.append(reason)


terminated: list[Any] = []


@pytest.fixture(autouse=True)
def forget_terminations() -> None:
    terminated.clear()


@pytest.mark.parametrize("reason", ["normal", "shutdown", "boom"])
def test_the_exit_of_the_parent_ends_a_trapping_server_with_exactly_that_reason(reason: str, run: Any) -> None:
    """Pitfall 48."""

    async def main() -> Any:
        async def parent() -> None:
            otp.send(me, await Trapping.start_link())
            await otp.receive()
            raise otp.Exit(reason)

        me = otp.self()
        starter = otp.spawn(parent)
        server = await otp.receive()
        ref = otp.monitor(server)
        otp.send(starter, "go")
        return (await otp.receive(ref)).reason

    assert run(main) == reason
    assert terminated == [reason]


def test_the_exit_of_anybody_else_is_an_info(run: Any) -> None:
    async def main() -> Any:
        me = otp.self()
        server = await Trapping.start()
        otp.exit(server, "from a stranger")
        otp.send(server, ExitSignal(me, "forged"))
        return await GenServer.call(server, "log") == [ExitSignal(me, "from a stranger"), ExitSignal(me, "forged")]

    assert run(main)


def test_even_a_forged_exit_of_the_parent_ends_the_server_trapping_or_not(run: Any) -> None:
    """Pitfall 49."""

    async def main() -> Any:
        otp.process_flag("trap_exit", True)
        reasons = []
        for cls in (Trapping, Counter):
            server = await cls.start_link(1)
            otp.send(server, ExitSignal(otp.self(), "forged"))
            reasons.append((await otp.receive()).reason)
        return reasons

    assert run(main) == ["forged", "forged"]


def test_a_starter_with_a_monitor_counts_as_parent(run: Any) -> None:
    """Pitfall 48."""

    async def main() -> Any:
        server, ref = await Trapping.start_monitor()
        otp.exit(server, "as told")
        return (await otp.receive(ref)).reason

    assert run(main) == "as told"
    assert terminated == ["as told"]


@pytest.mark.parametrize("reason", ["boom", "kill"])
def test_without_trapping_and_for_kill_terminate_is_not_called(reason: str, run: Any) -> None:
    """Pitfall 47."""

    class Quiet(Trapping):
        @impl
        def init(self, arg: Any) -> Any:
            return Ok([])

    async def main() -> Any:
        cls = Trapping if reason == "kill" else Quiet
        server, ref = await cls.start_monitor()
        otp.exit(server, reason)
        return (await otp.receive(ref)).reason

    assert run(main) == ("killed" if reason == "kill" else reason)
    assert terminated == []


def test_terminate_runs_for_stop_results_crashes_and_stop(run: Any) -> None:
    class Stops(Trapping):
        @impl
        def handle_info(self, message: Any, state: Any) -> Any:
            if message == "crash":
                raise otp.Error("crash")
            return Stop(message, state)

    async def main() -> Any:
        for how in ("result", "crash"):
            server, ref = await Stops.start_monitor()
            otp.send(server, how)
            await otp.receive(ref)
        await GenServer.stop(await Stops.start(), "asked")

    run(main)
    assert terminated == ["result", otp.Crash("crash"), "asked"]


# stop


def test_stop_waits_for_the_end(run: Any) -> None:
    """Pitfall 52."""

    class Slow(Trapping):
        @impl
        async def terminate(self, reason: Any, state: Any) -> None:
            await asyncio.sleep(2)

    async def main() -> Any:
        server = await Slow.start(name="slow")
        await GenServer.stop("slow", "shutdown")
        return otp.is_alive(server), otp.monotonic()

    assert run(main) == (False, 2.0)


def test_stop_raises_the_bare_reason_of_a_server_that_ended_otherwise(run: Any) -> None:
    class Crashes(Trapping):
        @impl
        def terminate(self, reason: Any, state: Any) -> None:
            raise otp.Exit("other")

    async def main() -> Any:
        with pytest.raises(otp.Exit) as error:
            await GenServer.stop(await Crashes.start())
        return type(error.value), error.value.reason

    assert run(main) == (otp.Exit, "other")


@pytest.mark.parametrize("dest", ["ghost", "dead"])
def test_stop_of_nobody_is_noproc(dest: str, run: Any) -> None:
    async def main() -> Any:
        server: Any = await Counter.start(1)
        otp.exit(server, "kill")
        with pytest.raises(otp.Exit) as error:
            await GenServer.stop(server if dest == "dead" else dest)
        return error.value.reason

    assert run(main) == "noproc"


def test_stop_has_a_time_out_and_the_server_goes_on_stopping(run: Any) -> None:
    class Slow(Trapping):
        @impl
        async def terminate(self, reason: Any, state: Any) -> None:
            await asyncio.sleep(5)

    async def main() -> Any:
        server, ref = await Slow.start_monitor()
        with pytest.raises(otp.Exit) as error:
            await GenServer.stop(server, timeout=2)
        when = otp.monotonic()
        return error.value.reason, when, (await otp.receive(ref)).reason, otp.monotonic()

    assert run(main) == ("timeout", 2.0, "normal", 5.0)


def test_a_server_that_stops_itself_with_stop_sees_calling_self(run: Any) -> None:
    """Pitfall 52."""

    class Selfish(Trapping):
        @impl
        async def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
            try:
                await GenServer.stop(otp.self())
            except otp.Exit as error:
                return Reply(error.reason, state)

    async def main() -> Any:
        server = await Selfish.start()
        return await GenServer.call(server, 1) == ("calling_self", ("sys", "terminate", [server, "normal", "infinity"]))

    assert run(main)


def test_stop_with_kill_is_an_ordinary_reason(run: Any) -> None:
    """Pitfall 5."""

    async def main() -> Any:
        server, ref = await Trapping.start_monitor()
        await GenServer.stop(server, "kill")
        return (await otp.receive(ref)).reason

    assert run(main) == "kill"


def test_stop_works_outside_a_process() -> None:
    async def main() -> Any:
        async with otp.Node("n"):
            server = await Trapping.start()
            await GenServer.stop(server)
            with pytest.raises(otp.Exit) as error:
                await GenServer.stop(server, timeout=1)
            return error.value.reason

    assert asyncio.run(main()) == "noproc"


# Results


def test_results_compare_show_themselves_and_match() -> None:
    assert Reply(1, 2) == Reply(1, 2)
    assert Reply(1, 2) != Reply(1, 3)
    assert Reply(1, 2, timeout=1) != Reply(1, 2)
    assert NoReply(1) != Ok(1)
    assert hash(NoReply(1)) == hash(NoReply(1))
    assert repr(Reply(1, 2, timeout=3)) == "Reply(1, 2, timeout=3)"
    assert repr(Stop("r")) == "Stop('r')"
    assert repr(Stop("r", 1, reply=None)) == "Stop('r', 1, None)"
    assert repr(Ok(1, then=otp.Continue("c"))) == "Ok(1, then=Continue('c'))"
    match Reply("v", "s", timeout=1):
        case Reply(value, state):
            assert (value, state) == ("v", "s")
    match Stop("r", "s"):
        case Stop(reason, state):
            assert (reason, state) == ("r", "s")


def test_a_call_is_typed_by_its_request(run: Any) -> None:
    """`Request[int]` makes the answer an int for the type checker; at run time it is just a class."""

    async def main() -> int:
        return await GenServer.call(await Counter.start(1), Add(1))

    assert run(main) == 2


# The user's mistakes


@pytest.mark.parametrize("name", ["handel_call", "terminated", "hande_info"])
def test_impl_on_a_misspelt_callback_fails_when_the_class_is_made(name: str) -> None:
    with pytest.raises(TypeError, match="did you mean"):
        type("Wrong", (GenServer,), {name: impl(lambda self, a, b, c: None)})


def test_a_callback_with_wrong_arguments_fails_when_the_class_is_made() -> None:
    with pytest.raises(TypeError, match=r"expected handle_call\(self, request, caller, state\)"):

        class Wrong(GenServer[int]):
            @impl
            def handle_call(self, request: Any) -> Any:  # type: ignore[override]
                return Reply(1, 2)


def test_a_time_out_message_is_a_message_of_its_own(run: Any) -> None:
    class Times(GenServer[list[Any]]):
        @impl
        def init(self, arg: Any) -> Any:
            return Ok([], timeout=1)

        @impl
        def handle_info(self, message: Any, state: list[Any]) -> Any:
            return NoReply([*state, message], timeout=1 if len(state) < 2 else None)

        @impl
        def handle_call(self, request: Any, caller: Any, state: list[Any]) -> Any:
            return Reply(state, state)

    async def main() -> Any:
        server = await Times.start()
        await asyncio.sleep(10)
        return await GenServer.call(server, "log")

    assert run(main) == [Timeout()] * 3


def test_format_status_hides_the_state_from_debuggers(run: Any) -> None:
    import otp.sys

    class Secret(Counter):
        @impl
        def format_status(self, state: int) -> Any:
            return "hidden"

    async def main() -> Any:
        server = await Secret.start(42)
        return (await otp.sys.get_status(server)).state, await otp.sys.get_state(server)

    assert run(main) == ("hidden", 42)


def test_a_server_reports_in_the_words_of_its_author(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> Any:
        server = await Counter.start(0, name="counter")
        ref = otp.monitor(server)
        GenServer.cast(server, "no such case")
        await otp.receive(ref)
        await wait_all_idle()

    run(main)
    texts = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(texts) == 1
    assert texts[0].startswith("counter <0.")
    assert ", in handle_cast('no such case')" in texts[0]
    assert "did no case match, or is a return missing?" in texts[0]
