"""The time-out of a call: five seconds, a given time, or none; a late reply is dropped and leaves nothing behind."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

import otp
from otp import GenServer, Ok, Reply, impl
from otp.kernel.tables import scheduler
from otp.kernel.tables.scheduler import SWEEP_FROM
from otp.testing import advance, wait_all_idle
from slow_calls import Busy, failing


def test_a_late_answer_is_dropped(run: Any) -> None:
    """Pitfall 38: a reply after the time-out appears nowhere."""

    async def main() -> Any:
        server = await Busy.start()
        failed = await failing(GenServer.call(server, 2, timeout=1))
        await advance(5)
        return failed, otp.process_info(otp.self(), "message_queue_len"), await GenServer.call(server, 0)

    assert run(main) == ((otp.CallTimeout, "timeout"), 0, "after 0")


def test_a_late_answer_does_not_answer_the_next_call(run: Any) -> None:
    async def main() -> Any:
        slow, other = await Busy.start(), await Busy.start()
        first = await failing(GenServer.call(slow, 2, timeout=1))
        return first, await GenServer.call(other, 3), otp.monotonic()

    assert run(main) == ((otp.CallTimeout, "timeout"), "after 3", 4.0)


def test_the_default_time_out_is_5_seconds_and_not_in_the_reason(run: Any) -> None:
    async def main() -> Any:
        server = await Busy.start()
        with pytest.raises(otp.CallTimeout) as error:
            await GenServer.call(server, 60)
        return error.value.reason == ("timeout", ("gen_server", "call", [server, 60])), otp.monotonic()

    assert run(main) == (True, 5.0)


@pytest.mark.parametrize("timeout", [None, "infinity"])
def test_no_time_out_waits_for_ever_and_shows_as_infinity(timeout: Any, run: Any) -> None:
    async def main() -> Any:
        server = await Busy.start()
        answer = await GenServer.call(server, 1000, timeout=timeout)
        otp.exit(server, "gone")
        with pytest.raises(otp.NoProcess) as error:
            await GenServer.call(server, 1, timeout)
        return answer, error.value.reason[1][2][1:]

    assert run(main) == ("after 1000", [1, "infinity"])


def test_a_given_time_out_is_the_third_argument_in_the_reason(run: Any) -> None:
    """Pitfall 35."""

    async def main() -> Any:
        with pytest.raises(otp.NoProcess) as error:
            await GenServer.call("ghost", "hello", timeout=1.5)
        return error.value.reason, error.value.dest, error.value.request, str(error.value)

    reason = ("noproc", ("gen_server", "call", ["ghost", "hello", 1.5]))
    advice = "is it being restarted, has its supervisor given up, or was it never started?"
    said = f"call to 'ghost' failed: 'noproc' (request 'hello'); {advice}"
    assert run(main) == (reason, "ghost", "hello", said)


def test_time_out_0_does_not_wait_but_the_request_is_sent(run: Any) -> None:
    async def main() -> Any:
        server = await Busy.start()
        otp.spawn(lambda: GenServer.call(server, 1))
        await wait_all_idle()
        return await failing(GenServer.call(server, 1, timeout=0)), otp.monotonic()

    assert run(main) == ((otp.CallTimeout, "timeout"), 0.0)


def test_a_short_limit_does_not_see_the_deadline_of_an_earlier_call() -> None:
    """In real time long limits share buckets of 8 ms, which must not expire a call with its own timer."""

    async def main() -> Any:
        async def first_process() -> Any:
            me: Any = otp.self()
            server = await Busy.start()
            await GenServer.call(server, 0, timeout=5)
            began = me.side is not None
            try:
                await GenServer.call(server, 60, timeout=0.001)
            except otp.CallTimeout:
                otp.exit(server, "kill")
                return began, me.side.deadline

        return await first_process()

    assert otp.run(main) == (True, 0)


def test_a_long_limit_runs_out_in_real_time_too() -> None:
    """A limit from 0.25 s on has no timer, but an entry in the timer wheel."""

    async def main() -> Any:
        server = await Busy.start()
        began = otp.monotonic()
        with pytest.raises(otp.CallTimeout):
            await GenServer.call(server, 60, timeout=0.25)
        otp.exit(server, "kill")
        return 0.25 <= otp.monotonic() - began < 1

    assert otp.run(main)


@pytest.mark.parametrize("before", ["a name", "a longer call"])
def test_the_default_limit_runs_out_in_real_time_too(before: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name, or an earlier call with another limit, must not count as the entry of this call in the wheel."""
    monkeypatch.setattr(scheduler, "DEFAULT_TIMEOUT", 300_000_000)

    async def main() -> Any:
        server = await Busy.start()
        if before == "a name":
            otp.register("caller", otp.self())
        else:
            await GenServer.call(server, 0, timeout=1000)
        return await failing(GenServer.call(server, 60))

    assert otp.run(main) == (otp.CallTimeout, "timeout")


def test_a_short_limit_counts_also_after_a_call_with_a_longer_one() -> None:
    """Regression: the caller was still in the wheel at the deadline of the earlier call."""

    async def main() -> Any:
        server = await Busy.start()
        await GenServer.call(server, 0, timeout=1.0)
        return await failing(GenServer.call(server, 0.5, timeout=0.02))

    assert otp.run(main) == (otp.CallTimeout, "timeout")


