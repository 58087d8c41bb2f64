"""State machines as processes: how they start, what their results are, and that a seed makes a run.

Source: Erlang/OTP, stdlib, `gen_statem`; gen_statem_SUITE. What is called observed was seen on OTP 25.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import otp
from echo_machine import echo
from otp import (
    AlreadyStarted,
    Down,
    Error,
    EventTimeout,
    ExceptionTerm,
    Exit,
    ExitSignal,
    GenStateMachine,
    Ignore,
    KeepState,
    KeepStateAndData,
    MachineOk,
    NextEvent,
    NextState,
    Postpone,
    RepeatState,
    StartError,
    Stop,
    StopAndReply,
)
from otp.testing import Scheduler, advance, wait_all_idle

# Starting


def test_start_link_returns_the_pid_under_its_name_and_links(run: Any, machine: Any) -> None:
    async def main() -> None:
        pid = await machine(echo).start_link(1, name="m")
        assert otp.whereis("m") == pid
        assert otp.process_info(otp.self(), "links") == (pid,)
        with pytest.raises(AlreadyStarted) as error:
            await machine(echo).start_link(2, name="m")
        assert error.value.pid == pid

    run(main)


def test_start_monitor_returns_pid_and_ref(run: Any, machine: Any) -> None:
    async def main() -> None:
        pid, ref = await machine(echo).start_monitor(1)
        await GenStateMachine.stop(pid)
        assert await otp.receive(ref) == Down(ref, pid, "normal")

    run(main)


def test_a_machine_is_started_and_called_from_outside_a_process(machine: Any) -> None:
    async def main() -> Any:
        async with otp.Node("n") as node:
            pid = await node.start(machine(echo), 5, name="m")
            return await GenStateMachine.call(pid, "hello")

    assert asyncio.run(main()) == ("hello", "a", 5)


@pytest.mark.parametrize(
    ("verdict", "reason"),
    [
        (Stop("why"), "why"),
        (Stop(None), None),
        ("wrong", ("bad_return_from_init", "wrong")),
        (None, ("bad_return_from_init", None)),
        (KeepStateAndData(), ("bad_return_from_init", KeepStateAndData())),
    ],
    ids=repr,
)
def test_init_that_does_not_begin_fails_the_start(run: Any, verdict: Any, reason: Any, machine: Any) -> None:
    """Observed: `{error, Reason}` and an exit signal with the same reason."""

    async def main() -> None:
        otp.process_flag("trap_exit", True)
        with pytest.raises(StartError) as error:
            await machine(echo, lambda _: verdict).start_link()
        assert error.value.reason == reason
        assert (await otp.receive(ExitSignal)).reason == reason

    run(main)


def test_what_init_raises_is_bare_in_the_error_and_with_its_stack_in_the_exit_reason(run: Any, machine: Any) -> None:
    """Observed: `{error, boom}` and `{'EXIT', Pid, {boom, Stack}}`."""

    def boom(_: Any) -> Any:
        raise Error("boom")

    def value_error(_: Any) -> Any:
        raise ValueError("no")

    def exits(_: Any) -> Any:
        raise Exit("bye")

    async def main() -> None:
        otp.process_flag("trap_exit", True)
        term = ExceptionTerm("ValueError", ("no",), "no")
        for first, bare, full in (
            (boom, "boom", otp.Crash("boom")),
            (value_error, term, otp.Crash(term)),
            (exits, "bye", "bye"),
        ):
            with pytest.raises(StartError) as error:
                await machine(echo, first).start_link()
            assert error.value.reason == bare
            assert (await otp.receive(ExitSignal)).reason == full

    run(main)


def test_init_may_ignore_and_its_verdict_may_be_thrown(run: Any, machine: Any) -> None:
    def throws(_: Any) -> Any:
        raise otp.Throw(MachineOk("thrown", 7))

    async def main() -> None:
        assert isinstance(await machine(echo, Ignore()).start_link(), Ignore)
        pid = await machine(echo, throws).start_link()
        assert await GenStateMachine.call(pid, "x") == ("x", "thrown", 7)

    run(main)


def test_init_may_wait(run: Any, machine: Any) -> None:
    async def first(arg: Any) -> Any:
        await asyncio.sleep(1)
        if arg == "throw":
            raise otp.Throw(Stop("thrown"))
        if arg == "raise":
            raise ValueError
        return MachineOk("late", arg)

    async def main() -> None:
        pid = await machine(echo, first).start_link(3)
        assert (await GenStateMachine.call(pid, "x"), otp.monotonic()) == (("x", "late", 3), 1.0)
        with pytest.raises(StartError) as error:
            await machine(echo, first).start("throw")
        assert error.value.reason == "thrown"
        with pytest.raises(StartError) as error:
            await machine(echo, first).start("raise")
        assert error.value.reason.type_name == "ValueError"
        with pytest.raises(StartError) as error:
            await machine(echo, first).start(1, timeout=0.5)
        assert error.value.reason == "timeout"

    run(main)


def test_the_starter_does_not_wait_until_the_first_state_is_entered_but_messages_do(run: Any, machine: Any) -> None:
    """Source: `init_result` acknowledges the start before it carries out actions."""
    seen: list[Any] = []

    async def handle(event: Any, content: Any, state: Any, data: Any) -> Any:
        seen.append((event, content))
        await asyncio.sleep(5)
        return KeepStateAndData()

    async def main() -> None:
        first = MachineOk("a", None, NextEvent("internal", "go"))
        pid = await machine(handle, first, enters=True).start_link()
        assert otp.monotonic() == 0.0
        GenStateMachine.cast(pid, "message")
        await advance(10)
        assert seen == [("enter", "a"), ("internal", "go"), ("cast", "message")]
        seen.clear()

    run(main)


def test_a_wrong_action_of_init_ends_a_machine_that_has_started(run: Any, machine: Any) -> None:
    """Observed."""

    async def main() -> None:
        _, ref = await machine(echo, MachineOk("a", 1, "wrong")).start_monitor()
        assert (await otp.receive(ref)).reason == otp.Crash(("bad_action_from_state_function", "wrong"))

    run(main)


# Values


def test_results_compare_and_show_what_they_say() -> None:
    assert NextState("a", 1, Postpone()) == NextState("a", 1, Postpone())
    assert NextState("a", 1) != NextState("a", 1, Postpone())
    assert KeepState(1) != RepeatState(1)
    assert len({KeepState(1), KeepState(1), KeepState(2)}) == 2
    assert repr(StopAndReply("why", [], 1)) == "StopAndReply('why', [], 1)"
    assert repr(KeepState(1, EventTimeout(1, 2))) == "KeepState(1, EventTimeout(seconds=1, content=2, abs=False))"
    match NextState("a", 1):
        case NextState(state, data):
            assert (state, data) == ("a", 1)


def test_the_run_is_the_same_for_the_same_seed(machine: Any) -> None:
    def once(seed: int) -> list[Any]:
        log: list[Any] = []

        def handle(event: Any, content: Any, state: Any, data: Any) -> Any:
            log.append((otp.monotonic(), event, content))
            return KeepStateAndData()

        async def main() -> None:
            pid = await machine(handle).start_link()
            for number in range(20):
                otp.spawn(GenStateMachine.cast, pid, number)
            await wait_all_idle()

        Scheduler(seed=seed).run(main)
        return log

    assert once(3) == once(3)
    assert once(3) != once(4)
