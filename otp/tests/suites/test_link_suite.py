"""Cases of OTP's erl_link_SUITE in Python; each test names its cases."""

from __future__ import annotations

from typing import Any

import otp
from otp import ExitSignal
from otp.testing import advance, mailbox, wait_all_idle


async def waits() -> Any:
    """Ends with the reason it is given."""
    raise otp.Exit(await otp.receive())


def links(pid: Any) -> Any:
    return otp.process_info(pid, "links") or ()


def test_links_are_made_taken_away_and_carry_the_end_both_ways(run: Any) -> None:
    """links."""

    async def main() -> Any:
        me = otp.self()

        async def obeys() -> None:
            while True:
                otp.send(me, (await otp.receive(callable))())

        async def ask(pid: Any, function: Any) -> Any:
            otp.send(pid, function)
            return await otp.receive()

        def linked(a: Any, b: Any) -> bool:
            assert (b in links(a)) is (a in links(b))
            return b in links(a)

        async def dies(pid: Any) -> None:
            otp.send(pid, lambda: otp.exit(otp.self(), "died"))
            await otp.wait_down(pid)

        one = otp.spawn(obeys)
        two = await ask(one, lambda: otp.spawn_link(obeys))
        found = [linked(one, two)]
        await ask(two, lambda: otp.unlink(one))
        found.append(linked(one, two))
        await ask(two, lambda: otp.link(one))
        found.append(linked(one, two))
        await ask(two, lambda: otp.process_flag("trap_exit", True))
        await dies(one)
        found.append(await ask(two, lambda: otp.process_info(two, "messages")) == (ExitSignal(one, "died"),))
        await ask(two, lambda: otp.process_flag("trap_exit", False))
        three = await ask(two, lambda: otp.spawn_link(obeys))
        found.append(linked(two, three))
        otp.exit(two, "died")
        await wait_all_idle()
        return [*found, otp.is_alive(three), otp.link(me), linked(me, me), otp.unlink(me)]

    assert run(main) == [True, False, True, True, True, False, True, False, True]


def test_monitors_of_oneself_are_no_monitors(run: Any) -> None:
    """process_monitors: the part that watches itself, by pid and by name."""

    async def main() -> Any:
        otp.register("me", otp.self())
        refs = [otp.monitor(otp.self()), otp.monitor("me")]
        listed = [otp.process_info(otp.self(), item) for item in ("monitors", "monitored_by")]
        await advance(0.5)
        return listed, mailbox(), [otp.demonitor(ref) for ref in refs]

    assert run(main) == ([(), ()], [], [True, True])


def test_after_unlink_no_signal_comes(run: Any) -> None:
    """otp_5772_link: what came before may be there, nothing comes later."""

    async def main() -> Any:
        otp.process_flag("trap_exit", True)
        pid = otp.spawn_link(waits)
        otp.exit(pid, "bang")
        otp.unlink(pid)
        try:
            await otp.receive(ExitSignal, timeout=0)
        except otp.ReceiveTimeout:
            pass
        await advance(1)
        return mailbox()

    assert run(main) == []


def test_after_demonitor_no_message_comes(run: Any) -> None:
    """otp_5772_monitor: what came before may be there, nothing comes later."""

    async def main() -> Any:
        pid, ref = otp.spawn_monitor(waits)
        otp.exit(pid, "bang")
        otp.demonitor(ref)
        try:
            await otp.receive(ref, timeout=0)
        except otp.ReceiveTimeout:
            pass
        await advance(1)
        return mailbox()

    assert run(main) == []