class Asked(GenServer[None]):
    """A server that replies to a call after the message `("go",)`."""

    @impl
    def init(self, arg: Any) -> Any:
        return Ok(None)

    @impl
    async def handle_call(self, request: Any, caller: Any, state: None) -> Any:
        await otp.receive(otp.Tag("go"))
        return Reply("answered", None)


class Clock:
    """The real clock, which can be put forward; what is due by then fires at once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        real = time.monotonic_ns
        self.ahead = 0
        monkeypatch.setattr(time, "monotonic_ns", lambda: real() + self.ahead)
        monkeypatch.setattr(time, "monotonic", lambda: (real() + self.ahead) / 1e9)

    async def forward(self, seconds: int) -> None:
        await wait_all_idle()
        otp.send_after(0, otp.self(), "now")
        self.ahead += seconds * 1_000_000_000
        assert await otp.receive() == "now"
        await wait_all_idle()


@pytest.mark.parametrize("woken_by", ["message", "future"])
@pytest.mark.parametrize("timeouts", [{}, {"timeout": 1.0}], ids=["default", "given"])
def test_what_a_process_does_before_a_call_takes_nothing_from_the_time_of_the_call(
    timeouts: Any, woken_by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: a deadline counted from the start of the drain, so a call after a computation of 6 s timed out."""
    clock = Clock(monkeypatch)

    async def main() -> Any:
        server = await Asked.start()
        if woken_by == "message":
            otp.send(otp.self(), "on")
            await otp.receive()
        else:
            loop = asyncio.get_running_loop()
            future = loop.create_future()
            loop.call_soon(future.set_result, None)
            await future
        clock.ahead += 6_000_000_000  # a computation of 6 s
        otp.send_after(0.05, server, ("go",))
        return await GenServer.call(server, "question", **timeouts)

    assert otp.run(main) == "answered"


@pytest.mark.asyncio_loop
def test_callers_that_have_ended_do_not_keep_others_from_their_time_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """They share an entry of the timer wheel."""

    async def main() -> Any:
        clock = Clock(monkeypatch)
        server = await Asked.start()
        killed, other = (otp.spawn(failing, GenServer.call(server, "question")) for _ in range(2))
        await wait_all_idle()
        otp.exit(killed, "kill")
        await clock.forward(6)
        return otp.is_alive(other)

    assert otp.run(main) is False


@pytest.mark.asyncio_loop
def test_a_later_call_of_a_caller_has_its_own_five_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> Any:
        clock = Clock(monkeypatch)
        server, asked = await Busy.start(), await Asked.start()

        async def calls_twice() -> None:
            await GenServer.call(server, 0)
            await otp.receive()
            await failing(GenServer.call(asked, "question"))

        pid = otp.spawn(calls_twice)
        await clock.forward(3)
        otp.send(pid, "go on")
        await clock.forward(3)
        before = otp.is_alive(pid)
        await clock.forward(3)
        return before, otp.is_alive(pid)

    assert otp.run(main) == (True, False)


def test_many_calls_later_the_wheel_holds_a_caller_once() -> None:
    async def main() -> Any:
        server = await Busy.start()
        for _ in range(50):
            await GenServer.call(server, 0)
        me: Any = otp.self()
        return sum(bucket.count(me) for bucket in me.runtime.scheduler.wheel.values())

    assert otp.run(main) == 1


def test_callers_with_a_long_limit_are_not_kept_after_their_end() -> None:
    async def main() -> Any:
        server = await Busy.start()

        async def caller() -> None:
            await GenServer.call(server, 0, timeout=3600)

        refs = [otp.spawn_monitor(caller)[1] for _ in range(50)]
        for ref in refs:
            await otp.receive(ref)
        s = server.runtime.scheduler
        return sum(p.status == 0 for bucket in s.wheel.values() for p in bucket)

    assert otp.run(main) == 0


def test_callers_that_have_ended_are_not_kept_for_the_time_of_their_call() -> None:
    """Regression: some 100,000 processes that made one call each took 230 MB until five seconds after the last."""

    async def main() -> Any:
        server = await Busy.start()
        s: Any = server.runtime.scheduler
        waiting = [otp.spawn(GenServer.call, await Asked.start(), "question") for _ in range(20)]

        async def caller() -> None:
            await GenServer.call(server, 0)

        for _ in range(30):
            for ref in [otp.spawn_monitor(caller)[1] for _ in range(100)]:
                await otp.receive(ref)
        filed = [p for bucket in s.wheel.values() for p in bucket]
        return len(filed) <= SWEEP_FROM, s.filed == len(filed), set(waiting) <= set(filed)

    assert otp.run(main) == (True, True, True)


def test_a_caller_whose_bucket_was_swept_still_has_its_time_out() -> None:
    async def main() -> Any:
        asked, server = await Asked.start(), await Busy.start()

        async def caller() -> None:
            await GenServer.call(server, 0)

        async def waits() -> None:
            with pytest.raises(otp.CallTimeout):
                await GenServer.call(asked, "question", timeout=0.3)

        _, ref = otp.spawn_monitor(waits)
        for _ in range(30):
            for other in [otp.spawn_monitor(caller)[1] for _ in range(100)]:
                await otp.receive(other)
        return (await otp.receive(ref)).reason, server.runtime.scheduler.filed <= SWEEP_FROM

    assert otp.run(main) == ("normal", True)
