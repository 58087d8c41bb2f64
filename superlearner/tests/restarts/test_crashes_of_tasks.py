"""Crashes of tasks that end together with a supervised process: its supervisor handles them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

import otp
from otp import GenServer, NoReply, Ok, Task, impl
from otp.testing import wait_all_idle
from restart_trees import found, group, run, worker
from superlearner.control.clock import Clock
from superlearner.control.events import facts_of
from superlearner.control.unsupervised import UnsupervisedEnds
from superlearner.operations.builtin.restart_facts import describe_facts
from superlearner.operations.builtin.restarts import describe_moment
from superlearner.restarts.cause_steps import summary_of
from superlearner.restarts.memory import Memory
from superlearner.restarts.moments import moment_of
from superlearner.restarts.present import Running
from superlearner.restarts.recorder import Record, Recorder, describe_group
from superlearner.restarts.tables import Past


def price(of: str) -> int:
    return {"tea": 3}[of]


async def fetch(row: int) -> int:
    if row == 1:
        raise ConnectionError(row)
    return await otp.receive()


class TaskOwner(GenServer[None]):
    """A server that runs what it gets as a cast, and waits for it."""

    @impl
    def init(self, arg: bool) -> Ok[None]:
        otp.process_flag("trap_exit", arg)
        return Ok(None)

    @impl
    async def handle_cast(self, request: Callable[[], Any], state: None) -> NoReply[None]:
        await request()
        return NoReply(state)

    @impl
    def handle_info(self, message: Any, state: None) -> NoReply[None]:
        return NoReply(state)


async def one_task() -> None:
    await Task.await_(Task.async_(price, "wine"))


async def stream() -> None:
    async with Task.async_stream(range(4), fetch, max_concurrency=3) as results:
        async for _ in results:
            pass


async def slow_task() -> None:
    await Task.await_(Task.async_(otp.receive), 0.5)


def crash(work: Callable[[], Any], *, traps: bool = False) -> tuple[list[str], list[str]]:
    """Return the lines of restarts, and what crashed without a supervisor, when a child of `top` does this work."""

    async def test(node: otp.Node) -> tuple[list[str], list[str]]:
        records: list[Record] = []
        alone: list[str] = []
        ends = UnsupervisedEnds()

        def note(event: Any) -> None:
            if ends.note(event):
                alone.append(event.data["what"])

        recorder = Recorder(node, None, lambda *_: None, records.append)
        ended = otp.trace.subscribe(node, note, kinds={"exited"})
        pool = otp.whereis("pool")
        assert pool is not None
        GenServer.cast(pool, work)
        if not traps or work is slow_task:
            await otp.wait_down(pool)
        await wait_all_idle()
        recorder.close()
        ended.close()
        return [one.line for one in records], alone

    return run(test, TaskOwner.child_spec(traps, id="pool", name="pool"))


@pytest.mark.parametrize(("work", "what"), [(one_task, "price"), (stream, "fetch")])
def test_a_task_that_ends_its_owner_is_not_said_to_be_restarted(work: Callable[[], Any], what: str) -> None:
    """Regression: `price crashed and was restarted`, and beside it `it has no supervisor that restarts it`."""
    (line,), alone = crash(work)
    assert line.startswith(f"{what} 0.")
    assert line.endswith(" crashed; pool ended with it and was restarted")
    assert alone == []


def test_a_task_that_ends_with_its_owner_is_no_crash_of_its_own() -> None:
    """Regression: the awaited task was reported as a crash without a supervisor."""
    assert (["pool crashed and was restarted"], []) == crash(slow_task)


def test_a_task_whose_owner_traps_exits_crashes_alone() -> None:
    async def start() -> None:
        Task.async_(price, "wine")

    assert ([], ["price"]) == crash(start, traps=True)


def test_a_failed_call_names_the_task_that_crashed_and_ended_its_server() -> None:
    """Regression: the reason of the caller said that the server crashed at the line of the task."""

    async def ask() -> None:
        await GenServer.call("ledger", "total")

    async def test(node: otp.Node) -> list[tuple[str, str]]:
        teller = otp.whereis("teller")
        assert teller is not None
        GenServer.cast("ledger", one_task)
        GenServer.cast(teller, ask)
        await otp.wait_down(teller)
        await wait_all_idle()
        told = [
            one for one in otp.trace.history(node) if teller in (one.pid, one.data.get("child"), one.data.get("old"))
        ]
        return [(one.kind, facts_of(one).reason) for one in told if "reason" in one.data]

    found = run(test, *(TaskOwner.child_spec(False, id=name, name=name) for name in ("ledger", "teller")))
    assert ["exited", "child_terminated", "child_restarted"] == [kind for kind, _ in found]
    ended = r"ledger ended with price, which crashed at test_crashes_of_tasks\.py:\d+: KeyError\('wine'\)"
    for kind, reason in found:
        assert re.fullmatch(f"its call to ledger failed: {ended}", reason), (kind, reason)


async def link_to(others: list[otp.Pid]) -> None:
    for other in others:
        otp.link(other)
    await otp.receive()


def test_each_process_that_is_linked_to_a_crashed_one_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: in a group of 100 that are all linked to each other, a crash held the loop for 0.1 s."""
    asked: list[otp.Pid] = []

    def is_trapping(pid: otp.Pid, item: str) -> bool:
        asked.append(pid)
        return pid is keeper

    async def keep() -> None:
        otp.process_flag("trap_exit", True)
        await otp.receive()

    async def main() -> None:
        nonlocal keeper
        keeper = otp.spawn(keep)
        members: list[otp.Pid] = []
        for _ in range(10):
            members.append(otp.spawn(link_to, [keeper, *members]))
        await wait_all_idle()
        ends = UnsupervisedEnds()
        found: list[bool] = []
        monkeypatch.setattr(otp, "process_info", is_trapping)
        otp.trace.subscribe(otp.node(), lambda event: found.append(ends.note(event)), kinds={"exited"}, limit=1)
        otp.exit(members[0], "boom")
        await wait_all_idle()
        assert [True] == found
        assert sorted(asked) == sorted([keeper, *members[1:]])

    keeper: otp.Pid | None = None
    otp.run(main)


