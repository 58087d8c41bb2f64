"""A kill ends a process at once; code that does not end is dropped or abandoned.

Source: design part 1 §3, "Dying".
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import pytest

import otp
from otp.testing import wait_all_idle


def test_kill_ends_in_the_same_step_though_cleanup_wants_to_wait(run: Any) -> None:
    done: list[str] = []

    async def main() -> Any:
        async def victim() -> None:
            try:
                await otp.receive()
            finally:
                done.append("began")
                await asyncio.sleep(1)
                done.append("never")

        pid, ref = otp.spawn_monitor(victim)
        await wait_all_idle()
        otp.exit(pid, "kill")
        events = [event.kind for event in otp.trace.history(otp.trace.node_of(pid))]
        return otp.is_alive(pid), (await otp.receive(ref)).reason, otp.monotonic(), "abandoned_cleanup" in events

    assert run(main) == (False, "killed", 0.0, True)
    assert done == ["began"]


def test_who_kills_itself_has_no_cleanup_left_to_complain_of(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> Any:
        async def victim() -> None:
            otp.exit(otp.self(), "kill")

        _, ref = otp.spawn_monitor(victim)
        return (await otp.receive(ref)).reason

    assert run(main) == "killed"
    assert caplog.messages == []


def test_kill_does_not_wait_for_the_child_task_that_is_awaited(run: Any) -> None:
    async def main() -> Any:
        async def child() -> None:
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                await asyncio.sleep(1)  # in virtual time; the kill does not wait for it

        async def victim() -> None:
            await asyncio.create_task(child())

        pid, ref = otp.spawn_monitor(victim)
        await wait_all_idle()
        otp.exit(pid, "kill")
        return (await otp.receive(ref)).reason, otp.monotonic()

    assert run(main) == ("killed", 0.0)


@pytest.mark.parametrize("how", ["boom", "kill"])
def test_who_ends_between_the_result_of_a_future_and_its_next_step_ends_quietly(
    run: Any, how: str, errors: Callable[[], list[str]]
) -> None:
    went_on: list[str] = []

    async def main() -> Any:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def victim() -> None:
            await future
            went_on.append("went on")

        pid, ref = otp.spawn_monitor(victim)
        await wait_all_idle()
        future.set_result(None)
        otp.exit(pid, how)
        await wait_all_idle()
        return (await otp.receive(ref)).reason

    assert run(main) == {"boom": "boom", "kill": "killed"}[how]
    assert went_on == errors() == []


def test_cleanup_under_a_kill_is_cancelled_once_and_then_closed(run: Any) -> None:
    """A bare `yield` continues, as in a loop of asyncio; a wait ends with `GeneratorExit`, as with `close()`."""
    seen: list[Any] = []

    class Yields:
        def __await__(self) -> Any:
            seen.append((yield))

    async def main() -> Any:
        async def victim() -> None:
            try:
                await otp.receive()
            except BaseException as error:
                seen.append(type(error))
                await Yields()
                try:
                    await asyncio.sleep(1)  # nothing waits for it: the coroutine is closed here
                except BaseException as another:
                    seen.append(type(another))
                    raise

        pid = otp.spawn(victim)
        await wait_all_idle()
        otp.exit(pid, "kill")

    run(main)
    assert seen == [asyncio.CancelledError, None, GeneratorExit]


def test_a_kill_passes_over_what_asyncio_cannot_wait_for(run: Any, errors: Callable[[], list[str]]) -> None:
    class Odd:
        def __await__(self) -> Any:
            yield "odd"

    async def main() -> Any:
        async def victim() -> None:
            try:
                await otp.receive()
            finally:
                await Odd()

        pid, ref = otp.spawn_monitor(victim)
        await wait_all_idle()
        otp.exit(pid, "kill")
        return otp.is_alive(pid), (await otp.receive(ref)).reason

    assert run(main) == (False, "killed")
    assert errors() == []


def test_kill_ends_an_exiting_process_and_then_the_reason_is_killed(run: Any) -> None:
    async def main() -> Any:
        async def victim() -> None:
            try:
                await otp.receive()
            finally:
                await asyncio.sleep(4)

        pid, ref = otp.spawn_monitor(victim)
        await wait_all_idle()
        otp.exit(pid, "boom")
        otp.exit(pid, "kill")
        return (await otp.receive(ref)).reason, otp.monotonic()

    assert run(main) == ("killed", 0.0)


def test_what_ignores_generator_exit_is_dropped(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    dropped: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", dropped.append)

    async def main() -> Any:
        async def immortal() -> None:
            while True:
                try:
                    await asyncio.get_running_loop().create_future()
                except BaseException:  # hostile on purpose
                    pass

        pid, ref = otp.spawn_monitor(immortal)
        await wait_all_idle()
        otp.exit(pid, "kill")
        reason = (await otp.receive(ref)).reason
        await wait_all_idle()
        return reason, otp.monotonic(), pid.done(), pid.cancelling()  # type: ignore[attr-defined]  # as asyncio asks

    assert run(main) == ("killed", 0.0, True, 0)


def test_code_that_swallows_everything_is_abandoned_after_the_time_of_cleanup(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)

    async def main() -> Any:
        async def immortal() -> None:
            while True:
                try:
                    await asyncio.get_running_loop().create_future()
                except BaseException:  # hostile on purpose
                    pass

        pid, ref = otp.spawn_monitor(immortal)
        await wait_all_idle()
        otp.exit(pid, "boom")
        return (await otp.receive(ref)).reason, otp.monotonic()

    assert run(main) == ("boom", 5.0)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    "wait",
    [
        otp.receive,
        lambda: otp.GenServer.call("busy", "x", "infinity"),
        lambda: otp.sys.get_state("busy"),
        lambda: otp.Agent.start(dict),
        lambda: otp.Supervisor.start_link_children([]),
    ],
    ids=["receive", "call", "system call", "start", "start_link"],
)
@pytest.mark.parametrize(("signal", "reason", "seconds"), [("boom", "boom", 5.0), ("kill", "killed", 0.0)])
def test_code_that_swallows_everything_and_asks_for_ever_is_abandoned(
    run: Any, wait: Any, signal: str, reason: str, seconds: float
) -> None:
    """Regression: each of these waits raised at once in an exiting process, so this loop held the thread for ever."""

    async def main() -> Any:
        async def immortal() -> None:
            ask = otp.receive
            while True:
                try:
                    await ask()
                except BaseException:  # hostile on purpose
                    ask = wait

        otp.register("busy", otp.spawn(otp.receive, otp.Tag("never")))
        pid, ref = otp.spawn_monitor(immortal)
        await wait_all_idle()
        otp.exit(pid, signal)
        return (await otp.receive(ref)).reason, otp.monotonic()

    assert run(main) == (reason, seconds)
