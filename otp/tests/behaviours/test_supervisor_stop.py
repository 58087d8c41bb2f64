"""Stopping a supervisor: its exit reason, and the shutdown time of each child.

Sleeps take virtual time.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

import otp
from otp import ChildSpec, Crash, Exit, GenServer, NoReply, Shared, Supervisor, impl, process_flag
from otp.testing import advance, wait_all_idle
from recording_workers import Worker, count, which, worker


def test_the_supervisor_ends_with_the_reason_it_was_stopped_with_its_children_with_shutdown(run: Any) -> None:
    log: list[str] = []

    async def main() -> Any:
        process_flag("trap_exit", True)
        tree = await Supervisor.start_link_children([worker("a", log)])
        await Supervisor.stop(tree, "boom")
        return (await otp.receive()).reason

    assert run(main) == "boom"
    assert log[-1] == "-a shutdown"


def test_the_exit_of_the_parent_stops_the_supervisor_with_its_reason_even_normal(run: Any) -> None:
    log: list[str] = []

    async def parent(me: otp.Pid) -> None:
        otp.send(me, await Supervisor.start_link_children([worker("a", log)]))
        await otp.receive()

    async def main() -> Any:
        pid = otp.spawn(parent, otp.self())
        tree = await otp.receive()
        ref = otp.monitor(tree)
        otp.send(pid, "end")
        return (await otp.receive(ref)).reason

    assert run(main) == "normal"
    assert log == ["+a", "-a shutdown"]


def test_a_child_that_takes_too_long_to_stop_is_killed(run: Any) -> None:
    log: list[str] = []

    async def main() -> float:
        tree = await Supervisor.start_link_children([worker("a", log), worker("b", log, 60, shutdown=2)])
        pid = (await which(tree))[0].pid
        ref = otp.monitor(pid)
        await Supervisor.stop(tree)
        assert (await otp.receive(ref)).reason == "killed"
        return otp.monotonic()

    assert run(main) == 2.0
    assert log == ["+a", "+b", "-b shutdown", "-a shutdown"]


def test_infinity_waits_and_brutal_kill_does_not_ask(run: Any) -> None:
    log: list[str] = []

    async def main() -> float:
        tree = await Supervisor.start_link_children(
            [worker("a", log, 60, shutdown="infinity"), worker("b", log, shutdown="brutal_kill")]
        )
        await Supervisor.stop(tree)
        return otp.monotonic()

    assert run(main) == 60.0
    assert log == ["+a", "+b", "-a shutdown", "a took its time"]


def test_the_cleanup_of_a_coroutine_child_may_take_its_shutdown_time(run: Any) -> None:
    log: list[str] = []

    async def loop(seconds: float) -> None:
        try:
            await otp.receive()
        finally:
            await asyncio.sleep(seconds)
            log.append(f"cleaned in {seconds}")

    async def main() -> float:
        tree = await Supervisor.start_link_children(
            [
                ChildSpec("long", (otp.spawn_link, loop, 7), shutdown=10),
                ChildSpec("endless", (otp.spawn_link, loop, 1000), shutdown="infinity"),
                ChildSpec("cut", (otp.spawn_link, loop, 3), shutdown=1),
            ]
        )
        await asyncio.sleep(0.5)
        await Supervisor.stop(tree)
        return otp.monotonic()

    assert run(main) == 1008.5
    assert log == ["cleaned in 1000", "cleaned in 7"]


def test_a_child_that_unlinked_is_stopped_all_the_same(run: Any) -> None:
    log: list[str] = []

    class Loner(Worker):
        @impl
        def handle_cast(self, request: Any, state: Any) -> Any:
            otp.unlink(request)
            return NoReply(state)

    async def main() -> None:
        tree = await Supervisor.start_link_children([Loner.child_spec(("a", Shared(log)), name="loner")])
        GenServer.cast("loner", tree)
        await Supervisor.stop(tree)
        assert otp.whereis("loner") is None

    run(main)
    assert log == ["+a", "-a shutdown"]


def test_the_exits_of_strangers_mean_nothing_to_a_supervisor(run: Any) -> None:
    async def main() -> None:
        tree = await Supervisor.start_link_children([worker("a", [])])
        stranger = otp.spawn(otp.exit, tree, "shutdown")
        await otp.wait_down(stranger)
        otp.send(tree, "hello")
        assert (await count(tree)).active == 1

    run(main)


@pytest.mark.parametrize("ask", [GenServer.call, GenServer.cast])
def test_an_unknown_request_crashes_the_supervisor_after_it_stopped_its_children(run: Any, ask: Any) -> None:
    log: list[str] = []

    async def main() -> Any:
        process_flag("trap_exit", True)
        tree = await Supervisor.start_link_children([worker("a", log)])
        try:
            result = ask(tree, "nonsense")
            if result != "ok":
                await result
        except Exit:
            pass
        return (await otp.receive()).reason

    assert run(main) == Crash("function_clause")
    assert log[-1] == "-a shutdown"


def test_a_killed_supervisor_stops_nobody_its_children_die_by_the_link(run: Any) -> None:
    log: list[str] = []

    async def main() -> None:
        process_flag("trap_exit", True)
        tree = await Supervisor.start_link_children([worker("a", log)])
        child = (await which(tree))[0].pid
        ref = otp.monitor(child)
        otp.exit(tree, "kill")
        assert (await otp.receive(ref)).reason == "killed"

    run(main)
    assert log == ["+a", "-a killed"]


def test_a_supervisor_that_is_killed_while_a_child_starts_takes_the_child_along(run: Any) -> None:
    log: list[str] = []

    async def main() -> Any:
        process_flag("trap_exit", True)
        tree = await Supervisor.start_link_children([])
        otp.spawn(Supervisor.start_child, tree, worker("a", log, "slow"))
        await wait_all_idle()
        otp.exit(tree, "kill")
        await advance(1)
        return (await otp.receive()).reason, otp.processes() == [otp.self()]

    assert run(main) == ("killed", True)
    assert log == ["+a", "-a killed"]


def test_the_cleanup_of_a_child_that_ends_by_itself_may_take_its_shutdown_time_too(run: Any) -> None:
    async def loop() -> None:
        try:
            await otp.receive()
        finally:
            await asyncio.sleep(7)

    async def main() -> float:
        tree = await Supervisor.start_link_children(
            [ChildSpec("long", (otp.spawn_link, loop), shutdown=10, restart="temporary")]
        )
        pid = (await which(tree))[0].pid
        await wait_all_idle()
        otp.exit(pid, "boom")
        assert await otp.wait_down(pid) == "boom"
        return otp.monotonic()

    assert run(main) == 7.0


def test_reports_go_to_the_log_of_supervisors(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "otp.supervisor")

    async def main() -> None:
        process_flag("trap_exit", True)
        tree = await Supervisor.start_link_children([worker("a", [], 60, shutdown=1)], max_restarts=0, name="tree")
        otp.exit((await which(tree))[0].pid, "kill")
        await otp.receive()
        await Supervisor.stop(await Supervisor.start_link_children([worker("b", [], 60, shutdown=1)]))

    run(main)
    reports = [(r.levelname, r.getMessage()) for r in caplog.records if r.name == "otp.supervisor"]
    assert [level for level, _ in reports] == ["INFO", "ERROR", "WARNING"]
    assert re.fullmatch(r"a <0\.\d+\.0> was killed; tree has no restart left", reports[0][1])
    assert reports[1][1] == "tree gave up: it allows no restarts (last: a was killed)"
    assert reports[2][1].endswith("; it was killed, since it did not end within its shutdown time of 1 s")
