"""Cases of OTP's timer_SUITE, timer_simple_SUITE and timer_bif_SUITE in Python; each test names its cases."""

from __future__ import annotations

from typing import Any

import pytest

import otp
from otp import BadArgument, TimerFired
from otp.testing import advance, flush, mailbox, wait_all_idle

BIG = 2.0**31  # seconds; its nanoseconds are more than a float counts one by one


async def waits() -> None:
    await otp.receive(otp.Is("never"))


# timer_SUITE


def test_of_many_timers_under_load_none_fires_early_and_none_is_lost() -> None:
    """do_big_test, in real time and in a second: a thousand processes with a time each while others compute."""

    async def main() -> Any:
        me = otp.self()

        async def waits_for(seconds: float) -> None:
            begun = otp.monotonic()
            otp.send_after(seconds, otp.self(), "now")
            await otp.receive(otp.Is("now"))
            otp.send(me, otp.monotonic() - begun - seconds)

        def computes() -> int:
            return sum(range(20_000))

        times = [otp.random.uniform(0.01, 0.3) for _ in range(1000)]
        for n, seconds in enumerate(times):
            otp.spawn(waits_for, seconds)
            if n % 4 == 0:
                otp.spawn(computes)
        late = [await otp.receive() for _ in times]
        return min(late) >= 0, max(late) < 8, len(late)

    assert otp.run(main) == (True, True, 1000)


# timer_simple_SUITE


@pytest.mark.parametrize("seconds", [0, 0.5])
@pytest.mark.parametrize("to", ["pid", "name", "name and node"])
def test_a_message_comes_after_its_time_by_pid_by_name_and_by_name_and_node(to: str, seconds: float, run: Any) -> None:
    """send_after1, send_after2, send_after3, send_after4, send_after5, send_after6."""

    async def main() -> Any:
        me = otp.self()
        otp.register("me", me)
        otp.send_after(seconds, {"pid": me, "name": "me", "name and node": ("me", me.node)}[to], "message")
        return await otp.receive(), otp.monotonic()

    assert run(main) == ("message", seconds)


def test_a_name_may_be_registered_after_the_timer_was_set(run: Any) -> None:
    """send_after7."""

    async def main() -> Any:
        otp.send_after(0.5, "later", "message")
        otp.register("later", otp.self())
        return await otp.receive()

    assert run(main) == "message"


@pytest.mark.parametrize(("seconds", "dest"), [(-1, "self"), (-1, "name"), (0, [])])
def test_wrong_arguments_are_refused(seconds: Any, dest: Any, run: Any) -> None:
    """send_after_invalid_args."""

    async def main() -> Any:
        with pytest.raises(BadArgument):
            otp.send_after(seconds, otp.self() if dest == "self" else dest, "test")
        await advance(1)
        return mailbox()

    assert run(main) == []


def test_a_cancelled_timer_sends_nothing(run: Any) -> None:
    """cancel2."""

    async def main() -> Any:
        ref = otp.send_after(1, otp.self(), "message")
        left = otp.cancel_timer(ref)
        await advance(2)
        return left, mailbox()

    assert run(main) == (1.0, [])


@pytest.mark.parametrize("function", [otp.cancel_timer, otp.read_timer])
@pytest.mark.parametrize("wrong", [1, "a", None, 423497834744444444457667444444, "self"])
def test_what_is_no_reference_is_refused(function: Any, wrong: Any, run: Any) -> None:
    """cancel_invalid_args; cancel_timer_e, read_timer_trivial."""

    async def main() -> Any:
        assert function(otp.make_ref()) is None
        with pytest.raises(BadArgument):
            function(otp.self() if wrong == "self" else wrong)

    run(main)


# timer_bif_SUITE


def test_start_timer_fires_with_its_reference_and_has_nothing_left_then(run: Any) -> None:
    """start_timer_1."""

    async def main() -> Any:
        first = otp.start_timer(1, otp.self(), "plopp")
        assert await otp.receive() == TimerFired(first, "plopp")
        assert [otp.read_timer(first), otp.cancel_timer(first), otp.read_timer(first)] == [None] * 3
        second = otp.start_timer(1, otp.self(), "plapp")
        assert (otp.cancel_timer(second), mailbox(), otp.cancel_timer(second)) == (1.0, [], None)
        third = otp.start_timer(1, otp.self(), "plopp")
        with pytest.raises(otp.ReceiveTimeout):
            await otp.receive(third, timeout=0.6)

    run(main)


def test_send_after_sends_the_message_itself_and_has_nothing_left_then(run: Any) -> None:
    """send_after_1."""

    async def main() -> Any:
        ref = otp.send_after(1, otp.self(), "plipp")
        return await otp.receive(), otp.monotonic(), otp.read_timer(ref)

    assert run(main) == ("plipp", 1.0, None)


