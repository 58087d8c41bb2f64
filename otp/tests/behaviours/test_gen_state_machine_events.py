"""Each message is an event of its kind; events come in their order, also to a machine whose callbacks wait.

Source: Erlang/OTP, stdlib, `gen_statem`; gen_statem_SUITE.
"""

from __future__ import annotations

import asyncio
from typing import Any

import otp
from echo_machine import echo
from otp import GenStateMachine, KeepState, KeepStateAndData, MachineOk, NextEvent, NextState, Postpone, ReplyTo
from otp.sys import get_state
from otp.testing import advance, wait_all_idle

# Events


def test_each_kind_of_message_is_an_event_of_its_kind(run: Any, machine: Any) -> None:
    seen: list[Any] = []

    def handle(event: Any, content: Any, state: Any, data: Any) -> Any:
        match event:
            case ("call", caller):
                seen.append(("call", content))
                return KeepStateAndData(ReplyTo(caller, "answer"))
            case _:
                seen.append((event, content))
                return KeepStateAndData()

    async def main() -> None:
        pid = await machine(handle).start_link()
        GenStateMachine.cast(pid, 1)
        otp.send(pid, 2)
        assert await GenStateMachine.call(pid, 3) == "answer"
        otp.send(pid, otp.Timeout())
        ref = otp.start_timer(1, pid, ["no hash"])
        await advance(1)
        assert seen == [
            ("cast", 1),
            ("info", 2),
            ("call", 3),
            ("info", otp.Timeout()),
            ("info", otp.TimerFired(ref, ["no hash"])),
        ]

    run(main)


def test_a_state_may_be_any_value_when_one_function_handles_all(run: Any, machine: Any) -> None:
    def handle(event: Any, content: Any, state: Any, data: Any) -> Any:
        return NextState([*state, content], data)

    async def main() -> None:
        pid = await machine(handle, MachineOk([], None)).start_link()
        GenStateMachine.cast(pid, 1)
        GenStateMachine.cast(pid, 2)
        assert await get_state(pid) == ([1, 2], None)

    run(main)


# Order in a running machine


def test_inserted_events_postponed_events_and_messages_come_in_that_order(run: Any, machine: Any) -> None:
    """Observed."""
    seen: list[Any] = []

    def handle(event: Any, content: Any, state: Any, data: Any) -> Any:
        match content, state:
            case (("p1" | "p2"), "a"):
                return KeepStateAndData(Postpone())
            case "go", "a":
                return NextState("b", data, Postpone(), NextEvent("internal", "i"), NextEvent("cast", "c"))
            case _:
                seen.append(content)
                return KeepStateAndData()

    async def main() -> None:
        pid = await machine(handle).start_link()
        for content in ("p1", "p2", "go", "last"):
            GenStateMachine.cast(pid, content)
        await wait_all_idle()
        assert seen == ["i", "c", "p1", "p2", "go", "last"]
        seen.clear()

    run(main)


def test_a_machine_that_never_waits_can_be_killed_and_holds_up_nobody(run: Any, machine: Any) -> None:
    """OTP preempts; here a chain of events is interrupted between two callbacks."""

    def handle(event: Any, content: Any, state: Any, data: Any) -> Any:
        return KeepState(data + 1, NextEvent("internal", "again"))

    async def main() -> None:
        pid = await machine(handle).start(0)
        GenStateMachine.cast(pid, "begin")
        neighbour = await machine(echo).start(0)
        for number in range(10):
            assert await GenStateMachine.call(neighbour, number) == (number, "a", 0)
        otp.exit(pid, "kill")
        assert await otp.wait_down(pid) in ("killed", "noproc")

    run(main)


def test_a_fatal_signal_to_itself_stops_the_chain_after_this_callback(run: Any, machine: Any) -> None:
    seen: list[Any] = []

    def handle(event: Any, content: Any, state: Any, data: Any) -> Any:
        seen.append(content)
        try:
            otp.exit(otp.self(), "enough")
        except asyncio.CancelledError:
            pass
        return KeepStateAndData(NextEvent("internal", "never"))

    async def main() -> None:
        pid = await machine(handle).start()
        GenStateMachine.cast(pid, "go")
        assert await otp.wait_down(pid) == "enough"
        assert seen == ["go"]
        seen.clear()

    run(main)


# Waiting callbacks


def test_callbacks_may_wait_and_the_mailbox_keeps(run: Any, machine: Any) -> None:
    seen: list[Any] = []

    async def handle(event: Any, content: Any, state: Any, data: Any) -> Any:
        seen.append((otp.monotonic(), event if isinstance(event, str) else "call", content))
        await asyncio.sleep(1)
        match event:
            case ("call", caller):
                return NextState("b", data, ReplyTo(caller, state), NextEvent("internal", "next"))
            case _:
                return KeepStateAndData()

    async def main() -> None:
        pid = await machine(handle, enters=True).start_link()
        GenStateMachine.cast(pid, "first")
        assert await GenStateMachine.call(pid, "second") == "a"
        GenStateMachine.cast(pid, "third")
        await advance(10)
        assert seen == [
            (0.0, "enter", "a"),
            (1.0, "cast", "first"),
            (2.0, "call", "second"),
            (3.0, "enter", "a"),
            (4.0, "internal", "next"),
            (5.0, "cast", "third"),
        ]
        seen.clear()

    run(main)


def test_a_waiting_callback_may_call_another_machine_and_throw_its_result(run: Any, machine: Any) -> None:
    async def handle(event: Any, content: Any, state: Any, data: Any) -> Any:
        caller = event[1]
        value = await GenStateMachine.call(data, content)
        raise otp.Throw(NextState("asked", data, ReplyTo(caller, value)))

    async def main() -> None:
        other = await machine(echo).start_link(9)
        pid = await machine(handle).start_link(other)
        assert await GenStateMachine.call(pid, "x") == ("x", "a", 9)
        assert await get_state(pid) == ("asked", other)

    run(main)


def test_a_waiting_callback_ends_with_its_machine(run: Any, machine: Any) -> None:
    seen: list[Any] = []

    async def handle(event: Any, content: Any, state: Any, data: Any) -> Any:
        try:
            await asyncio.sleep(100)
        finally:
            seen.append("closed")
        return KeepStateAndData()

    async def main() -> None:
        for reason, actual in (("shutdown", "shutdown"), ("kill", "killed")):
            pid = await machine(handle).start()
            GenStateMachine.cast(pid, "wait")
            await wait_all_idle()
            otp.exit(pid, reason)
            assert await otp.wait_down(pid) in (actual, "noproc")
        assert seen == ["closed", "closed"]
        seen.clear()

    run(main)
