"""Cases of OTP's monitor_SUITE in Python; each test names its cases."""

from __future__ import annotations

from typing import Any

import pytest

import otp
from otp import BadArgument, Down, ExitSignal
from otp.testing import mailbox, wait_all_idle


async def waits() -> Any:
    """Ends with the reason it is given."""
    raise otp.Exit(await otp.receive())


async def end_and_wait(pid: Any, reason: Any) -> None:
    otp.send(pid, reason)
    await wait_all_idle()


@pytest.mark.parametrize("how", ["spawn, then monitor", "spawn_monitor"])
def test_who_is_watched_may_end_its_watcher_and_itself(how: str, run: Any) -> None:
    """case_1, case_1a."""

    async def main() -> Any:
        otp.process_flag("trap_exit", True)

        async def watched(watcher: Any) -> None:
            await otp.receive()
            otp.exit(watcher, "foo")

        async def watches() -> None:
            if how == "spawn_monitor":
                pid, _ = otp.spawn_monitor(watched, otp.self())
            else:
                pid = otp.spawn(watched, otp.self())
                otp.monitor(pid)
            otp.send(pid, "go")
            await otp.receive(otp.Is("never"))

        pid = otp.spawn_link(watches)
        return await otp.receive() == ExitSignal(pid, "foo")

    assert run(main)


@pytest.mark.parametrize("how", ["spawn, then monitor", "spawn_monitor"])
def test_who_is_watched_cannot_take_the_monitor_away(how: str, run: Any) -> None:
    """case_2, case_2a."""

    async def main() -> Any:
        me = otp.self()

        async def watched() -> None:
            otp.send(me, otp.demonitor(await otp.receive()))

        if how == "spawn_monitor":
            pid, ref = otp.spawn_monitor(watched)
        else:
            pid = otp.spawn(watched)
            ref = otp.monitor(pid)
        otp.send(pid, ref)
        return await otp.receive(bool), await otp.receive() == Down(ref, pid, "normal")

    assert run(main) == (True, True)


@pytest.mark.parametrize("wrong", [["bingo"], {"rex": 1}, 1, None, True])
def test_what_can_be_no_process_cannot_be_watched(wrong: Any, run: Any) -> None:
    """mon_e_1."""

    async def main() -> Any:
        with pytest.raises(BadArgument):
            otp.monitor(wrong)
        return mailbox()

    assert run(main) == []


@pytest.mark.parametrize("wrong", ["plutt", 1, None])
def test_what_is_no_reference_cannot_be_taken_away(wrong: Any, run: Any) -> None:
    """demon_e_1, demonitor_flush: wrong arguments; a reference of another process has no effect, and is no error."""

    async def main() -> Any:
        with pytest.raises(BadArgument):
            otp.demonitor(wrong)
        with pytest.raises(BadArgument):
            otp.demonitor(wrong, flush=True)
        me = otp.self()

        async def watches() -> None:
            otp.send(me, otp.monitor(me))
            await otp.receive()

        otp.spawn(watches)
        return otp.demonitor(await otp.receive())

    assert run(main) is True


def test_taking_away_what_never_was_a_monitor_is_no_error(run: Any) -> None:
    """demon_1."""

    async def main() -> Any:
        return otp.demonitor(otp.make_ref())

    assert run(main) is True


def test_a_monitor_taken_away_twice_or_before_the_end_tells_nothing(run: Any) -> None:
    """demon_2."""

    async def main() -> Any:
        own = otp.monitor(otp.self())
        answers = [otp.demonitor(own), otp.demonitor(own)]
        pid, ref = otp.spawn_monitor(waits)
        otp.demonitor(ref)
        otp.exit(pid, "frop")
        await wait_all_idle()
        return answers, mailbox()

    assert run(main) == ([True, True], [])


def test_flush_removes_what_has_arrived_and_nothing_else(run: Any) -> None:
    """demonitor_flush."""

    async def main() -> Any:
        pid = otp.spawn(waits)
        one, two, three, four = (otp.monitor(pid) for _ in range(4))
        otp.demonitor(one, flush=True)
        otp.exit(pid, "bang")
        assert (await otp.receive(two)).reason == "bang"
        await wait_all_idle()
        assert otp.demonitor(three, flush=True) and otp.demonitor(four)
        assert (await otp.receive(four)).reason == "bang"
        return mailbox()

    assert run(main) == []


def test_info_tells_whether_a_message_is_to_be_expected(run: Any) -> None:
    """local_remove_monitor: true means that no message came or comes, false that it is there."""

    async def main() -> Any:
        refs = [otp.spawn_monitor(lambda: None)[1] for _ in range(100)]
        with pytest.raises(otp.ReceiveTimeout):
            await otp.receive(otp.Is("never"), timeout=0)
        for n, ref in enumerate(refs):
            if n == 50:
                await wait_all_idle()
            was_one = otp.demonitor(ref, info=True)
            there = [down for down in otp.process_info(otp.self(), "messages") if down.ref is ref]  # type: ignore[union-attr]
            assert was_one is not bool(there)
            assert n < 50 or there

    run(main)


