"""A restart or a stop waits for the cleanup of child tasks as long as the child spec allows.

Sleeps take virtual time.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

import otp
from loops import forever, turns
from otp import DynamicSupervisor, GenServer, Ok, Shared, Supervisor, impl
from otp.testing import Scheduler
from place_holders import Holder, Place, ended, holder


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Disable the log: the crashes are on purpose."""
    monkeypatch.setattr(logging.getLogger("otp"), "disabled", True)


@pytest.mark.parametrize(
    ("shutdown", "reason", "seconds"),
    [(2, "boom", 2.0), (2, "shutdown", 2.0), (7, "boom", 7.0), ("brutal_kill", "boom", 5.0), (2, "kill", 0.0)],
)
def test_a_restart_waits_as_long_as_the_spec_of_the_child_allows(shutdown: Any, reason: str, seconds: float) -> None:
    async def main() -> Any:
        place = Place()
        await Supervisor.start_link_children([holder(place, cleanup=None, shutdown=shutdown)])
        await turns()
        await ended("a", reason)
        await otp.node().wait_registered("a")
        return otp.monotonic(), list(place.log)

    assert Scheduler(inline=True).run(main) == (seconds, ["+a", "-a", ".a", "+a"])


def test_a_restart_waits_without_limit_where_the_spec_has_none() -> None:
    class Slow(Holder):
        @impl
        def init(self, arg: Any) -> Any:
            return Ok(asyncio.create_task(self.hold()))

        async def hold(self) -> None:
            try:
                await forever()
            finally:
                await asyncio.sleep(3600)

    async def main() -> float:
        await Supervisor.start_link_children([Slow.child_spec(None, name="slow", shutdown="infinity")])
        await turns()
        await ended("slow", "boom")
        await otp.node().wait_registered("slow")
        return otp.monotonic()

    assert Scheduler(inline=True).run(main) == 3600.0


