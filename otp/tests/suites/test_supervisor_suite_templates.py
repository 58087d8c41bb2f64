"""Children of a template, and many children, as OTP's supervisor_SUITE has them.

A docstring names the cases whose rule a test holds; what they say is in docs/conformance.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

import otp
from otp import ChildSpec, Counts, GenServer, Ignore, Ok, Shared, Supervisor, impl, process_flag
from otp.testing import wait_all_idle
from scripted_workers import Worker, end, ended, template, worker

which, count, start_child = Supervisor.which_children, Supervisor.count_children, Supervisor.start_child
start_tree = Supervisor.start_link_children


class Slow(GenServer[Any]):
    """Takes `arg` seconds to stop."""

    @impl
    def init(self, arg: Any) -> Any:
        process_flag("trap_exit", True)
        return Ok(arg)

    @impl
    async def terminate(self, reason: Any, state: Any) -> None:
        await otp.receive(otp.start_timer(state, otp.self(), None))


def test_children_of_a_template_are_restarted_until_it_is_too_much(run: Any) -> None:
    """simple_one_for_one, simple_one_for_one_extra."""

    async def extra() -> Any:
        return await Worker.start_link(), "extra_info"

    async def main() -> None:
        process_flag("trap_exit", True)
        for start in (Worker.start_link, extra):
            spec = ChildSpec("child", (start,), modules=())
            tree = await start_tree([spec], strategy="simple_one_for_one", max_restarts=2)
            answers = [await start_child(tree, []) for _ in range(2)]
            first, second = [answer[0] if start is extra else answer for answer in answers]
            assert start is not extra or ["extra_info"] * 2 == [answer[1] for answer in answers]
            await end(first)
            found = [info.pid for info in await which(tree)]
            assert (2, True, False) == (len(found), second in found, first in found)
            assert Counts(1, 2, 0, 2) == await count(tree)
            await end(second)
            await end((await which(tree))[0].pid)
            assert "shutdown" == await ended(tree)

    run(main)


@pytest.mark.parametrize("restart", ["transient", "permanent"])
def test_a_child_of_a_template_that_ignores_its_restart_is_forgotten(run: Any, restart: Any) -> None:
    """simple_one_for_one_restart_ignore."""

    async def main() -> None:
        process_flag("trap_exit", True)
        tree = await template(restart=restart, max_restarts=10)
        first = await start_child(tree, [Shared([None, None, Ignore()])])
        await end(first, "kill")
        ((_, second, _, _),) = await which(tree)
        assert first != second
        await end(second, "kill")
        assert [] == await which(tree)
        otp.exit(tree, "shutdown")
        assert "shutdown" == await ended(tree)

    run(main)


def test_children_of_a_template_are_waited_for_together_and_killed_when_it_is_time(run: Any) -> None:
    """simple_one_for_one_shutdown."""

    async def main() -> None:
        process_flag("trap_exit", True)
        tree = await template(Slow, shutdown=2)
        refs = [otp.monitor(await start_child(tree, [seconds])) for seconds in (1, 1, 5)]
        await Supervisor.stop(tree, "shutdown")
        assert 2.0 == otp.monotonic()
        assert ["shutdown", "shutdown", "killed"] == [(await otp.receive(ref)).reason for ref in refs]

    run(main)


# Many of them


@pytest.mark.parametrize("type", ["worker", "supervisor"])
def test_many_children_are_counted_by_their_type(type: Any) -> None:
    """count_children, count_children_supervisor."""

    def counts(n: int) -> Counts:
        return Counts(1, n, n, 0) if type == "supervisor" else Counts(1, n, 0, n)

    async def main() -> None:
        tree = await template(restart="temporary", type=type)
        for n in (1000, 2000):
            for _ in range(1000):
                await start_child(tree, [])
            assert counts(n) == await count(tree)
            assert n == len(await which(tree))
        assert await which(tree) == await which(tree)
        for info in await which(tree):
            otp.exit(info.pid, "kill")
        await wait_all_idle()
        assert Counts(1, 0, 0, 0) == await count(tree)

    otp.testing.Scheduler().run(main)


def seconds_of(fn: Callable[[], Any], times: int) -> float:
    """The shortest of so many runs."""
    took: list[float] = []
    for _ in range(times):
        before = time.process_time()  # other programs have no part in it
        fn()
        took.append(time.process_time() - before)
    return min(took)


@pytest.mark.parametrize("strategy", ["one_for_one", "simple_one_for_one"])
def test_starting_and_stopping_one_after_the_other_takes_time_in_proportion(strategy: Any) -> None:
    """scale_start_stop_many_children, simple_one_for_one_scale_many_temporary_children."""

    async def main(children: int) -> None:
        simple = strategy == "simple_one_for_one"
        tree = await (template(restart="temporary") if simple else start_tree([]))
        spec = worker("t")
        started = [
            await start_child(tree, [] if simple else spec.replace(id=n))  # type: ignore[arg-type]
            for n in range(children)
        ]
        for n, pid in enumerate(started):
            await Supervisor.terminate_child(tree, pid if simple else n)

    def run(children: int) -> Callable[[], Any]:
        return lambda: otp.testing.Scheduler().run(main, children)

    few, many = seconds_of(run(500), 3), seconds_of(run(5000), 1)
    assert many < 50 * few, "ten times as many; a list that is searched would take a hundred times as long"
