"""The end of a process: what its cleanup may do and how long it may take, and what is gone when the Down arrives.

Source: design part 1 §3, "Dying".
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import otp
from echo_server import Echo
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


def test_who_waits_for_a_future_ends_in_the_step_of_the_signal(run: Any) -> None:
    async def main() -> Any:
        closed: list[str] = []

        async def victim() -> None:
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                closed.append("closed")

        pid = otp.spawn(victim)
        otp.register("victim", pid)
        await wait_all_idle()
        otp.exit(pid, "boom")
        return closed, otp.whereis("victim")

    assert run(main) == (["closed"], None)


def test_a_future_that_refuses_to_be_cancelled_does_not_hold_up_the_end(run: Any) -> None:
    class Refuses(asyncio.Future[None]):
        def cancel(self, msg: Any = None) -> bool:
            return False

    async def main() -> Any:
        async def victim() -> None:
            await Refuses()

        pid, ref = otp.spawn_monitor(victim)
        await wait_all_idle()
        otp.exit(pid, "boom")
        return (await otp.receive(ref)).reason, otp.monotonic()

    assert run(main) == ("boom", 0.0)


def test_a_process_that_code_outside_spawned_ends_like_any_other(errors: Callable[[], list[str]]) -> None:
    async def main() -> Any:
        async with otp.Node("n") as node:
            ran: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            pid = node.spawn(ran.set_result, "ran")
            return await ran, otp.is_alive(pid), node.processes()

    assert asyncio.run(main()) == ("ran", False, [])
    assert errors() == []


def test_a_process_that_never_ran_ends_without_a_warning(run: Any) -> None:
    async def main() -> Any:
        killed, exited = otp.spawn(waits), otp.spawn(waits)
        otp.exit(killed, "kill")
        otp.exit(exited, "boom")
        return otp.is_alive(killed), otp.is_alive(exited)

    assert run(main) == (False, False)


def test_cleanup_may_wait_and_until_then_the_process_is_exiting(run: Any) -> None:
    """Until then it is not alive and its messages are dropped, but it keeps its name and its links."""

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


def test_a_hook_that_fails_does_not_stop_the_end(run: Any, errors: Callable[[], list[str]]) -> None:
    from otp.kernel.values.process import on_exit

    async def main() -> Any:
        pid = otp.spawn_link(waits)
        otp.process_flag("trap_exit", True)
        on_exit(pid, "key", lambda pid: 1 / 0)
        otp.exit(pid, "boom")
        return await otp.receive() == ExitSignal(pid, "boom")

    assert run(main)
    assert len(errors()) == 1


def test_a_removed_hook_is_not_called(run: Any) -> None:
    from otp.kernel.values.process import off_exit, on_exit

    async def main() -> Any:
        called: list[str] = []
        pid = otp.spawn(waits)
        on_exit(pid, "kept", lambda pid: called.append("kept"))
        on_exit(pid, "removed", lambda pid: called.append("removed"))
        off_exit(pid, "removed")
        off_exit(pid, "never added")
        otp.exit(pid, "kill")
        return called

    assert run(main) == ["kept"]


@pytest.mark.parametrize(("how", "reason"), [("boom", "boom"), ("kill", "killed")])
def test_keyboard_interrupt_in_cleanup_is_the_nodes_business(run: Any, how: str, reason: str) -> None:
    async def main() -> Any:
        node = otp.trace.node_of(otp.self())
        asked: list[Any] = []
        node.on_shutdown = asked.append

        async def victim() -> None:
            try:
                await otp.receive()
            finally:
                raise SystemExit(3)

        pid, ref = otp.spawn_monitor(victim)
        await wait_all_idle()
        otp.exit(pid, how)
        return (await otp.receive(ref)).reason, [error.code for error in asked]

    assert run(main) == (reason, [3])


def test_the_history_has_the_ends_of_a_supervisor_and_its_children_though_nobody_reads(run: Any) -> None:
    async def main() -> Any:
        otp.process_flag("trap_exit", True)
        specs = [
            otp.ChildSpec("server", start=(Echo.start_link, None)),
            otp.ChildSpec("linked", start=(otp.spawn_link, waits)),
            otp.ChildSpec("brief", start=(otp.spawn, lambda: None), restart="temporary", shutdown="brutal_kill"),
        ]
        above = await otp.Supervisor.start_link_children(specs)
        pids = {child.id: child.pid for child in await otp.Supervisor.which_children(above)}
        await wait_all_idle()
        otp.exit(above, "shutdown")
        await otp.wait_down(above)
        names = {**{pid: name for name, pid in pids.items()}, above: "supervisor"}
        events = [event for event in otp.trace.history(otp.node()) if event.kind == "exited" and event.pid in names]
        return [(names[event.pid], event.data["reason"]) for event in events]

    assert run(main) == [
        ("brief", "normal"),
        ("linked", "shutdown"),
        ("server", "shutdown"),
        ("supervisor", "shutdown"),
    ]


def test_a_reader_has_a_large_reason_whole_and_the_history_a_short_one(run: Any) -> None:
    large = ("too much", "x" * 10_000)

    async def main() -> Any:
        seen: list[Any] = []
        otp.trace.subscribe(otp.node(), lambda event: seen.append(event.data["reason"]), kinds={"exited"})
        pid = otp.spawn(waits)
        otp.exit(pid, large)
        await otp.wait_down(pid)
        (end,) = (e for e in otp.trace.history(otp.node()) if e.kind == "exited" and e.pid is pid)
        return seen == [large], end.data["reason"][0], len(repr(end.data["reason"])) < 1_000

    assert run(main) == (True, "too much", True)