def test_the_end_is_told_by_pid_by_name_and_by_name_and_node_and_nobody_is_noproc(run: Any) -> None:
    """mon_1."""

    async def main() -> Any:
        node = otp.self().node
        pid, ref = otp.spawn_monitor(lambda: None)
        assert await otp.receive() == Down(ref, pid, "normal")
        pid = otp.spawn(waits)
        ref = otp.monitor(pid)
        otp.exit(pid, "frop")
        assert await otp.receive() == Down(ref, pid, "frop")
        ref = otp.monitor(pid)
        assert await otp.receive() == Down(ref, pid, "noproc")
        for dest in ("jeeves", ("jeeves", node)):
            pid = otp.spawn(waits)
            otp.register("jeeves", pid)
            ref = otp.monitor(dest)
            otp.send(pid, "frop")
            assert await otp.receive() == Down(ref, ("jeeves", node), "frop")
            ref = otp.monitor(dest)
            assert await otp.receive() == Down(ref, ("jeeves", node), "noproc")
        return mailbox()

    assert run(main) == []


def test_a_large_reason_arrives_as_it_is(run: Any) -> None:
    """large_exit."""

    async def main() -> Any:
        reason = ("big", "tuple", "with", ["list", 4563784278], b"bytes" * 10_000)
        for _ in range(100):
            pid, ref = otp.spawn_monitor(waits)
            otp.send(pid, reason)
            assert await otp.receive() == Down(ref, pid, reason)

    run(main)


def monitors(pid: Any = None) -> Any:
    pid = pid or otp.self()
    return otp.process_info(pid, "monitors"), otp.process_info(pid, "monitored_by")


def test_monitors_are_listed_at_both_ends_while_they_are(run: Any) -> None:
    """list_cleanup: taken away, fired, by name, and gone with the watcher."""

    async def main() -> Any:
        me = otp.self()
        otp.register("master", me)
        pid = otp.spawn(waits)
        ref = otp.monitor(pid)
        assert (monitors(), monitors(pid)) == (((pid,), ()), ((), (me,)))
        otp.demonitor(ref)
        assert (monitors(), monitors(pid)) == (((), ()), ((), ()))
        otp.register("jeeves", pid)
        otp.monitor("jeeves")
        assert (monitors(), monitors(pid)) == (((("jeeves", me.node),), ()), ((), (me,)))
        await end_and_wait(pid, "normal")
        await otp.receive()
        assert monitors() == ((), ())

        async def watches() -> None:
            otp.monitor("master")
            await waits()

        watcher = otp.spawn(watches)
        await wait_all_idle()
        assert (monitors(), monitors(watcher)) == (((), (watcher,)), ((("master", me.node),), ()))
        await end_and_wait(watcher, "frop")
        return monitors()

    assert run(main) == ((), ())


@pytest.mark.parametrize("ends", ["exits", "demonitor"])
def test_many_monitors_in_both_directions_are_told_apart(ends: str, run: Any) -> None:
    """mixer, with the processes of one node."""

    async def main() -> Any:
        me = otp.self()

        async def watches() -> None:
            ref = otp.monitor(me)
            while True:
                message = await otp.receive()
                if message != "demonitor":
                    raise otp.Exit(message)
                otp.demonitor(ref)

        pids = [otp.spawn(watches) for _ in range(10)]
        refs = [otp.monitor(pid) for pid in pids]
        await wait_all_idle()
        made, by = monitors()
        assert (made, set(by)) == (tuple(pids), set(pids))
        if ends == "demonitor":
            for pid in pids:
                await end_and_wait(pid, "demonitor")
            assert monitors() == (tuple(pids), ())
            for ref in refs:
                otp.demonitor(ref)
        for pid in pids:
            await end_and_wait(pid, "flaff")
        downs = [] if ends == "demonitor" else list(zip(refs, pids, strict=True))
        assert [(down.ref, down.item) for down in mailbox()] == downs
        return monitors()

    assert run(main) == ((), ())


def test_the_name_is_free_when_the_end_is_told(run: Any) -> None:
    """named_down; otp_8099 of register_SUITE does it again and again."""

    async def main() -> Any:
        for _ in range(200):
            pid = otp.spawn(waits)
            otp.register("name", pid)
            ref = otp.monitor("name")
            otp.exit(pid, "bang")
            assert (await otp.receive(ref)).reason == "bang"
            assert otp.register("name", otp.self()) and otp.unregister("name")

    run(main)