@pytest.mark.parametrize("reason", ["boom", "kill"])
def test_a_restart_does_not_wait_for_a_task_that_cannot_be_ended(reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.unraisablehook", lambda _: None)
    is_over = asyncio.Event()

    class Immortal(Holder):
        @impl
        def init(self, arg: Any) -> Any:
            return Ok(asyncio.create_task(self.live()))

        async def live(self) -> None:
            while not is_over.is_set():
                try:
                    await is_over.wait()
                except BaseException:  # hostile on purpose
                    pass

    async def main() -> float:
        await Supervisor.start_link_children([Immortal.child_spec(None, name="immortal")])
        await turns()
        await ended("immortal", reason)
        await otp.node().wait_registered("immortal")
        is_over.set()
        await turns()
        return otp.monotonic()

    assert Scheduler(inline=True).run(main) == (0.0 if reason == "kill" else 5.0)


@pytest.mark.parametrize(("shutdown", "seconds"), [(2, 2.0), ("brutal_kill", 0.0)])
def test_a_stop_of_several_children_does_not_wait_for_tasks_that_cannot_be_ended(
    shutdown: Any, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.unraisablehook", lambda _: None)
    is_over = asyncio.Event()

    async def live() -> None:
        while not is_over.is_set():
            try:
                await is_over.wait()
            except BaseException:  # hostile on purpose
                pass

    class Immortal(Holder):
        @impl
        def init(self, arg: Any) -> Any:
            return Ok(asyncio.create_task(live()))

    async def main() -> float:
        supervisor = await DynamicSupervisor.start_link()
        for _ in range(3):
            await DynamicSupervisor.start_child(supervisor, Immortal.child_spec(None, shutdown=shutdown))
        await turns()
        try:
            await DynamicSupervisor.stop(supervisor)
        finally:
            is_over.set()
        await turns()
        return otp.monotonic()

    assert Scheduler(inline=True).run(main) == seconds


@pytest.mark.parametrize(("shutdown", "seconds"), [(2, 2.0), (7, 7.0), ("brutal_kill", 0.0)])
@pytest.mark.parametrize("all_at_once", [True, False])
def test_stopping_a_child_takes_no_longer_than_its_spec_allows(
    all_at_once: bool, shutdown: Any, seconds: float
) -> None:
    """The cleanup of the child and that of its tasks share one time limit."""

    class Slow(Holder):
        @impl
        def init(self, arg: Any) -> Any:
            otp.process_flag("trap_exit", True)
            return super().init(arg)

        @impl
        async def terminate(self, reason: Any, state: Any) -> None:
            await asyncio.sleep(1)

    async def main() -> Any:
        place = Place()
        spec = Slow.child_spec((Shared(place), "a", None), shutdown=shutdown)
        supervisor = await DynamicSupervisor.start_link()
        child: Any = await DynamicSupervisor.start_child(supervisor, spec)
        await turns()
        if all_at_once:
            await DynamicSupervisor.stop(supervisor)
        else:
            await DynamicSupervisor.terminate_child(supervisor, child)
        return otp.monotonic(), list(place.log)

    assert Scheduler(inline=True).run(main) == (seconds, ["+a", "-a", ".a"])


def test_stop_waits_no_longer_than_its_timeout_and_the_server_has_ended() -> None:
    async def main() -> Any:
        place = Place()
        server = await Holder.start((place, "a", None))
        await turns()
        await GenServer.stop(server, timeout=2)
        return otp.monotonic(), otp.is_alive(server), list(place.log)

    assert Scheduler(inline=True).run(main) == (2.0, False, ["+a", "-a"])


def test_a_cleanup_that_asks_its_own_supervisor_is_ended_by_the_time_limit() -> None:
    async def main() -> Any:
        async def hold(supervisor: otp.Pid) -> None:
            try:
                await forever()
            finally:
                await Supervisor.which_children(supervisor)

        class Asks(Holder):
            @impl
            def init(self, arg: Any) -> Any:
                return Ok(asyncio.create_task(hold(otp.process_info(otp.self(), "parent"))))

        spec = Asks.child_spec(None, name="asks", shutdown=3)
        await Supervisor.start_link_children([spec])
        await turns()
        await ended("asks", "boom")
        await otp.node().wait_registered("asks")
        return otp.monotonic()

    assert Scheduler(inline=True).run(main) == 3.0


@pytest.mark.parametrize(("shutdown", "seconds"), [(2, 2.0), (7, 7.0), ("infinity", 60.0), ("brutal_kill", 5.0)])
@pytest.mark.parametrize("supervisor", [Supervisor, DynamicSupervisor])
@pytest.mark.parametrize("restarted", [False, True])
def test_a_signal_leaves_the_cleanup_of_an_async_callback_as_long_as_the_spec_allows(
    supervisor: Any, restarted: bool, shutdown: Any, seconds: float
) -> None:
    """Regression: it had five seconds."""

    class Slow(GenServer[None]):
        @impl
        def init(self, arg: Any) -> Any:
            return Ok(None)

        @impl
        async def handle_cast(self, request: Any, state: None) -> Any:
            try:
                await forever()
            finally:
                await asyncio.sleep(60)

    async def main() -> float:
        spec = Slow.child_spec(None, name="slow", shutdown=shutdown)
        if supervisor is Supervisor:
            await Supervisor.start_link_children([spec])
        else:
            await DynamicSupervisor.start_child(await DynamicSupervisor.start_link(), spec)
        if restarted:
            await ended("slow", "kill")
            await otp.node().wait_registered("slow")
        GenServer.cast("slow", "begin")
        await turns()
        began = otp.monotonic()
        await ended("slow", "shutdown")
        return otp.monotonic() - began

    assert Scheduler(inline=True).run(main) == seconds


@pytest.mark.parametrize(("shutdown", "seconds"), [(2, 2.0), (7, 7.0)])
def test_the_tasks_of_a_child_that_is_not_restarted_have_the_time_of_its_spec(shutdown: Any, seconds: float) -> None:
    """Regression: they had five seconds, because no restart waited for them."""

    async def main() -> float:
        place = Place()
        await Supervisor.start_link_children([holder(place, cleanup=None, shutdown=shutdown, restart="temporary")])
        await turns()
        [task] = [each for each in asyncio.all_tasks() if "hold" in repr(each.get_coro())]
        await ended("a", "shutdown")
        await asyncio.wait([task])
        return otp.monotonic()

    assert Scheduler(inline=True).run(main) == seconds