def test_a_child_that_ended_with_a_temporary_one_is_the_one_that_was_restarted() -> None:
    async def test(node: otp.Node) -> None:
        records: list[Record] = []
        recorder = Recorder(node, None, lambda *_: None, records.append)
        otp.exit("a", "boom")
        await wait_all_idle()
        recorder.close()
        assert ["a crashed; b ended with it and was restarted"] == [one.line for one in records]

    run(test, group("left", worker("a", restart="temporary")), worker("b", "a"))


@pytest.mark.parametrize(
    ("strategy", "ended", "line", "told"),
    [
        ("one_for_one", "a", "a crashed and was restarted; c ended with it and was restarted",
         "top (one_for_one) started a and c; c was linked to a and ended with it"),
        ("rest_for_one", "a", "a crashed and was restarted; c ended with it and was restarted",
         "top (rest_for_one) stopped b, started a, b and c; c was linked to a and ended with it"),
        ("one_for_all", "bc",
         "b crashed and was restarted; c crashed and was restarted; a ended with it and was restarted",
         "top (one_for_all) started a, b and c; a was linked to c and ended with it; meanwhile c crashed: boom"),
    ],
)  # fmt: skip
def test_a_restart_names_the_same_ends_as_its_line(strategy: str, ended: str, line: str, told: str) -> None:
    """Regression: of a child that a link ended, its line said that it crashed, or nothing, and the restart nothing."""

    async def test(node: otp.Node) -> None:
        for name in ended:
            otp.exit(name, "boom")
        await wait_all_idle()
        now, memory = Running(node), Memory(otp.trace.history(node))
        newest = found(node)[-1]
        moment = moment_of(memory, newest, now)
        assert describe_group(newest, Past(memory, now, 0)) == line
        assert describe_facts(describe_moment(moment, Clock(), "")).supervisor == told
        linked = {"a": "a", "bc": "c"}[ended]
        assert f"> was linked to {linked} and ended with it: boom" in summary_of(moment.steps)

    run(test, worker("a"), worker("b"), worker("c", "a"), strategy=strategy)
