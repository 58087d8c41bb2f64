"""The service `analytics`, with the function names of the original."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import otp
from otp import Children, GenServer, Ok, Supervisor, impl
from otp.testing import Scheduler, advance
from superlearner.observing.analytics import ANALYTICS, AnalyticsServer, Ledger, UnknownSupervisor


class Worker(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Ok[Any]:
        return Ok(arg)


class Sup(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        return Children([Worker.child_spec(None, id="w", name="w")], max_restarts=100)


def served(test: Callable[[otp.Pid], Any]) -> Any:
    async def main() -> Any:
        ledger = Ledger()
        ledger.watch(otp.node())
        await AnalyticsServer.start_link(ledger, name=ANALYTICS)
        return await test(await Sup.start_link(None, name="shop"))

    return Scheduler(seed=1).run(main)


def test_after_sync_all_earlier_events_of_the_supervisor_are_counted() -> None:
    async def test(shop: otp.Pid) -> None:
        for n in range(10):
            otp.exit("w", f"reason {n}")
            await AnalyticsServer.sync(shop)
            (newest, *_) = await AnalyticsServer.get_restart_history(shop)
            assert newest.reason == f"reason {n}"
        await AnalyticsServer.sync()

    served(test)


def test_sync_with_a_missing_supervisor_fails() -> None:
    async def test(_: otp.Pid) -> None:
        with pytest.raises(otp.NoProcess):
            await AnalyticsServer.sync("nobody")

    served(test)


@pytest.mark.parametrize("form", [lambda pid: pid, str, lambda pid: str(pid).strip("<>"), lambda _: "shop"])
def test_a_supervisor_is_named_by_pid_text_or_name(form: Callable[[otp.Pid], Any]) -> None:
    async def test(shop: otp.Pid) -> None:
        otp.exit("w", "boom")
        await AnalyticsServer.sync(shop)
        assert len(await AnalyticsServer.get_restart_history(form(shop))) == 1

    served(test)


def test_the_failure_rate_is_that_of_the_window() -> None:
    async def test(shop: otp.Pid) -> None:
        for _ in range(3):
            otp.exit("w", "boom")
            await advance(10)
        rate = await AnalyticsServer.get_failure_rate(shop, 25_000)
        assert (rate.restarts, rate.rate, rate.window_ms) == (2, 0.08, 25_000)

    served(test)


def test_a_baseline_keeps_the_figures_of_its_time() -> None:
    async def test(shop: otp.Pid) -> None:
        otp.exit("w", "boom")
        await AnalyticsServer.sync(shop)
        baseline = await AnalyticsServer.establish_baseline(shop)
        assert (baseline.restarts, baseline.gave_up) == (1, 0)

    served(test)


def test_only_supervisors_can_be_registered_and_none_needs_to_be() -> None:
    async def test(shop: otp.Pid) -> None:
        await AnalyticsServer.register_supervisor(shop)
        with pytest.raises(UnknownSupervisor, match="expected a running supervisor"):
            await AnalyticsServer.register_supervisor("w")
        with pytest.raises(UnknownSupervisor):
            await AnalyticsServer.get_failure_rate("w")
        stats = await AnalyticsServer.get_all_supervisor_stats()
        assert [one.supervisor_name for one in stats.supervisor_stats] == ["shop"]

    served(test)


class Raises:
    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    __hash__ = object.__hash__


@pytest.mark.parametrize("nonsense", [Raises(), ("sync", 1, 2), (Raises(), Raises()), None, "sample", ("x",)])
def test_unknown_messages_are_ignored(nonsense: Any) -> None:
    async def test(shop: otp.Pid) -> None:
        service = otp.whereis(ANALYTICS)
        otp.send(ANALYTICS, nonsense)
        assert (await GenServer.call(ANALYTICS, nonsense))[0] == "error"
        assert otp.whereis(ANALYTICS) is service

    served(test)