def test_messages_come_in_the_order_of_their_times(run: Any) -> None:
    """send_after_2, and send_after_3 with a millisecond between them."""

    async def main() -> Any:
        times = {"last": 5, "a0": 0, "a2": 0.2, "a1": 0.1, "a5": 0.5, "a3": 0.3, "a4": 0.4, "b1": 0.101, "b2": 0.102}
        for what, seconds in times.items():
            otp.send_after(seconds, otp.self(), what)
        return [await otp.receive() for _ in times]

    assert run(main) == ["a0", "a1", "b1", "b2", "a2", "a3", "a4", "a5", "last"]


@pytest.mark.parametrize("function", [otp.send_after, otp.start_timer])
def test_a_time_out_of_many_years_is_read_and_cancelled_exactly(function: Any, run: Any) -> None:
    """start_timer_big, send_after_big, read_timer."""

    async def main() -> Any:
        ref = function(BIG, otp.self(), "hej")
        await advance(0.25)
        read, cancelled = otp.read_timer(ref), otp.cancel_timer(ref)
        return read == cancelled == pytest.approx(BIG - 0.25, abs=1e-6), otp.read_timer(ref), mailbox()

    assert run(main) == (True, None, [])


@pytest.mark.parametrize("function", [otp.send_after, otp.start_timer])
@pytest.mark.parametrize("seconds", [-4, 2.0**64, "a", None])
def test_a_time_that_is_none_is_refused(function: Any, seconds: Any, run: Any) -> None:
    """start_timer_e, send_after_e, but for 4.5: times are seconds here, and need not be whole."""

    async def main() -> Any:
        with pytest.raises(BadArgument):
            function(seconds, otp.self(), "hej")

    run(main)


def test_a_timer_of_a_dead_process_is_gone(run: Any) -> None:
    """cleanup: dead before, dead meanwhile, cancelled, fired."""

    async def main() -> Any:
        def timers(pid: Any) -> list[Any]:
            return [otp.start_timer(10, pid, "hej"), otp.send_after(10, pid, "hej")]

        def left(refs: list[Any]) -> list[Any]:
            return [otp.read_timer(ref) for ref in refs]

        dead = otp.spawn(lambda: None)
        await otp.wait_down(dead)
        found = [left(timers(dead))]
        dying, other = otp.spawn(waits), otp.spawn(waits)
        refs = timers(dying)
        found.append(left(refs))
        otp.exit(dying, "kill")
        await otp.wait_down(dying)
        found.append(left(refs))
        refs = timers(other)
        found += [[otp.cancel_timer(ref) for ref in refs], left(refs)]
        refs = timers(otp.self())
        fired = [await otp.receive(), await otp.receive()]
        assert fired == [TimerFired(refs[0], "hej"), "hej"]
        return [*found, left(refs)]

    none, ten = [None, None], [10.0, 10.0]
    assert run(main) == [none, ten, none, ten, none, none]


def test_the_timers_of_a_name_live_whoever_bears_it(run: Any) -> None:
    """registered_process."""

    async def main() -> Any:
        def timers() -> list[Any]:
            return [otp.start_timer(5, "name", "hej"), otp.send_after(5, "name", "hej")]

        refs = timers()
        found = [[otp.cancel_timer(ref) for ref in refs], [otp.read_timer(ref) for ref in refs]]
        before, otp_registered = timers(), otp.register("name", otp.self())
        after = timers()
        await advance(5)
        assert flush() == [TimerFired(before[0], "hej"), "hej", TimerFired(after[0], "hej"), "hej"]
        return otp_registered, found

    assert run(main) == (True, [[5.0, 5.0], [None, None]])


def test_messages_of_any_kind_arrive_as_they_are(run: Any) -> None:
    """evil_timers."""

    async def main() -> Any:
        parts = [b"x" * 1_000_000, lambda a: a + 1, otp.processes(), otp.make_ref(), 3**300, {"a": [1, (2,)]}]
        for message in ((parts, [parts, "text"]), "immediate"):
            refs = [otp.start_timer(n / 1000, otp.self(), message) for n in range(200)]
            fired = [await otp.receive() for _ in refs]
            assert [timer.ref for timer in fired] == refs
            assert all(timer.message is message for timer in fired)
        return mailbox()

    assert run(main) == []


@pytest.mark.parametrize("canceller", ["nobody", "self", "other"])
def test_timers_of_one_time_fire_together_or_are_cancelled_never_both(canceller: str, run: Any) -> None:
    """same_time_yielding, same_time_yielding_with_cancel, same_time_yielding_with_cancel_other."""

    async def main() -> Any:
        refs = [otp.start_timer(3, otp.self(), n) for n in range(301)]
        left: list[Any] = []

        async def cancel() -> None:
            with pytest.raises(otp.ReceiveTimeout):
                await otp.receive(otp.Is("never"), timeout=3)
            left.extend(otp.cancel_timer(ref) for ref in refs)

        match canceller:
            case "self":
                await cancel()
            case "other":
                await otp.wait_down(otp.spawn(cancel))
            case _:
                await advance(3)
        await wait_all_idle()
        fired = [message.ref for message in flush()]
        assert fired == [ref for ref, rest in zip(refs, left or [None] * len(refs), strict=True) if rest is None]
        return otp.monotonic()

    assert run(main) == 3.0
