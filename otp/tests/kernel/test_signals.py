"""Links, monitors and exit signals as Erlang/OTP does them; "pitfall n" is the list of the conformance corpus."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import otp
from otp import Down, ExitSignal
from otp.testing import Scheduler, wait_all_idle


async def waits() -> None:
    await otp.receive()


async def traps(to: otp.Pid) -> None:
    otp.process_flag("trap_exit", True)
    otp.send(to, "ready")
    while True:
        otp.send(to, await otp.receive())


async def trapper() -> otp.Pid:
    pid = otp.spawn(traps, otp.self())
    assert await otp.receive() == "ready"
    return pid


# Exit signals


def test_normal_does_not_end_another_process_but_oneself(run: Any) -> None:
    """Pitfall 1."""

    async def main() -> Any:
        other = otp.spawn(waits)
        otp.exit(other, "normal")
        await wait_all_idle()

        async def self_normal() -> None:
            otp.exit(otp.self(), "normal")
            await otp.receive()

        _, ref = otp.spawn_monitor(self_normal)
        return otp.is_alive(other), (await otp.receive(ref)).reason

    assert run(main) == (True, "normal")


@pytest.mark.parametrize("reason", ["normal", "shutdown", "killed", "noproc", ("boom", 1), None])
def test_a_process_that_traps_exits_gets_every_signal_but_kill_as_a_message(reason: Any, run: Any) -> None:
    """Pitfalls 2, 6."""

    async def main() -> Any:
        pid = await trapper()
        assert otp.exit(pid, reason) is True
        return await otp.receive() == ExitSignal(otp.self(), reason), otp.is_alive(pid)

    assert run(main) == (True, True)


def test_a_signal_to_oneself_is_a_message_when_trapped(run: Any) -> None:
    """Pitfall 3."""

    async def main() -> Any:
        otp.process_flag("trap_exit", True)
        assert otp.exit(otp.self(), "boom") is True
        return await otp.receive() == ExitSignal(otp.self(), "boom")

    assert run(main)


def test_an_untrapped_signal_to_oneself_takes_effect_at_the_call(run: Any) -> None:
    after: list[str] = []

    async def main() -> Any:
        async def ends() -> None:
            otp.exit(otp.self(), "boom")
            after.append("never")

        _, ref = otp.spawn_monitor(ends)
        return (await otp.receive(ref)).reason

    assert run(main) == "boom"
    assert after == []


def test_code_that_swallows_its_own_end_ends_at_its_next_wait(run: Any) -> None:
    async def main() -> Any:
        async def stubborn() -> None:
            try:
                otp.exit(otp.self(), "boom")
            except BaseException:
                otp.send(starter, otp.is_alive(otp.self()))
            await otp.receive(timeout=10)

        starter = otp.self()
        _, ref = otp.spawn_monitor(stubborn)
        return await otp.receive(bool), (await otp.receive(ref)).reason, otp.monotonic()

    assert run(main) == (False, "boom", 0.0)


def test_kill_cannot_be_trapped_and_the_reason_is_killed_which_can(run: Any) -> None:
    """Pitfall 4."""

    async def main() -> Any:
        otp.process_flag("trap_exit", True)
        victim = await trapper()
        otp.link(victim)
        ref = otp.monitor(victim)
        otp.exit(victim, "kill")
        return await otp.receive(ref) == Down(ref, victim, "killed"), await otp.receive() == ExitSignal(
            victim, "killed"
        )

    assert run(main) == (True, True)


def test_a_process_that_ends_itself_with_kill_has_the_reason_kill_and_its_links_can_trap_it(run: Any) -> None:
    """Pitfall 5."""

    async def main() -> Any:
        otp.process_flag("trap_exit", True)

        async def ends() -> None:
            await otp.receive()
            raise otp.Exit("kill")

        async def linked(to: otp.Pid) -> None:
            otp.link(to)
            await otp.receive()

        pid = otp.spawn_link(ends)
        _, ref = otp.spawn_monitor(linked, pid)
        await wait_all_idle()
        otp.send(pid, "go")
        return await otp.receive() == ExitSignal(pid, "kill"), (await otp.receive(ref)).reason

    assert run(main) == (True, "kill")


def test_a_signal_to_a_dead_pid_is_true(run: Any) -> None:
    """Pitfall 7."""

    async def main() -> Any:
        pid = otp.spawn(lambda: None)
        await otp.wait_down(pid)
        return otp.exit(pid, "kill"), otp.exit(pid, "boom")

    assert run(main) == (True, True)


def test_how_a_process_ends_decides_its_reason(run: Any) -> None:
    """Pitfall 8."""

    async def main() -> Any:
        def raises(error: BaseException) -> None:
            raise error

        reasons = []
        for error in (otp.Exit("r"), otp.Error("r"), otp.Throw("v"), asyncio.CancelledError()):
            _, ref = otp.spawn_monitor(raises, error)
            reasons.append((await otp.receive(ref)).reason)
        _, ref = otp.spawn_monitor(lambda: "any value")
        return [*reasons, (await otp.receive(ref)).reason]

    assert run(main) == [
        "r",
        otp.Crash("r"),
        otp.Crash(("nocatch", "v")),
        otp.Crash(otp.ExceptionTerm("CancelledError", (), "")),
        "normal",
    ]


def test_the_first_fatal_signal_decides(run: Any) -> None:
    async def main() -> Any:
        pid = otp.spawn(waits)
        ref = otp.monitor(pid)
        otp.exit(pid, "first")
        otp.exit(pid, "second")
        otp.exit(pid, "kill")
        return (await otp.receive(ref)).reason

    assert run(main) == "first"


def test_process_flag_answers_the_old_value_and_refuses_nonsense(run: Any) -> None:
    """Pitfall 15."""

    async def main() -> Any:
        old = [otp.process_flag("trap_exit", value) for value in (True, True, False)]
        with pytest.raises(otp.BadArgument, match="expected True or False"):
            otp.process_flag("trap_exit", 1)
        with pytest.raises(otp.BadArgument, match='there are "trap_exit" and "sensitive"'):
            otp.process_flag("priority", "high")
        return old

    assert run(main) == [False, True, True]


def test_exit_takes_a_name_and_refuses_one_nobody_has(run: Any) -> None:
    async def main() -> Any:
        pid, ref = otp.spawn_monitor(waits)
        otp.register("victim", pid)
        otp.exit("victim", "boom")
        with pytest.raises(otp.BadArgument, match="no process has the name 'victim'"):
            otp.exit("victim", "boom")
        return (await otp.receive(ref)).reason

    assert run(main) == "boom"


def test_a_child_task_signals_in_the_name_of_its_process(run: Any) -> None:
    async def main() -> Any:
        otp.process_flag("trap_exit", True)

        async def child() -> None:
            otp.exit(otp.self(), "from the child")

        await asyncio.create_task(child())
        return await otp.receive() == ExitSignal(otp.self(), "from the child")

    assert run(main)


# Links


def test_a_linked_process_dies_with_the_reason_of_the_other(run: Any) -> None:
    async def main() -> Any:
        async def ends() -> None:
            raise otp.Exit(("why", 1))

        async def linked() -> None:
            otp.spawn_link(ends)
            await otp.receive()

        _, ref = otp.spawn_monitor(linked)
        return (await otp.receive(ref)).reason

    assert run(main) == ("why", 1)


def test_normal_does_not_cross_a_link_but_ends_it(run: Any) -> None:
    """Pitfall 9."""

    async def main() -> Any:
        pid = otp.spawn_link(waits)
        linked = otp.process_info(otp.self(), "links") == (pid,)
        otp.send(pid, "go")
        await wait_all_idle()
        return linked, otp.process_info(otp.self(), "links")

    assert run(main) == (True, ())


def test_link_to_a_dead_pid_is_a_message_when_trapping_and_an_error_otherwise(run: Any) -> None:
    """Pitfall 10."""

    async def main() -> Any:
        pid = otp.spawn(lambda: None)
        await otp.wait_down(pid)
        with pytest.raises(otp.Error) as error:
            otp.link(pid)
        otp.process_flag("trap_exit", True)
        return error.value.reason, otp.link(pid), await otp.receive() == ExitSignal(pid, "noproc")

    assert run(main) == ("noproc", True, True)


def test_links_are_a_set_and_one_unlink_from_either_side_ends_them(run: Any) -> None:
    """Pitfall 11."""

    async def main() -> Any:
        otp.process_flag("trap_exit", True)
        me = otp.self()

        async def other() -> None:
            otp.link(me)
            otp.send(me, "linked")
            match await otp.receive():
                case "unlink":
                    otp.unlink(me)
                    otp.send(me, "unlinked")

        first, second = otp.spawn_link(other), otp.spawn_link(other)
        otp.link(first)
        await otp.receive(otp.Is("linked"))
        await otp.receive(otp.Is("linked"))
        otp.send(first, "die")
        otp.send(second, "unlink")
        await wait_all_idle()
        got = [await otp.receive(), await otp.receive()]
        await wait_all_idle()
        return sorted(map(str, got)) == sorted([str(ExitSignal(first, "normal")), "unlinked"]), otp.process_info(
            me, "links"
        )

    assert run(main) == (True, ())


def test_link_to_oneself_and_unlink_of_nobody_are_true(run: Any) -> None:
    """Pitfall 12."""

    async def main() -> Any:
        pid = otp.spawn(waits)
        return otp.link(otp.self()), otp.unlink(pid), otp.process_info(otp.self(), "links")

    assert run(main) == (True, True, ())


def test_an_exit_message_stays_after_unlink(run: Any) -> None:
    """Pitfall 13."""

    async def main() -> Any:
        otp.process_flag("trap_exit", True)
        pid = otp.spawn_link(lambda: None)
        await wait_all_idle()
        otp.unlink(pid)
        return await otp.receive(timeout=0) == ExitSignal(pid, "normal")

    assert run(main)


def test_a_signal_to_a_linked_process_comes_back_over_the_link(run: Any) -> None:
    """Pitfall 14."""

    async def main() -> Any:
        otp.process_flag("trap_exit", True)
        pid = otp.spawn_link(waits)
        otp.exit(pid, "boom")
        return await otp.receive() == ExitSignal(pid, "boom")

    assert run(main)


def test_many_links_are_listed_in_order_of_making(run: Any) -> None:
    async def main() -> Any:
        pids = [otp.spawn_link(waits) for _ in range(5)]
        otp.unlink(pids[2])
        return otp.process_info(otp.self(), "links") == (*pids[:2], *pids[3:])

    assert run(main)


@pytest.mark.parametrize("function", [otp.link, otp.unlink, otp.wait_down])
def test_what_needs_a_pid_says_how_to_get_one(function: Any, run: Any) -> None:
    async def main() -> None:
        with pytest.raises(otp.BadArgument, match=r"expected a pid, got 'name'; try otp\.whereis\('name'\)"):
            result = function("name")
            if function is otp.wait_down:
                await result

    run(main)


@pytest.mark.parametrize("function", [otp.link, otp.monitor, otp.self, otp.process_flag, otp.spawn_link])
def test_outside_a_process_the_error_names_what_to_use(function: Any) -> None:
    async def main() -> None:
        async with otp.Node("n"):
            arguments: tuple[Any, ...] = {otp.self: (), otp.process_flag: ("trap_exit", True)}.get(function, (waits,))
            with pytest.raises(otp.NotAProcess, match="works inside a process only"):
                function(*arguments)

    asyncio.run(main())


# Monitors


def test_a_monitor_tells_the_end_once(run: Any) -> None:
    async def main() -> Any:
        pid = otp.spawn(waits)
        ref = otp.monitor(pid)
        otp.send(pid, "go")
        down = await otp.receive()
        with pytest.raises(otp.ReceiveTimeout):
            await otp.receive(timeout=1)
        return down == Down(ref, pid, "normal")

    assert run(main)


def test_a_monitor_of_a_dead_pid_is_noproc(run: Any) -> None:
    """Pitfall 16."""

    async def main() -> Any:
        pid = otp.spawn(lambda: None)
        await otp.wait_down(pid)
        ref = otp.monitor(pid)
        return await otp.receive() == Down(ref, pid, "noproc")

    assert run(main)


def test_a_monitor_by_name_bears_name_and_node_and_follows_the_process(run: Any) -> None:
    """Pitfall 17."""

    async def main() -> Any:
        pid = otp.spawn(waits)
        otp.register("n", pid)
        ref, nobody = otp.monitor("n"), otp.monitor("ghost")
        otp.unregister("n")
        otp.send(pid, "go")
        first, second = await otp.receive(nobody), await otp.receive(ref)
        return first == Down(nobody, ("ghost", "test"), "noproc"), second == Down(ref, ("n", "test"), "normal")

    assert run(main) == (True, True)


def test_each_monitor_is_its_own(run: Any) -> None:
    """Pitfalls 18, 22."""

    async def main() -> Any:
        pid = otp.spawn(waits)
        refs = [otp.monitor(pid) for _ in range(3)]
        otp.demonitor(refs[1])
        otp.exit(pid, "x")
        downs = [await otp.receive(), await otp.receive()]
        return {down.ref for down in downs} == {refs[0], refs[2]}

    assert run(main)


def test_demonitor_is_always_true_and_info_tells_whether_it_was_one(run: Any) -> None:
    """Pitfall 19."""

    async def main() -> Any:
        pid = otp.spawn(waits)
        ref = otp.monitor(pid)
        answers = [otp.demonitor(ref, info=True), otp.demonitor(ref, info=True), otp.demonitor(ref)]
        gone = otp.monitor(pid)
        otp.exit(pid, "x")
        await wait_all_idle()
        return answers, otp.demonitor(gone, info=True), (await otp.receive(gone)).reason

    assert run(main) == ([True, False, True], False, "x")


def test_somebody_elses_monitor_is_not_touched(run: Any) -> None:
    async def main() -> Any:
        pid = otp.spawn(waits)
        ref = otp.monitor(pid)
        other = otp.spawn(lambda: otp.demonitor(ref))
        await otp.wait_down(other)
        otp.exit(pid, "x")
        return (await otp.receive(ref)).reason

    assert run(main) == "x"


def test_only_flush_removes_a_down_that_is_there(run: Any) -> None:
    """Pitfall 20."""

    async def main() -> Any:
        pid = otp.spawn(lambda: None)
        await otp.wait_down(pid)
        kept, flushed = otp.monitor(pid), otp.monitor(pid)
        otp.demonitor(kept)
        otp.demonitor(flushed, flush=True)
        return (await otp.receive()).ref is kept, otp.process_info(otp.self(), "message_queue_len")

    assert run(main) == (True, 0)


def test_a_monitor_of_oneself_never_fires(run: Any) -> None:
    """Pitfall 21."""

    async def main() -> Any:
        async def me() -> None:
            otp.monitor(otp.self())

        _, ref = otp.spawn_monitor(me)
        return (await otp.receive(ref)).reason, otp.process_info(otp.self(), "monitors")

    assert run(main) == ("normal", ())


def test_a_watcher_that_ends_leaves_nothing_at_the_watched(run: Any) -> None:
    async def main() -> Any:
        pid = otp.spawn(waits)
        watcher = otp.spawn(lambda: otp.monitor(pid))
        await otp.wait_down(watcher)
        return otp.process_info(pid, "monitored_by")

    assert run(main) == ()


def test_demonitor_wants_a_reference(run: Any) -> None:
    async def main() -> None:
        with pytest.raises(otp.BadArgument, match="expected a Ref"):
            otp.demonitor(otp.self())  # type: ignore[arg-type]

    run(main)


def test_a_server_flushes_a_down_that_lies_in_the_batch_it_works_on() -> None:
    """Messages sent in one go are still its mailbox: `flush` reaches them, and so does process_info."""
    seen: list[Any] = []

    class Server(otp.GenServer[Any]):
        @otp.impl
        def init(self, arg: Any) -> Any:
            return otp.Ok(None)

        @otp.impl
        def handle_info(self, message: Any, state: Any) -> Any:
            seen.append((message, otp.process_info(otp.self(), "message_queue_len")))
            if message == "watch":
                return otp.NoReply(otp.monitor(victim))
            if message == "flush":
                otp.demonitor(state, flush=True)
            return otp.NoReply(state)

    victim: Any = None

    async def main() -> None:
        nonlocal victim
        victim = otp.spawn(waits)
        server = await Server.start()
        otp.send(server, "watch")
        await wait_all_idle()
        otp.send(server, "flush")
        otp.exit(victim, "kill")
        otp.send(server, "after")
        await wait_all_idle()

    for inline in (True, False):  # a seeded run may deliver the Down first
        seen.clear()
        Scheduler(inline=inline).run(main)
        assert seen == [("watch", 0), ("flush", 2), ("after", 0)]


# wait_down


def test_wait_down_answers_the_reason_in_a_process_a_child_task_and_outside() -> None:
    async def main() -> Any:
        async def ends() -> None:
            await otp.receive()
            raise otp.Exit("why")

        async def in_child(pid: otp.Pid) -> Any:
            return await otp.wait_down(pid)

        async def in_process(pid: otp.Pid, to: asyncio.Future[Any]) -> None:
            otp.send_after(0, pid, "go")
            to.set_result((await otp.wait_down(pid), await asyncio.create_task(in_child(pid))))

        async with otp.Node("n"):
            pid = otp.spawn(ends)
            future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            otp.spawn(in_process, pid, future)
            return await otp.wait_down(pid), await future

    assert asyncio.run(main()) == ("why", ("why", "noproc"))


def test_wait_down_uses_no_mailbox_and_has_a_time_out(run: Any) -> None:
    async def main() -> Any:
        pid = otp.spawn(waits)
        with pytest.raises(TimeoutError, match="is still alive after 2 s"):
            await otp.wait_down(pid, timeout=2)
        info = otp.process_info(pid)
        assert info is not None
        return info.monitored_by, otp.process_info(otp.self(), "message_queue_len"), otp.monotonic()

    assert run(main) == ((), 0, 2.0)
