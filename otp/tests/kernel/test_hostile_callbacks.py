"""Foreign code on the runtime's stack may raise anything, and leaves no process running for ever."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import otp
from otp import AnyOf, GenServer, NoReply, Ok, Reply, impl
from otp.testing import wait_all_idle


class Liar:
    """A result whose class cannot be asked for."""

    @property
    def __class__(self) -> Any:  # type: ignore[override]
        raise RuntimeError("no class")


class Server(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Any:
        return Liar() if arg == "liar" else Ok(arg)

    @impl
    async def handle_cast(self, request: Any, state: Any) -> Any:
        otp.send(request, "message")
        return NoReply(state)

    @impl
    def handle_call(self, request: Any, caller: otp.From, state: Any) -> Any:
        match request:
            case "liar":
                return Liar()
            case ("timeout", seconds):
                return Reply(1, state, timeout=seconds)
        return Reply(state, state)


def cancels(_: Any) -> Any:
    raise asyncio.CancelledError


def generator_exits(_: Any) -> Any:
    raise GeneratorExit


@pytest.mark.parametrize("predicate", [cancels, generator_exits])
@pytest.mark.parametrize("wrap", [lambda predicate: predicate, AnyOf], ids=["bare", "AnyOf"])
def test_a_predicate_that_raises_anything_does_not_match_and_does_not_harm_the_sender(
    predicate: Any, wrap: Any, run: Any
) -> None:
    async def main() -> Any:
        async def picky() -> None:
            await otp.receive(wrap(predicate))

        receiver = otp.spawn(picky)
        server = await Server.start(7)
        await wait_all_idle()
        GenServer.cast(server, receiver)
        await wait_all_idle()
        return await GenServer.call(server, "state"), otp.process_info(receiver, "messages")

    assert run(main) == (7, ("message",))


@pytest.mark.parametrize("error", [asyncio.CancelledError, GeneratorExit])
def test_a_state_function_that_raises_anything_is_refused_and_the_server_goes_on(error: Any, run: Any) -> None:
    async def main() -> Any:
        server = await Server.start(7)

        def bad(_: Any) -> Any:
            raise error

        with pytest.raises(error):
            await otp.sys.replace_state(server, bad)
        return await GenServer.call(server, "state")

    assert run(main) == 7


def test_system_exit_of_a_state_function_ends_the_server_and_the_program_in_order() -> None:
    async def main() -> Any:
        server = await Server.start(7)

        def bad(_: Any) -> Any:
            raise SystemExit(3)

        with pytest.raises(otp.CallExit):
            await otp.sys.replace_state(server, bad)
        seen.append(otp.is_alive(server))
        await otp.receive()

    seen: list[bool] = []
    with pytest.raises(SystemExit) as ended:
        otp.run(main)
    assert ended.value.code == 3
    assert seen in ([], [False])


def test_the_caller_of_a_server_whose_result_lies_about_itself_fails_at_once(run: Any) -> None:
    async def main() -> Any:
        server = await Server.start(7)
        with pytest.raises(otp.ServerDown) as failed:
            await GenServer.call(server, "liar", timeout=60)
        return failed.value.cause_reason[0], otp.is_alive(server), otp.monotonic()

    reason, alive, at = run(main)
    assert reason.type_name.endswith("RuntimeError")
    assert (alive, at) == (False, 0.0)


def test_a_start_whose_result_lies_about_itself_fails_and_leaves_nothing(run: Any) -> None:
    async def main() -> Any:
        with pytest.raises(otp.StartError):
            await Server.start("liar")
        return len(otp.processes())

    assert run(main) == 1


@pytest.mark.parametrize("seconds", [1e300, 10**400, 1.1e12])
def test_a_result_with_a_time_out_no_clock_has_is_a_bad_return_value(seconds: Any, run: Any) -> None:
    async def main() -> Any:
        server = await Server.start(7)
        with pytest.raises(otp.ServerDown) as failed:
            await GenServer.call(server, ("timeout", seconds), timeout=60)
        return failed.value.cause_reason[0], otp.monotonic()

    assert run(main) == ("bad_return_value", 0.0)


@pytest.mark.parametrize("seconds", [1e300, 10**400, 1.1e12])
def test_a_time_no_clock_has_is_refused_and_other_timers_go_on(seconds: Any) -> None:
    async def main() -> Any:
        with pytest.raises(otp.BadArgument, match="expected at most 1e12 seconds"):
            otp.send_after(seconds, otp.self(), "never")
        far = otp.send_after(1e12, otp.self(), "in 31,000 years")
        otp.send_after(0, otp.self(), "now")
        return await otp.receive(), otp.cancel_timer(far) is not None

    assert otp.run(main) == ("now", True)
