"""Timers. Source: Erlang/OTP, `erlang:send_after/3`, `start_timer/3`, `cancel_timer/1`; pitfalls 95–97."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import otp
from otp import TimerFired
from otp.kernel.tables.scheduler import SWEEP_FROM
from otp.testing import Scheduler, advance, wait_all_idle


async def waits() -> None:
    await otp.receive()


def test_a_message_arrives_after_its_time_and_0_is_asynchronous(run: Any) -> None:
    async def main() -> Any:
        otp.send_after(2, otp.self(), "later")
        otp.send_after(0, otp.self(), "soon")
        now = otp.process_info(otp.self(), "message_queue_len")
        return now, await otp.receive(), otp.monotonic(), await otp.receive(), otp.monotonic()

    assert run(main) == (0, "soon", 0.0, "later", 2.0)


def test_timers_of_one_time_fire_in_the_order_they_were_set(run: Any) -> None:
    async def main() -> Any:
        for n in range(20):
            otp.send_after(1, otp.self(), n)
        return [await otp.receive() for _ in range(20)]

    assert run(main) == list(range(20))


def test_start_timer_delivers_its_reference(run: Any) -> None:
    """Pitfall 97."""

    async def main() -> Any:
        ref = otp.start_timer(1, otp.self(), "tea")
        return await otp.receive(ref) == TimerFired(ref, "tea")

    assert run(main)


def test_cancel_and_read_tell_what_is_left(run: Any) -> None:
    """Pitfall 95."""

    async def main() -> Any:
        ref = otp.send_after(3, otp.self(), "x")
        await advance(1.25)
        left = otp.read_timer(ref), otp.cancel_timer(ref), otp.cancel_timer(ref), otp.read_timer(ref)
        await advance(10)
        return left, otp.process_info(otp.self(), "message_queue_len")

    assert run(main) == ((1.75, 1.75, None, None), 0)


def test_a_fired_and_a_strange_reference_have_nothing_left(run: Any) -> None:
    async def main() -> Any:
        ref = otp.send_after(0, otp.self(), "x")
        await advance(1)
        return otp.cancel_timer(ref), otp.cancel_timer(otp.make_ref()), otp.read_timer(otp.make_ref())

    assert run(main) == (None, None, None)


def test_any_process_may_cancel(run: Any) -> None:
    async def main() -> Any:
        ref = otp.send_after(3, otp.self(), "x")
        me = otp.self()
        otp.spawn(lambda: otp.send(me, otp.cancel_timer(ref)))
        return await otp.receive()

    assert run(main) == 3.0


def test_a_timer_to_a_pid_ends_with_the_target_not_with_the_setter(run: Any) -> None:
    """Pitfall 96."""

    async def main() -> Any:
        me = otp.self()
        setter = otp.spawn(lambda: otp.send_after(1, me, "still"))
        target = otp.spawn(waits)
        ref = otp.send_after(5, target, "x")
        await otp.wait_down(setter)
        otp.exit(target, "kill")
        return await otp.receive(), otp.read_timer(ref), otp.cancel_timer(ref)

    assert run(main) == ("still", None, None)


def test_a_name_is_resolved_when_the_timer_fires_and_nobody_there_is_nothing(run: Any) -> None:
    """Pitfalls 25, 96."""

    async def main() -> Any:
        otp.send_after(1, "late", 1)
        otp.send_after(1, "never", 2)
        otp.send_after(1, ("late", "test"), 3)
        otp.send_after(1, ("late", "mars"), 4)
        await advance(0.5)
        otp.register("late", otp.self())
        await advance(1)
        otp.send_after(1, otp.self(), "timers go on")
        return [await otp.receive() for _ in range(3)]

    assert run(main) == [1, 3, "timers go on"]


@pytest.mark.parametrize("function", [otp.send_after, otp.start_timer])
@pytest.mark.parametrize("seconds", [-1, -0.001, float("nan"), float("inf"), "infinity", None, True, "1"])
def test_a_time_that_is_none_is_refused(function: Any, seconds: Any, run: Any) -> None:
    async def main() -> None:
        with pytest.raises(otp.BadArgument, match=f"{function.__name__}.*expected a time in seconds"):
            function(seconds, otp.self(), "x")

    run(main)


@pytest.mark.parametrize("dest", [None, 3, True, "undefined", []])
def test_a_destination_that_is_none_is_refused_when_the_timer_is_set(dest: Any, run: Any) -> None:
    async def main() -> Any:
        with pytest.raises(otp.BadArgument, match="expected a pid, a name"):
            otp.send_after(1, dest, "x")
        otp.send_after(2, otp.self(), "timers go on")
        return await otp.receive()

    assert run(main) == "timers go on"


def test_ten_tenths_are_one_second_and_nanoseconds_are_exact(run: Any) -> None:
    async def main() -> Any:
        times = []
        for _ in range(10):
            otp.send_after(0.1, otp.self(), "x")
            await otp.receive()
            times.append(otp.monotonic())
        otp.send_after(10**6, otp.self(), "far")
        otp.send_after(1e-9, otp.self(), "near")
        return times[-1], await otp.receive(), otp.monotonic() - times[-1]

    last, first, difference = run(main)
    assert (last, first) == (1.0, "near")
    assert difference == pytest.approx(1e-9, abs=1e-10)


def test_a_wait_for_what_is_left_until_a_time_ends_although_the_sum_is_rounded(run: Any) -> None:
    async def main() -> Any:
        otp.send_after(0.05, otp.self(), "begin")
        await otp.receive()
        due = otp.monotonic() + 0.1  # 0.15000000000000002, between two nanoseconds
        for waits in range(5):
            if otp.monotonic() >= due:
                return waits
            with pytest.raises(otp.ReceiveTimeout):
                await otp.receive(timeout=due - otp.monotonic())
        return "never"

    assert run(main) == 2


def test_cancelled_and_outlived_timers_leave_no_heap(run: Any) -> None:
    """A timer or a receive time-out of an hour is not kept for an hour after it was cancelled or answered."""

    async def main() -> Any:
        s: Any = otp.self().runtime.scheduler  # type: ignore[attr-defined]
        dead = otp.spawn(waits)
        for n in range(5 * SWEEP_FROM):
            otp.cancel_timer(otp.send_after(3600, otp.self(), n))
            otp.send_after(3600, dead, n)
            if n == SWEEP_FROM:
                otp.exit(dead, "kill")
        otp.send_after(1, otp.self(), "kept")
        return len(s.heap) < 2 * SWEEP_FROM, await otp.receive()

    assert run(main) == (True, "kept")


@pytest.mark.parametrize("matching", [None, otp.Tag("tick")], ids=["any", "pattern"])
def test_a_receive_that_was_answered_in_time_leaves_no_timer(run: Any, matching: Any) -> None:
    async def main() -> Any:
        s: Any = otp.self().runtime.scheduler  # type: ignore[attr-defined]
        for _ in range(3 * SWEEP_FROM):
            otp.send_after(0, otp.self(), ("tick",))
            await otp.receive(matching, timeout=3600)
        return len(s.heap) < 2 * SWEEP_FROM

    assert run(main)


def test_timers_that_fire_all_at_once_are_served_in_portions(run: Any) -> None:
    async def main() -> Any:
        for n in range(2000):
            otp.send_after(1, otp.self(), n)
        return [await otp.receive() for _ in range(2000)] == list(range(2000))

    assert run(main)


def test_a_timer_can_be_set_outside_a_process() -> None:
    async def main() -> Any:
        async with otp.Node("n"):
            pid = otp.spawn(waits)
            otp.send_after(0, pid, "x")
            return await otp.wait_down(pid)

    assert asyncio.run(main()) == "normal"


def test_real_timers_fire_not_before_their_time() -> None:
    async def main() -> Any:
        began = otp.monotonic()
        otp.send_after(0.02, otp.self(), "x")
        await otp.receive()
        return otp.monotonic() - began >= 0.02

    assert otp.run(main)


def test_the_clock_of_a_deterministic_run_begins_at_0() -> None:
    async def main() -> Any:
        before = otp.monotonic()
        await asyncio.sleep(1.5)
        await wait_all_idle()
        return before, otp.monotonic()

    assert Scheduler().run(main) == (0.0, 1.5)
