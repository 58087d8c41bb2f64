"""The three kinds of time-outs of a running machine, in virtual time.

Source: Erlang/OTP, stdlib, `gen_statem`, types `state_timeout()`, `event_timeout()`, `generic_timeout()`; design
principles, *gen_statem Behaviour*; gen_statem_SUITE (state_timeout, event_types, generic_timers,
timeout_cancel_and_update).
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import otp
from otp import (
    EventTimeout,
    GenStateMachine,
    KeepState,
    KeepStateAndData,
    MachineOk,
    NamedTimeout,
    NextEvent,
    NextState,
    Postpone,
    RepeatState,
    ReplyTo,
    StateTimeout,
    impl,
)
from otp.sys import resume, suspend
from otp.testing import advance, wait_all_idle

cast = GenStateMachine.cast


class Obedient(GenStateMachine[str, list[Any]]):
    """A cast or call that is a result is returned; all else is noted, with the time and the state."""

    @impl
    def init(self, log: list[Any]) -> Any:
        return MachineOk("a", log)

    @impl
    async def handle_event(self, event: Any, content: Any, state: str, data: list[Any]) -> Any:
        match event, content:
            case "cast", ("wait", seconds, result):
                await asyncio.sleep(seconds)
                return result(data)
            case "cast", function if callable(function):
                return function(data)
            case ("call", caller), _:
                return KeepStateAndData(ReplyTo(caller, content))
            case _:
                data.append((otp.monotonic(), event, content, state))
                return KeepStateAndData()


async def start() -> tuple[Any, list[Any]]:
    log: list[Any] = []
    return await Obedient.start_link(log), log


def keep(*actions: Any) -> Any:
    return lambda data: KeepState(data, *actions)


def go(state: str, *actions: Any) -> Any:
    return lambda data: NextState(state, data, *actions)


@pytest.mark.parametrize(
    ("action", "event"),
    [
        (StateTimeout(1.5, "x"), "state_timeout"),
        (EventTimeout(1.5, "x"), "timeout"),
        (NamedTimeout("n", 1.5, "x"), ("timeout", "n")),
        (StateTimeout(1.5, "x", abs=True), "state_timeout"),
    ],
    ids=repr,
)
def test_a_time_out_is_an_event_after_its_time_once(run: Any, action: Any, event: Any) -> None:
    async def main() -> None:
        pid, log = await start()
        cast(pid, keep(action))
        await advance(1.4)
        assert log == []
        await advance(100)
        assert log == [(1.5, event, "x", "a")]

    run(main)


def test_the_state_time_out_goes_with_its_state(run: Any) -> None:
    async def main() -> None:
        pid, log = await start()
        cast(pid, keep(StateTimeout(1, "gone")))
        cast(pid, go("b"))
        await advance(10)
        assert log == []

    run(main)


@pytest.mark.parametrize("result", [keep(), go("a"), lambda data: RepeatState(data)], ids=["keep", "same", "repeat"])
def test_the_state_time_out_stays_while_the_state_stays(run: Any, result: Any) -> None:
    async def main() -> None:
        pid, log = await start()
        cast(pid, keep(StateTimeout(1, "stays")))
        await advance(0.5)
        cast(pid, result)
        await advance(10)
        assert log == [(1.0, "state_timeout", "stays", "a")]

    run(main)


def test_the_event_time_out_goes_with_any_other_event(run: Any) -> None:
    """Casts, calls, infos, inserted events, other time-outs and events that are postponed."""

    async def main() -> None:
        pid, log = await start()
        for event in (keep(), keep(Postpone()), keep(NextEvent("internal", "i"))):
            cast(pid, keep(EventTimeout(1, "gone")))
            cast(pid, event)
        cast(pid, keep(EventTimeout(1, "gone")))
        otp.send(pid, "info")
        cast(pid, keep(EventTimeout(1, "gone")))
        await GenStateMachine.call(pid, "x")
        cast(pid, keep(EventTimeout(1, "gone"), NamedTimeout("n", 0.5)))
        await advance(10)
        assert [entry[1] for entry in log] == ["internal", "info", ("timeout", "n")]

    run(main)


def test_a_named_time_out_outlives_states_and_events(run: Any) -> None:
    async def main() -> None:
        pid, log = await start()
        cast(pid, keep(NamedTimeout("n", 3, 1), NamedTimeout(("any", "value"), 2, 2)))
        cast(pid, go("b"))
        cast(pid, go("c"))
        await advance(10)
        assert log == [(2.0, ("timeout", ("any", "value")), 2, "c"), (3.0, ("timeout", "n"), 1, "c")]

    run(main)


def test_one_timer_of_a_kind_runs_and_setting_it_again_replaces_it(run: Any) -> None:
    async def main() -> None:
        pid, log = await start()
        cast(pid, keep(StateTimeout(1, "old"), NamedTimeout("n", 1, "old"), EventTimeout(1, "old")))
        cast(pid, keep(StateTimeout(2, "new"), NamedTimeout("n", 3, "new"), EventTimeout(4, "new")))
        await advance(10)
        assert log == [(2.0, "state_timeout", "new", "a"), (3.0, ("timeout", "n"), "new", "a")]

    run(main)


@pytest.mark.parametrize("never", ["infinity", "cancel", None])
def test_a_running_time_out_is_cancelled(run: Any, never: Any) -> None:
    async def main() -> None:
        pid, log = await start()
        cast(pid, keep(StateTimeout(1), NamedTimeout("n", 1)))
        cast(pid, keep(StateTimeout(never), NamedTimeout("n", never), NamedTimeout("other", never)))
        await advance(10)
        assert log == []

    run(main)


def test_update_keeps_the_time_and_changes_the_content(run: Any) -> None:
    async def main() -> None:
        pid, log = await start()
        cast(pid, keep(StateTimeout(2, "old")))
        await advance(1)
        cast(pid, keep(StateTimeout("update", "new"), NamedTimeout("n", "update", "at once")))
        await advance(10)
        assert log == [(1.0, ("timeout", "n"), "at once", "a"), (2.0, "state_timeout", "new", "a")]

    run(main)


def test_time_outs_of_zero_come_before_messages_that_wait_already(run: Any) -> None:
    """Observed; inserted events come first, and cancel the event time-out."""

    async def main() -> None:
        pid, log = await start()
        actions = (NamedTimeout("n", 0, 1), StateTimeout(0, 2), EventTimeout(0, 3), NextEvent("internal", 4))
        cast(pid, go("b", *actions))
        otp.send(pid, "later")
        await wait_all_idle()
        assert [entry[1:3] for entry in log] == [
            ("internal", 4),
            (("timeout", "n"), 1),
            ("state_timeout", 2),
            ("info", "later"),
        ]
        assert {entry[0] for entry in log} == {0.0}

    run(main)


def test_an_event_time_out_of_zero_comes_if_it_is_the_first(run: Any) -> None:
    """Observed."""

    async def main() -> None:
        pid, log = await start()
        cast(pid, keep(EventTimeout(0, 1), NamedTimeout("n", 0, 2)))
        await wait_all_idle()
        assert [entry[1] for entry in log] == ["timeout", ("timeout", "n")]

    run(main)


def test_an_absolute_time_that_is_past_comes_at_once_but_after_what_waits(run: Any) -> None:
    async def main() -> None:
        pid, log = await start()
        await advance(5)
        cast(pid, keep(StateTimeout(3, "past", abs=True)))
        await wait_all_idle()
        assert log == [(5.0, "state_timeout", "past", "a")]

    run(main)


def test_a_time_out_that_fired_but_was_not_handled_yet_is_cancelled_too(run: Any) -> None:
    """gen_statem flushes the message of a timer that it cancels."""

    async def main() -> None:
        pid, log = await start()
        cast(pid, keep(StateTimeout(1, "gone"), NamedTimeout("n", 1, "gone"), NamedTimeout("m", 1, "stays")))
        cast(pid, ("wait", 2, go("b", NamedTimeout("n", 5, "new"))))
        await advance(3)
        assert log == [(2.0, ("timeout", "m"), "stays", "b")]
        await advance(10)
        assert log[1:] == [(7.0, ("timeout", "n"), "new", "b")]
        assert otp.process_info(pid, "message_queue_len") == 0

    run(main)


def test_time_outs_of_a_suspended_machine_wait(run: Any) -> None:
    async def main() -> None:
        pid, log = await start()
        cast(pid, keep(StateTimeout(1, "x")))
        await wait_all_idle()
        await suspend(pid)
        await advance(2)
        assert log == []
        await resume(pid)
        await wait_all_idle()
        assert log == [(2.0, "state_timeout", "x", "a")]

    run(main)


def test_time_outs_may_be_set_by_init_and_by_an_enter_call(run: Any) -> None:
    class Entering(GenStateMachine[str, list[Any]]):
        state_enter = True

        @impl
        def init(self, log: list[Any]) -> Any:
            return MachineOk("a", log, StateTimeout(1, "init"), NamedTimeout("n", 1, "init"))

        @impl
        def handle_event(self, event: Any, content: Any, state: str, data: list[Any]) -> Any:
            data.append((otp.monotonic(), event, content))
            match event:
                case "enter":
                    return KeepStateAndData(StateTimeout(2, "enter"))
                case "state_timeout":
                    return NextState("b" if state == "a" else "a", data)
                case _:
                    return KeepStateAndData()

    async def main() -> None:
        log: list[Any] = []
        await Entering.start_link(log)
        await advance(4.5)
        assert log == [
            (0.0, "enter", "a"),
            (1.0, ("timeout", "n"), "init"),
            (2.0, "state_timeout", "enter"),
            (2.0, "enter", "a"),
            (4.0, "state_timeout", "enter"),
            (4.0, "enter", "b"),
        ]

    run(main)


def test_timers_set_again_and_again_leave_nothing_behind(run: Any) -> None:
    async def main() -> None:
        pid, _log = await start()
        for _ in range(3000):
            cast(pid, keep(StateTimeout(3600), NamedTimeout("n", 3600), EventTimeout(3600)))
        await wait_all_idle()
        assert len(pid.runtime.scheduler.heap) < 2500

    run(main)
