"""Cases of OTP's process_SUITE on the process table; each test names its cases."""

from __future__ import annotations

from typing import Any

import pytest

import otp
from otp import BadArgument, Down, ReceiveTimeout
from otp.testing import wait_all_idle

BIG = tuple(([list(range(64)), b"x" * 8192],) * 64)


async def waits() -> None:
    await otp.receive(otp.Is("never"))


# process_info


def test_a_process_learns_about_itself(run: Any) -> None:
    """t_process_info."""

    async def main() -> Any:
        def item(name: Any) -> Any:
            return otp.process_info(otp.self(), name)

        found = [item("registered_name")]
        otp.register("my name", otp.self())
        found += [item("registered_name"), item("status")]
        with pytest.raises(BadArgument):
            otp.process_info("not a pid")  # type: ignore[call-overload]
        return found

    assert run(main) == [None, "my name", "running"]


def test_the_messages_of_another_process_are_seen_in_their_order(run: Any) -> None:
    """process_info_other_msg."""

    async def main() -> Any:
        me = otp.self()

        async def other() -> None:
            otp.send(otp.self(), "own")
            otp.send(me, "go ahead")
            await otp.receive(otp.Is("empty"))
            while True:
                try:
                    await otp.receive(timeout=0)
                except ReceiveTimeout:
                    break
            otp.send(me, "emptied")
            await waits()

        pid = otp.spawn_link(other)
        await otp.receive()
        for n in range(5):
            await wait_all_idle()
            assert otp.process_info(pid, "messages") == ("own", *((m, BIG) for m in range(n)))
            otp.send(pid, (n, BIG))
        otp.send(pid, "empty")
        assert await otp.receive() == "emptied"
        return otp.process_info(pid, "messages")

    assert run(main) == ()


def test_who_waits_is_seen_waiting_whoever_asks(run: Any) -> None:
    """process_info_other_status, process_info_status_handled_signal."""

    async def main() -> Any:
        pid = otp.spawn_link(waits)
        await wait_all_idle()
        me = otp.self()
        otp.spawn(lambda: otp.send(me, otp.process_info(pid, "status")))
        return otp.process_info(pid, "status"), otp.process_info(pid, "messages"), await otp.receive()

    assert run(main) == ("waiting", (), "waiting")


def test_the_parent_is_who_started_it(run: Any) -> None:
    """process_info_parent."""

    async def main() -> Any:
        me = otp.self()
        pid = otp.spawn_link(lambda: otp.send(me, otp.process_info(otp.self(), "parent")))
        return otp.process_info(pid, "parent") is me, await otp.receive() is me

    assert run(main) == (True, True)


def test_every_item_can_be_asked_of_a_busy_process(run: Any) -> None:
    """process_info_smoke_all."""

    async def main() -> Any:
        async def tester() -> None:
            otp.register("tester", otp.self())
            otp.put("key", BIG)
            while True:
                pid = await otp.receive(otp.Pid)
                otp.monitor(pid)
                otp.link(pid)

        one, two = otp.spawn(tester), otp.spawn_link(waits)
        for message in (two, "kept", BIG):
            otp.send(one, message)
        otp.monitor(one)
        await wait_all_idle()
        info = otp.process_info(one)
        assert info is not None
        names = [name for name in dir(info) if not name.startswith("_") and name != "pid"]
        names = [name for name in names if not callable(getattr(info, name))]
        assert all(otp.process_info(one, name) == getattr(info, name) for name in names)  # type: ignore[call-overload]
        return info.registered_name, info.links == (two,), info.monitors == (two,), len(names) > 10

    assert run(main) == ("tester", True, True, True)


def test_what_a_process_sent_itself_is_there_at_once(run: Any) -> None:
    """process_info_self_signal, process_info_self_msgq_len, process_info_self_msgq_len_messages."""

    async def main() -> Any:
        ref = otp.make_ref()
        otp.send(otp.self(), ref)
        info = otp.process_info(otp.self())
        assert info is not None
        found = otp.process_info(otp.self(), "messages") == (ref,), info.message_queue_len == len(info.messages) == 1
        return found, otp.process_info(otp.self(), "message_queue_len")

    assert run(main) == ((True, True), 1)


def test_the_length_of_a_mailbox_is_up_to_date(run: Any) -> None:
    """process_info_msgq_len_no_very_long_delay."""

    async def main() -> Any:
        me, one = otp.self(), otp.spawn_link(waits)

        def lengths() -> list[Any]:
            return [otp.process_info(pid, "message_queue_len") for pid in (me, one)]

        found = [lengths()]
        otp.spawn_link(lambda: [otp.send(me, "hello"), otp.send(one, "hello")])
        await wait_all_idle()
        found.append(lengths())
        await otp.receive()
        return [*found, lengths()]

    assert run(main) == [[0, 0], [1, 1], [0, 1]]


def test_a_process_sees_of_itself_what_others_see(run: Any) -> None:
    """otp_4725."""

    async def main() -> Any:
        me = otp.self()

        async def shows() -> None:
            otp.send(me, otp.process_info(otp.self()))
            await waits()

        pid = otp.spawn_link(shows)
        own = await otp.receive()
        others = otp.process_info(pid)
        assert others is not None
        same = ("initial_call", "links", "dictionary", "trap_exit", "parent", "ancestors", "registered_name")
        return [name for name in same if getattr(own, name) != getattr(others, name)]

    assert run(main) == []


# processes()


def test_processes_are_exactly_those_that_live(run: Any) -> None:
    """processes_this_tab, processes_default_tab: while thousands end and others begin."""

    async def main() -> Any:
        me = otp.self()
        first = [otp.spawn(waits) for _ in range(1000)]
        second = [otp.spawn(waits) for _ in range(300)]
        ended, kept = first[::3], [pid for pid in first if pid not in set(first[::3])]
        for pid in ended:
            otp.exit(pid, "bang")
        return otp.processes() == [me, *kept, *second], any(otp.is_alive(pid) for pid in ended)

    assert run(main) == (True, False)


def test_a_process_that_has_not_run_yet_can_be_sent_to_by_who_lists_it(run: Any) -> None:
    """processes_send_infant."""

    async def main() -> Any:
        me = otp.self()

        async def infant() -> None:
            otp.send(me, await otp.receive())

        otp.spawn(infant)
        for pid in otp.processes():
            if pid is not me:
                otp.send(pid, "welcome")
        return await otp.receive()

    assert run(main) == "welcome"


def test_a_process_may_be_given_255_arguments(run: Any) -> None:
    """spawn_huge_arglist."""

    async def main() -> Any:
        me = otp.self()
        for spawn in (otp.spawn, otp.spawn_link):
            spawn(lambda *arguments: otp.send(me, arguments), *range(255))
            assert await otp.receive() == tuple(range(255))
        pid, ref = otp.spawn_monitor(lambda *arguments: otp.send(me, arguments), *range(255))
        return await otp.receive() == tuple(range(255)), await otp.receive() == Down(ref, pid, "normal")

    assert run(main) == (True, True)


def test_a_pid_is_never_given_twice(run: Any) -> None:
    """no_pid_wrap."""

    async def main() -> Any:
        pids = []
        for _ in range(2000):
            pid = otp.spawn(lambda: None)
            await otp.wait_down(pid)
            pids.append(str(pid))
        return len(set(pids))

    assert run(main) == 2000
