"""Dying: cleanup, kill, cascades, and what must be gone when a Down is seen. Source: design part 1 §3, "Dying"."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import pytest

import otp
from otp import ExitSignal
from otp.testing import wait_all_idle


async def waits() -> None:
    await otp.receive()


def test_without_cleanup_a_process_ends_in_the_step_of_the_signal(run: Any) -> None:
    async def main() -> Any:
        pid = otp.spawn(waits)
        await wait_all_idle()
        otp.exit(pid, "boom")
        return otp.is_alive(pid), otp.process_info(pid), pid in otp.processes()

    assert run(main) == (False, None, False)


def test_a_process_that_never_ran_ends_without_a_warning(run: Any) -> None:
    async def main() -> Any:
        killed, exited = otp.spawn(waits), otp.spawn(waits)
        otp.exit(killed, "kill")
        otp.exit(exited, "boom")
        return otp.is_alive(killed), otp.is_alive(exited)

    assert run(main) == (False, False)


def test_cleanup_may_wait_and_until_then_the_process_is_exiting(run: Any) -> None:
    """Not alive, messages dropped, its name and its links held until it is through."""

    async def main() -> Any:
        async def victim() -> None:
            try:
                await otp.receive()
            finally:
                await asyncio.sleep(2)

        pid, ref = otp.spawn_monitor(victim)
        otp.register("victim", pid)
        await wait_all_idle()
        otp.exit(pid, "boom")
        during = otp.is_alive(pid), otp.process_info(pid), pid in otp.processes(), otp.whereis("victim") is pid
        otp.send(pid, "dropped")
        with pytest.raises(otp.Error):
            otp.link(pid)
        down = await otp.receive(ref)
        return during, down.reason, otp.monotonic(), otp.whereis("victim")

    assert run(main) == ((False, None, False, True), "boom", 2.0, None)


def test_a_call_to_an_exiting_server_finds_nobody(run: Any) -> None:
    class Slow(otp.GenServer[None]):
        @otp.impl
        def init(self, arg: Any) -> Any:
            return otp.Ok(None)

        @otp.impl
        async def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
            try:
                await asyncio.sleep(60)
            finally:
                await asyncio.sleep(1)

    async def main() -> Any:
        server = await Slow.start()

        async def caller() -> None:
            await otp.GenServer.call(server, "first")

        _, ref = otp.spawn_monitor(caller)
        await wait_all_idle()
        otp.GenServer.cast(server, "waits in the mailbox")
        otp.exit(server, "boom")
        with pytest.raises(otp.NoProcess):
            await otp.GenServer.call(server, "second")
        when = otp.monotonic()
        return when, (await otp.receive(ref)).reason[0], otp.monotonic()

    assert run(main) == (0.0, "boom", 1.0)


def test_nothing_the_cleanup_does_changes_the_reason(run: Any) -> None:
    async def main() -> Any:
        async def raises() -> None:
            try:
                await otp.receive()
            finally:
                raise ValueError("other")

        async def exits() -> None:
            try:
                await otp.receive()
            finally:
                otp.exit("other")

        async def swallows() -> None:
            try:
                await otp.receive()
            except BaseException:
                return

        async def swallows_and_goes_on() -> None:
            try:
                await asyncio.sleep(10)
            except BaseException:
                await asyncio.sleep(1)
                return

        async def signals_itself() -> None:
            try:
                await otp.receive()
            finally:
                otp.exit(otp.self(), "other")

        reasons = []
        for fn in (raises, exits, swallows, swallows_and_goes_on, signals_itself):
            pid, ref = otp.spawn_monitor(fn)
            await wait_all_idle()
            otp.exit(pid, "boom")
            reasons.append((await otp.receive(ref)).reason)
        return reasons

    assert run(main) == ["boom"] * 5


def test_cleanup_that_waits_for_ever_is_abandoned_after_5_seconds(run: Any) -> None:
    async def main() -> Any:
        async def victim() -> None:
            try:
                await otp.receive()
            finally:
                await asyncio.get_running_loop().create_future()

        pid, ref = otp.spawn_monitor(victim)
        await wait_all_idle()
        otp.exit(pid, "boom")
        reason = (await otp.receive(ref)).reason
        events = [event for event in otp.trace.history(otp.trace.node_of(pid)) if event.kind == "abandoned_cleanup"]
        return (
            reason,
            otp.monotonic(),
            [event.pid is pid for event in events],
            "test_death.py" in events[0].data["where"],
        )

    assert run(main) == ("boom", 5.0, [True], True)


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
        return (await otp.receive(ref)).reason, otp.monotonic()

    assert run(main) == ("killed", 0.0)


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
    """All this raised at once in an exiting process, so that this loop never let go of the thread."""

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


def test_cleanup_that_only_yields_is_carried_through(run: Any) -> None:
    steps: list[int] = []

    async def main() -> Any:
        async def victim() -> None:
            try:
                await otp.receive()
            finally:
                await asyncio.sleep(0)
                steps.append(0)
                await asyncio.sleep(0)
                steps.append(1)

        pid, ref = otp.spawn_monitor(victim)
        await wait_all_idle()
        otp.send(pid, "in the run queue as well")
        otp.exit(pid, "boom")
        return (await otp.receive(ref)).reason

    assert run(main) == "boom"
    assert steps == [0, 1]


def test_an_exception_that_was_about_to_be_raised_is_not_raised_into_the_cleanup(run: Any) -> None:
    seen: list[Any] = []

    async def main() -> Any:
        async def victim() -> None:
            try:
                await otp.receive()
            finally:
                try:
                    await asyncio.sleep(1)
                    seen.append("slept")
                except BaseException as error:
                    seen.append(error)

        pid, ref = otp.spawn_monitor(victim)
        await wait_all_idle()
        pid.cancel()  # type: ignore[attr-defined]  # as asyncio does to its current task
        otp.exit(pid, "boom")
        return (await otp.receive(ref)).reason, otp.monotonic()

    assert run(main) == ("boom", 1.0)
    assert seen == ["slept"]


def test_in_cleanup_receive_call_and_start_raise_and_send_and_spawn_work(run: Any) -> None:
    seen: dict[str, Any] = {}

    class Server(otp.GenServer[None]):
        @otp.impl
        def init(self, arg: Any) -> Any:
            return otp.Ok(None)

        @otp.impl
        def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
            return otp.Reply("answer", state)

    async def attempt(name: str, action: Any) -> None:
        try:
            seen[name] = await action
        except otp.Exit as error:
            seen[name] = error.reason

    async def main() -> Any:
        server = await Server.start()
        me = otp.self()

        async def victim() -> None:
            try:
                await otp.receive()
            finally:
                await attempt("receive", otp.receive())
                await attempt("call", otp.GenServer.call(server, 1))
                await attempt("start", Server.start_link())
                otp.send(me, "sent")
                otp.spawn(lambda: otp.send(me, "spawned"))

        pid, ref = otp.spawn_monitor(victim)
        await wait_all_idle()
        otp.exit(pid, "boom")
        reason = (await otp.receive(ref)).reason
        return reason, await otp.receive(), await otp.receive()

    assert run(main) == ("boom", "sent", "spawned")
    assert seen == {"receive": "boom", "call": "boom", "start": "boom"}


def test_in_cleanup_the_process_is_itself_and_asyncios_current_task(run: Any) -> None:
    seen: list[Any] = []

    async def main() -> Any:
        async def victim() -> None:
            try:
                await otp.receive()
            finally:
                seen.append((otp.self() is pid, asyncio.current_task() is pid))
                await asyncio.sleep(1)
                seen.append((otp.self() is pid, asyncio.current_task() is pid))

        pid, ref = otp.spawn_monitor(victim)
        await wait_all_idle()
        otp.exit(pid, "boom")
        after = otp.self() is not pid, asyncio.current_task() is otp.self()
        await otp.receive(ref)
        return after

    assert run(main) == (True, True)
    assert seen == [(True, True)] * 2


def test_async_context_managers_close_before_the_down_is_seen(run: Any) -> None:
    order: list[str] = []

    class Connection:
        async def __aenter__(self) -> None:
            order.append("open")

        async def __aexit__(self, *_: object) -> None:
            await asyncio.sleep(1)
            order.append("closed")

    async def main() -> Any:
        async def victim() -> None:
            async with Connection():
                await otp.receive()

        pid, ref = otp.spawn_monitor(victim)
        await wait_all_idle()
        otp.exit(pid, "shutdown")
        await otp.receive(ref)
        order.append("down")

    run(main)
    assert order == ["open", "closed", "down"]


def test_when_the_down_is_seen_name_links_and_monitors_are_gone(run: Any) -> None:
    """Pitfalls 23, 99: one step."""
    seen: list[Any] = []

    async def main() -> Any:
        watched = otp.spawn(waits)

        async def victim() -> None:
            otp.monitor(watched)
            otp.spawn_link(waits)
            await otp.receive()

        pid, ref = otp.spawn_monitor(victim)
        otp.register("victim", pid)
        await wait_all_idle()
        before = len(otp.processes())
        otp.exit(pid, "boom")
        await otp.receive(ref)
        seen.append(otp.whereis("victim"))
        otp.register("victim", otp.self())
        seen.append(otp.process_info(watched, "monitored_by"))
        return before - len(otp.processes())

    assert run(main) == 2
    assert seen == [None, ()]


def test_a_chain_of_20000_links_dies_without_a_deep_stack() -> None:
    async def main() -> Any:
        async def link_in_chain(n: int, to: otp.Pid) -> None:
            if n:
                otp.spawn_link(link_in_chain, n - 1, to)
            else:
                otp.send(to, "complete")
            await otp.receive()

        pid = otp.spawn(link_in_chain, 20_000, otp.self())
        await otp.receive()
        before = len(otp.processes())
        otp.exit(pid, "boom")
        return before, len(otp.processes())

    assert otp.run(main) == (20_002, 1)


def test_a_ring_of_links_dies_once_each(run: Any) -> None:
    async def main() -> Any:
        otp.process_flag("trap_exit", True)

        async def member(others: list[otp.Pid]) -> None:
            for pid in others:
                otp.link(pid)
            await otp.receive()

        pids: list[otp.Pid] = []
        for _ in range(10):
            pids.append(otp.spawn(member, list(pids)))
        await wait_all_idle()
        refs = {otp.monitor(pid) for pid in pids}
        otp.exit(pids[4], "boom")
        downs = [await otp.receive() for _ in range(10)]
        with pytest.raises(otp.ReceiveTimeout):
            await otp.receive(timeout=1)
        return {down.ref for down in downs} == refs, {down.reason for down in downs}

    assert run(main) == (True, {"boom"})


def test_a_cascade_passes_through_cleanup_that_waits(run: Any) -> None:
    async def main() -> Any:
        async def first() -> None:
            try:
                await otp.receive()
            finally:
                await asyncio.sleep(1)

        async def second(to: otp.Pid) -> None:
            otp.link(to)
            await otp.receive()

        one = otp.spawn(first)
        _, ref = otp.spawn_monitor(second, one)
        await wait_all_idle()
        otp.exit(one, "boom")
        return (await otp.receive(ref)).reason, otp.monotonic()

    assert run(main) == ("boom", 1.0)


def test_who_traps_in_the_middle_of_a_cascade_lives(run: Any) -> None:
    async def main() -> Any:
        otp.process_flag("trap_exit", True)

        async def ends() -> None:
            raise otp.Exit("boom")

        async def middle() -> None:
            otp.spawn_link(ends)
            await otp.receive()

        pid = otp.spawn_link(middle)
        return await otp.receive() == ExitSignal(pid, "boom")

    assert run(main)


def test_a_process_that_is_killed_by_the_one_it_calls_ends_when_it_leaves_the_stack(run: Any) -> None:
    """The caller is on the stack while an inline callback runs: it must not be closed there."""

    class Killer(otp.GenServer[None]):
        @otp.impl
        def init(self, arg: Any) -> Any:
            return otp.Ok(None)

        @otp.impl
        def handle_call(self, reason: Any, caller: otp.From, state: Any) -> Any:
            otp.exit(caller.pid, reason)
            return otp.Reply("too late", state)

    after: list[Any] = []

    async def main() -> Any:
        killer = await Killer.start()

        async def victim(reason: str) -> None:
            after.append(await otp.GenServer.call(killer, reason))

        reasons = []
        for reason in ("boom", "kill"):
            _, ref = otp.spawn_monitor(victim, reason)
            reasons.append((await otp.receive(ref)).reason)
        return reasons, otp.is_alive(killer)

    assert run(main) == (["boom", "killed"], True)
    assert after == []


def test_a_server_that_is_linked_to_its_caller_and_crashes_inline_takes_it_along(run: Any) -> None:
    """Pitfall 40: a caller that does not trap dies by the link instead of seeing the exception."""
    after: list[Any] = []

    class Crashes(otp.GenServer[None]):
        @otp.impl
        def init(self, arg: Any) -> Any:
            return otp.Ok(None)

        @otp.impl
        def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
            raise otp.Exit("boom")

    async def main() -> Any:
        async def victim() -> None:
            server = await Crashes.start_link()
            try:
                await otp.GenServer.call(server, 1)
            except otp.Exit as error:
                after.append(error)

        _, ref = otp.spawn_monitor(victim)
        return (await otp.receive(ref)).reason

    assert run(main) == "boom"
    assert after == []


def test_the_exit_event_names_sender_and_cause_of_a_cascade(run: Any) -> None:
    async def main() -> Any:
        node = otp.trace.node_of(otp.self())
        otp.trace.subscribe(node, lambda event: None)

        async def second(to: otp.Pid) -> None:
            otp.link(to)
            await otp.receive()

        async def third(to: otp.Pid) -> None:
            otp.link(to)
            try:
                await otp.receive()
            finally:
                await asyncio.sleep(0)

        one = otp.spawn(waits)
        two = otp.spawn(second, one)
        three = otp.spawn(third, two)
        await wait_all_idle()
        otp.exit(one, "boom")
        await wait_all_idle()
        exits = {event.pid: event for event in otp.trace.history(node) if event.kind == "exited"}
        return (
            [exits[pid].data["sender"] for pid in (one, two, three)] == [otp.self(), one, two],
            exits[three].cause == exits[two].seq,
            exits[two].cause == exits[one].seq,
            [exits[pid].data["what"].rpartition(".")[2] for pid in (one, two, three)],
        )

    assert run(main) == (True, True, True, ["waits", "second", "third"])


def test_a_hook_that_fails_does_not_stop_the_end(run: Any, errors: Callable[[], list[str]]) -> None:
    from otp.kernel.signals import on_exit

    async def main() -> Any:
        pid = otp.spawn_link(waits)
        otp.process_flag("trap_exit", True)
        on_exit(pid, "key", lambda pid: 1 / 0)
        otp.exit(pid, "boom")
        return await otp.receive() == ExitSignal(pid, "boom")

    assert run(main)
    assert len(errors()) == 1


def test_child_tasks_that_are_awaited_end_before_the_down(run: Any) -> None:
    """As under `Task.cancel`: who awaits a task ends after it."""
    order: list[str] = []

    async def main() -> Any:
        async def child(n: int) -> None:
            try:
                await asyncio.sleep(60)
            finally:
                await asyncio.sleep(n)
                order.append(f"child {n}")

        async def one() -> None:
            await asyncio.create_task(child(1))

        async def group() -> None:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(child(1))
                tasks.create_task(child(3))

        for fn in (one, group):
            pid, ref = otp.spawn_monitor(fn)
            await wait_all_idle()
            otp.exit(pid, "boom")
            assert not otp.is_alive(pid)
            order.append((await otp.receive(ref)).reason)

    run(main)
    assert order == ["child 1", "boom", "child 1", "child 3", "boom"]


def test_kill_inside_a_task_group_cancels_the_children(run: Any) -> None:
    cancelled: list[int] = []

    async def main() -> Any:
        async def child(n: int) -> None:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                cancelled.append(n)
                raise

        async def victim() -> None:
            async with asyncio.TaskGroup() as tasks:
                for n in range(3):
                    tasks.create_task(child(n))

        pid, ref = otp.spawn_monitor(victim)
        await wait_all_idle()
        otp.exit(pid, "kill")
        alive = otp.is_alive(pid)
        reason = (await otp.receive(ref)).reason
        await wait_all_idle()
        return alive, reason, otp.monotonic()

    assert run(main) == (False, "killed", 0.0)
    assert sorted(cancelled) == [0, 1, 2]  # a task group holds a set


def test_exit_inside_a_task_group_ends_the_process_with_that_reason(run: Any) -> None:
    async def main() -> Any:
        async def victim(how: str) -> None:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(asyncio.sleep(60))
                if how == "raise":
                    otp.exit("boom")
                otp.exit(otp.self(), "boom")

        reasons = []
        for how in ("raise", "signal"):
            _, ref = otp.spawn_monitor(victim, how)
            reasons.append((await otp.receive(ref)).reason)
        return reasons

    assert run(main) == ["boom", "boom"]


def test_keyboard_interrupt_in_cleanup_is_the_nodes_business(run: Any) -> None:
    async def main() -> Any:
        node = otp.trace.node_of(otp.self())
        asked: list[Any] = []
        node.on_shutdown = asked.append

        async def victim() -> None:
            try:
                await otp.receive()
            finally:
                raise SystemExit(3)

        reasons = []
        for how in ("boom", "kill"):
            pid, ref = otp.spawn_monitor(victim)
            await wait_all_idle()
            otp.exit(pid, how)
            reasons.append((await otp.receive(ref)).reason)
        return reasons, [error.code for error in asked]

    assert run(main) == (["boom", "killed"], [3])
