"""Calls to a state machine: immediate, later, foreign and late replies, and none from a machine that ends.

Source: Erlang/OTP, stdlib, `gen_statem`; gen_statem_SUITE. What is called observed was seen on OTP 25.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import otp
from otp import (
    BadArgument,
    CallingSelf,
    CallTimeout,
    GenStateMachine,
    KeepState,
    KeepStateAndData,
    NextState,
    NoProcess,
    ReplyTo,
    ServerDown,
    Stop,
)
from otp.testing import Scheduler, advance, wait_all_idle


def test_a_call_waits_without_limit_and_its_failure_names_gen_statem(run: Any, machine: Any) -> None:
    """Observed: the time-out is part of the reason, `infinity` if none was given."""

    async def main() -> None:
        with pytest.raises(NoProcess) as error:
            await GenStateMachine.call("nobody", "x")
        assert error.value.reason == ("noproc", ("gen_statem", "call", ["nobody", "x", "infinity"]))
        silent = await machine(lambda *_: KeepStateAndData()).start()
        with pytest.raises(CallTimeout) as late:
            await GenStateMachine.call(silent, "x", timeout=7)
        assert late.value.reason == ("timeout", ("gen_statem", "call", [silent, "x", 7]))
        assert (late.value.dest, late.value.request, otp.monotonic()) == (silent, "x", 7.0)
        with pytest.raises(BadArgument):
            await GenStateMachine.call(silent, "x", timeout=-1)
        otp.send_after(100, otp.self(), "still waiting")
        asked = otp.spawn(GenStateMachine.call, silent, "x")
        await otp.receive()
        assert otp.is_alive(asked)

    run(main)


def test_a_machine_that_calls_itself_is_told(run: Any, machine: Any) -> None:
    async def handle(event: Any, content: Any, state: Any, data: Any) -> Any:
        with pytest.raises(CallingSelf) as error:
            await GenStateMachine.call(otp.self(), "x")
        raise error.value

    async def main() -> None:
        pid = await machine(handle).start()
        GenStateMachine.cast(pid, "go")
        expected = ("calling_self", ("gen_statem", "call", [pid, "x", "infinity"]))
        assert await otp.wait_down(pid) == expected

    run(main)


def test_a_call_fails_with_the_reason_of_a_machine_that_ends_first(run: Any, machine: Any) -> None:
    async def main() -> None:
        pid = await machine(lambda *_: Stop("why")).start()
        with pytest.raises(ServerDown) as error:
            await GenStateMachine.call(pid, "x")
        assert error.value.reason == ("why", ("gen_statem", "call", [pid, "x", "infinity"]))

    run(main)


def test_an_answer_may_be_given_later_by_anybody_once(run: Any, machine: Any) -> None:
    """gen_statem_SUITE: reply by cast, by spawned processes; `reply/1` takes actions and lists of them."""

    def handle(event: Any, content: Any, state: Any, data: Any) -> Any:
        match event, content:
            case ("call", caller), _:
                return KeepState([*data, caller])
            case "cast", "now":
                first, second, third = data
                GenStateMachine.reply(first, 1)
                otp.spawn(lambda: GenStateMachine.reply([ReplyTo(second, 2), ReplyTo(first, "again")]))
                GenStateMachine.reply(ReplyTo(third, 3))
                return KeepState([])
            case _:
                return None

    async def main() -> None:
        me = otp.self()
        pid = await machine(handle).start_link([])

        async def ask(number: int) -> None:
            otp.send(me, (number, await GenStateMachine.call(pid, number)))

        for number in (1, 2, 3):
            otp.spawn(ask, number)
            await wait_all_idle()
        GenStateMachine.cast(pid, "now")
        assert sorted([await otp.receive() for _ in range(3)]) == [(1, 1), (2, 2), (3, 3)]
        with pytest.raises(BadArgument, match="caller"):
            GenStateMachine.reply("nobody", 1)

    run(main)


def test_a_late_answer_is_dropped(run: Any, machine: Any) -> None:
    def handle(event: Any, content: Any, state: Any, data: Any) -> Any:
        match event:
            case ("call", caller):
                return KeepState(caller)
            case _:
                return KeepStateAndData(ReplyTo(data, "late"))

    async def main() -> None:
        pid = await machine(handle).start_link()
        with pytest.raises(CallTimeout):
            await GenStateMachine.call(pid, "x", 1)
        GenStateMachine.cast(pid, "answer")
        await wait_all_idle()
        assert otp.process_info(otp.self(), "message_queue_len") == 0

    run(main)


def test_answers_go_out_in_the_order_of_the_actions_before_the_state_is_entered(run: Any, machine: Any) -> None:
    seen: list[Any] = []

    async def handle(event: Any, content: Any, state: Any, data: Any) -> Any:
        match event:
            case ("call", caller):
                return KeepState([*data, caller])
            case "cast":
                return NextState("b", [], *(ReplyTo(caller, "ok") for caller in data))
            case "enter" if state == "b":
                await asyncio.sleep(1)
                seen.append("entered")
                return KeepStateAndData()
            case _:
                return KeepStateAndData()

    async def main() -> None:
        pid = await machine(handle, enters=True).start_link([])

        async def ask(number: int) -> None:
            await GenStateMachine.call(pid, number)
            seen.append(number)

        for number in (1, 2):
            otp.spawn(ask, number)
            await wait_all_idle()
        GenStateMachine.cast(pid, "all")
        await advance(1)
        assert sorted(seen[:2]) == [1, 2]
        assert seen[2:] == ["entered"]

    for options in ({"inline": True}, {"inline": False}):
        seen.clear()
        Scheduler(**options).run(main)
        assert seen == [1, 2, "entered"]
