"""Cases of OTP's process_SUITE on exits and names, and of register_SUITE; each test names its cases."""

from __future__ import annotations

from typing import Any

import pytest

import otp
from otp import BadArgument, Crash, ExitSignal, ReceiveTimeout
from otp.testing import advance, mailbox

BIG = tuple(([list(range(64)), b"x" * 8192],) * 64)


async def waits() -> None:
    await otp.receive(otp.Is("never"))


# exit/1, exit/2


def test_a_large_reason_of_an_exit_arrives_as_it_is(run: Any) -> None:
    """t_exit_1, t_exit_2_other."""

    async def main() -> Any:
        otp.process_flag("trap_exit", True)

        def exits() -> None:
            raise otp.Exit(BIG)

        for _ in range(10):
            pid = otp.spawn_link(exits)
            assert await otp.receive() == ExitSignal(pid, BIG)
            pid = otp.spawn_link(waits)
            otp.exit(pid, BIG)
            assert await otp.receive() == ExitSignal(pid, BIG)

    run(main)


def test_normal_from_somebody_else_is_ignored(run: Any) -> None:
    """t_exit_2_other_normal."""

    async def main() -> Any:
        otp.process_flag("trap_exit", True)
        pid = otp.spawn_link(waits)
        otp.exit(pid, "normal")
        await advance(1)
        return mailbox(), otp.process_info(pid, "status")

    assert run(main) == ([], "waiting")


def test_a_signal_to_oneself_can_be_trapped(run: Any) -> None:
    """self_exit."""

    async def main() -> Any:
        otp.process_flag("trap_exit", True)
        for _ in range(200):
            assert otp.exit(otp.self(), BIG) is True
            assert await otp.receive() == ExitSignal(otp.self(), BIG)

    run(main)


@pytest.mark.parametrize("reason", ["normal", BIG, "die"], ids=["normal", "big", "die"])
def test_a_signal_to_oneself_is_an_exit_and_cannot_be_caught(reason: Any, run: Any) -> None:
    """normal_suicide_exit, abnormal_suicide_exit, t_exit_2_catch."""

    async def main() -> Any:
        otp.process_flag("trap_exit", True)

        async def ends() -> None:
            try:
                otp.exit(otp.self(), reason)
            except BaseException:
                pass
            await otp.receive()

        pid = otp.spawn_link(ends)
        return await otp.receive() == ExitSignal(pid, reason)

    assert run(main)


@pytest.mark.parametrize("function", [abs, int], ids=["called", "spawned"])
def test_a_bad_argument_is_a_reason_with_its_stack(function: Any, run: Any) -> None:
    """trap_exit_badarg, trap_exit_badarg_in_bif."""

    async def main() -> Any:
        otp.process_flag("trap_exit", True)
        for _ in range(10):
            pid = otp.spawn_link(lambda: function(BIG)) if function is abs else otp.spawn_link(function, BIG)
            signal = await otp.receive()
            assert signal.pid is pid
            assert isinstance(signal.reason, Crash) and signal.reason.term.type_name == "TypeError"

    run(main)


def test_a_signal_ends_a_wait_with_a_time_limit_once(run: Any) -> None:
    """exit_and_timeout."""

    async def main() -> Any:
        otp.process_flag("trap_exit", True)
        seen: list[Any] = []

        async def low() -> None:
            for seconds in (2.5, 1):
                with pytest.raises(ReceiveTimeout):
                    await otp.receive(timeout=seconds)
                seen.append(seconds)

        pid = otp.spawn_link(low)
        otp.send_after(2.5, otp.self(), "now")
        await otp.receive("now".__eq__)
        otp.exit(pid, ("you", "are", "dead"))
        found = await otp.receive(ExitSignal) == ExitSignal(pid, ("you", "are", "dead"))
        await advance(10)
        return found, [seconds for seconds in seen if seconds == 1], mailbox()

    assert run(main) == (True, [], [])


def test_the_second_of_two_signals_is_ignored(run: Any) -> None:
    """exit_twice."""

    async def main() -> Any:
        otp.process_flag("trap_exit", True)
        pid = otp.spawn_link(waits)

        def ends_it() -> None:
            otp.exit(pid, "first")
            otp.exit(pid, "second")

        await otp.wait_down(otp.spawn(ends_it))
        return await otp.receive() == ExitSignal(pid, "first"), mailbox()

    assert run(main) == (True, [])


def test_wrong_flags_are_refused(run: Any) -> None:
    """process_flag_badarg: of the flags that are here."""

    async def main() -> Any:
        for flag, value in (
            ("gurka", "banan"),
            ("trap_exit", "gurka"),
            ("priority", 4711),
            ("sensitive", 1),
            ("sensitive", "no"),
        ):
            with pytest.raises(BadArgument):
                otp.process_flag(flag, value)  # type: ignore[arg-type]

    run(main)


# Names


def test_what_can_be_no_name_or_no_process_is_not_registered(run: Any) -> None:
    """bad_register: any hashable value is a name here, but for these."""

    async def main() -> Any:
        dead = otp.spawn(lambda: None)
        await otp.wait_down(dead)
        wrong = [(name, otp.self()) for name in ("undefined", ["bad", "name"], None, True)]
        wrong += [("a name", pid) for pid in (dead, otp.make_ref(), [], ("bad", "process"), b"")]
        for name, pid in wrong:
            with pytest.raises(BadArgument):
                otp.register(name, pid)
            with pytest.raises(BadArgument):
                otp.send(name, "anything goes")
        return otp.registered()

    assert run(main) == []


def test_the_name_of_a_killed_process_is_free_at_once(run: Any) -> None:
    """otp_8099 of register_SUITE."""

    async def main() -> Any:
        for _ in range(1000):
            pid = otp.spawn(waits)
            assert otp.register("name", pid) and otp.whereis("name") is pid
            otp.exit(pid, "kill")

    run(main)


def test_a_name_is_free_when_its_bearer_has_ended_whatever_it_leaves(run: Any) -> None:
    """otp_6237: a thousand timers do not hold up the name."""

    async def main() -> Any:
        me = otp.self()

        async def bears() -> None:
            otp.register("name", otp.self())
            for n in range(1000):
                otp.send_after(1000, otp.self(), n)
            otp.send(me, "ready")
            await otp.receive()

        for _ in range(10):
            pid, ref = otp.spawn_monitor(bears)
            await otp.receive("ready".__eq__)
            otp.send(pid, "die")
            await otp.receive(ref)
            assert otp.whereis("name") is None

    run(main)
