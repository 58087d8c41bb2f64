"""The ledger counts what supervisors do, exactly and in order."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

import otp
from otp import Children, ChildSpec, DynamicSupervisor, GenServer, Ok, Registry, Stop, Supervisor, impl
from otp.testing import Scheduler, advance, wait_all_idle
from superlearner.base.telemetry import Telemetry
from superlearner.observing.analytics import ANALYTICS, AnalyticsServer, Ledger, UnknownSupervisor
from superlearner.store import Restart

SEEDS = (1, 2, 3)


class Worker(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Any:
        return Ok(arg) if arg is None else arg()


class Sup(Supervisor):
    @impl
    def init(self, arg: Children) -> Children:
        return arg


def workers(prefix: str, count: int, **options: Any) -> list[ChildSpec]:
    return [Worker.child_spec(None, id=f"{prefix}{n}", name=f"{prefix}{n}", **options) for n in range(count)]


def children(*specs: ChildSpec, strategy: Any = "one_for_one", max_restarts: int = 1_000) -> Children:
    return Children(list(specs), strategy=strategy, max_restarts=max_restarts, max_seconds=5)


def watched(test: Callable[[Ledger], Any], seed: int = 1, **options: Any) -> Any:
    """Run a test in a node's first process, in virtual time, with a ledger."""

    async def main() -> Any:
        ledger = Ledger(**options)
        ledger.watch(otp.node())
        return await test(ledger)

    return Scheduler(seed=seed).run(main)


def restarts_of(ledger: Ledger, name: str) -> list[tuple[Any, ...]]:
    """Return the restart history, oldest first."""
    history = [(one.event_type, one.child_id, one.reason) for one in ledger.find(name).restart_history()]
    return history[::-1]


@pytest.mark.parametrize("seed", SEEDS)
def test_200_kills_in_a_burst_are_200_restarts_with_reasons_in_order(seed: int) -> None:
    async def test(ledger: Ledger) -> None:
        await Sup.start_link(children(*workers("w", 200)), name="shop")
        before = {n: otp.whereis(f"w{n}") for n in range(200)}
        for n in range(200):
            otp.exit(f"w{n}", f"reason {n}")
        await wait_all_idle()
        history = ledger.find("shop")
        restarts = list(history.restart_history())[::-1]
        assert history.total_restarts == 200 == len(restarts)
        order = [str(one.child_id)[1:] for one in restarts]
        assert sorted(order, key=int) == [str(n) for n in range(200)]
        for one, n in zip(restarts, order, strict=True):
            assert (one.event_type, one.reason) == ("restarted", f"reason {n}")
            assert (one.old_pid, one.child_pid) == tuple(str(pid).strip("<>") for pid in (before[int(n)], _now(n)))
        exits = [event for event in otp.trace.history(otp.node()) if event.kind == "child_terminated"]
        assert order == [
            event.data["id"][1:] for event in exits
        ]  # the order in which the supervisor received the exits

    def _now(n: str) -> Any:
        return otp.whereis(f"w{n}")

    watched(test, seed)


def test_200_kills_of_one_child_as_fast_as_it_comes_back_make_a_chain_without_a_gap() -> None:
    async def test(ledger: Ledger) -> None:
        await Sup.start_link(children(*workers("w", 1)), name="shop")
        for n in range(200):
            otp.exit("w0", f"reason {n}")
            await wait_all_idle()
        restarts = list(ledger.find("shop").restart_history())[::-1]
        assert [one.reason for one in restarts] == [f"reason {n}" for n in range(200)]
        assert [one.old_pid for one in restarts[1:]] == [one.child_pid for one in restarts[:-1]]

    watched(test)


@pytest.mark.parametrize("seed", SEEDS)
def test_two_supervisors_at_once_are_counted_each_for_itself(seed: int) -> None:
    async def test(ledger: Ledger) -> None:
        await Sup.start_link(children(*workers("a", 100)), name="one")
        await Sup.start_link(children(*workers("b", 100)), name="two")
        for n in range(100):
            otp.exit(f"a{n}", "killed by ada")
            otp.exit(f"b{n}", "killed by bob")
        await wait_all_idle()
        for name, prefix, reason in (("one", "a", "killed by ada"), ("two", "b", "killed by bob")):
            assert sorted(restarts_of(ledger, name)) == sorted(
                ("restarted", f"{prefix}{n}", reason) for n in range(100)
            )
        assert ledger.stats().total_restarts == 200

    watched(test, seed)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_service_killed_again_and_again_in_the_middle_of_a_storm_loses_nothing(seed: int) -> None:
    async def test(ledger: Ledger) -> None:
        service = AnalyticsServer.child_spec(ledger, id=ANALYTICS, name=ANALYTICS)
        await Sup.start_link(children(service), name="services")
        await Sup.start_link(children(*workers("w", 200)), name="shop")
        for n in range(200):
            otp.exit(f"w{n}", f"reason {n}")
            if n % 10 == 0:
                otp.exit(ANALYTICS, "kill")
                await wait_all_idle()
        await AnalyticsServer.sync("shop")
        history = await AnalyticsServer.get_restart_history("shop")
        assert sorted(str(one.reason) for one in history) == sorted(f"reason {n}" for n in range(200))
        own = await AnalyticsServer.get_restart_history("services")  # includes its own ends
        assert [(one.child_id, one.reason) for one in own] == [("analytics", "killed")] * 20

    watched(test, seed)


def test_the_same_storm_under_a_dynamic_supervisor_is_recorded_by_pids() -> None:
    async def test(ledger: Ledger) -> None:
        await DynamicSupervisor.start_link(name="orders", max_restarts=1_000)
        pids = [await DynamicSupervisor.start_child("orders", Worker.child_spec(None)) for _ in range(200)]
        for pid in pids:
            otp.exit(pid, "kill")
        await wait_all_idle()
        restarts = list(ledger.find("orders").restart_history())[::-1]
        assert sorted(str(one.old_pid) for one in restarts) == sorted(str(pid).strip("<>") for pid in pids)
        assert {(one.event_type, one.child_id, one.reason) for one in restarts} == {("restarted", None, "killed")}

    watched(test)


def test_restarts_along_are_kept_apart_from_restarts_after_a_failure() -> None:
    async def test(ledger: Ledger) -> None:
        await Sup.start_link(children(*workers("a", 3), strategy="one_for_all"), name="all")
        await Sup.start_link(children(*workers("r", 3), strategy="rest_for_one"), name="rest")
        otp.exit("a1", "boom")
        otp.exit("r1", "boom")
        await wait_all_idle()
        along = "restarted_along"
        assert restarts_of(ledger, "all") == [
            (along, "a0", "shutdown"),
            ("restarted", "a1", "boom"),
            (along, "a2", "shutdown"),
        ]
        assert restarts_of(ledger, "rest") == [("restarted", "r1", "boom"), (along, "r2", "shutdown")]
        assert ledger.find("all").total_restarts == 1

    watched(test)


def test_a_give_up_is_the_last_entry_and_the_next_supervisor_of_the_name_continues_the_history() -> None:
    async def test(ledger: Ledger) -> None:
        shop = Sup.child_spec(children(*workers("w", 1), max_restarts=2), id="shop", name="shop")
        await Sup.start_link(children(shop), name="top")
        for n in range(4):
            otp.exit("w0", f"reason {n}")
            await wait_all_idle()
        assert restarts_of(ledger, "shop") == [
            ("restarted", "w0", "reason 0"),
            ("restarted", "w0", "reason 1"),
            ("gave_up", "w0", "reason 2"),
            ("restarted", "w0", "reason 3"),
        ]
        assert restarts_of(ledger, "top") == [("restarted", "shop", "shutdown")]
        entries = list(ledger.find("shop").restart_history())
        assert entries[0].supervisor_pid != entries[1].supervisor_pid == entries[2].supervisor_pid

    watched(test)


def test_children_that_end_for_good_are_in_the_history_too() -> None:
    async def test(ledger: Ledger) -> None:
        await Sup.start_link(children(*workers("t", 1, restart="temporary"), *workers("w", 1)), name="shop")
        otp.exit("t0", "boom")
        await wait_all_idle()
        await Supervisor.terminate_child("shop", "w0")
        await Supervisor.restart_child("shop", "w0")
        history = [(one.event_type, one.child_id) for one in ledger.find("shop").entries()][::-1]
        assert history == [
            ("started", "t0"), ("started", "w0"), ("terminated", "t0"), ("stopped", "w0"), ("started", "w0"),
        ]  # fmt: skip
        assert restarts_of(ledger, "shop") == []

    watched(test)


def test_failed_attempts_are_recorded_and_the_recovery_is_measured_to_the_end() -> None:
    fails = [False, True, True, False]

    def init() -> Any:
        return Stop("no disk") if fails.pop(0) else Ok(None)

    async def test(ledger: Ledger) -> None:
        spec = Worker.child_spec(init, id="w", name="w")
        await Sup.start_link(children(spec), name="shop")
        otp.exit("w", "boom")
        await wait_all_idle()
        assert restarts_of(ledger, "shop") == [
            ("restart_failed", "w", "no disk"),
            ("restart_failed", "w", "no disk"),
            ("restarted", "w", "boom"),
        ]
        history = ledger.find("shop")
        assert (history.recoveries, history.attempts.total) == (1, 3)

    watched(test)


def test_a_supervisor_that_gave_up_is_described_with_the_names_of_children_and_not_their_ids() -> None:
    """Regression: "it could not restart Mailer" for the child that all other lists call mailer."""
    down: list[str] = []

    def init() -> Any:
        return Stop("no relay") if down else Ok(None)

    async def test(ledger: Ledger) -> None:
        mailer = Worker.child_spec(init, id="Mailer", name="mailer")
        await Sup.start_link(
            children(Sup.child_spec(children(mailer), id="Office", name="office", restart="temporary")), name="top"
        )
        late = Ledger()  # it reads what has happened
        down.append("relay")
        otp.exit("mailer", "boom")
        await wait_all_idle()
        late.watch(otp.node())
        for one in (ledger, late):
            assert one.find("office").names == {"Mailer": "mailer"}
        late.close()
        assert ledger.find("top").names == {"Office": "office"}

    watched(test)


def test_a_child_in_a_registry_has_the_name_that_all_lists_show() -> None:
    """Regression: a give-up said `w1` of the process that is `Worker w1` elsewhere."""

    async def test(ledger: Ledger) -> None:
        await Registry.start_link(keys="unique", name="places")
        spec = Worker.child_spec(lambda: Ok(None), id="w1", name=Registry.via("places", "w1"))
        top = children(Sup.child_spec(children(spec), id="pool", name="pool", restart="temporary"))
        await Sup.start_link(top, name="top")
        late = Ledger()
        (worker,) = [one.pid for one in await Supervisor.which_children("pool")]
        otp.exit(worker, "boom")
        await wait_all_idle()
        late.watch(otp.node())
        for one in (ledger, late):
            assert one.find("pool").names == {"w1": "Worker w1"}
        late.close()

    watched(test)


def test_the_recovery_of_a_child_that_is_slow_to_start_is_its_whole_time() -> None:
    class Slow(GenServer[Any]):
        @impl
        async def init(self, arg: Any) -> Ok[Any]:
            otp.send_after(3, self.pid, "ready")
            await otp.receive(otp.Is("ready"))
            return Ok(None)

    async def test(ledger: Ledger) -> None:
        await Sup.start_link(children(Slow.child_spec(None, id="s", name="s")), name="shop")
        otp.exit("s", "boom")
        await advance(3)
        trend = ledger.trend(ledger.find("shop"))
        assert (trend.mean_recovery_s, trend.longest_recovery_s) == (3.0, 3.0)

    watched(test)


def test_the_trend_uses_the_current_budget_of_the_supervisor() -> None:
    async def test(ledger: Ledger) -> None:
        await Sup.start_link(children(*workers("w", 1), max_restarts=3), name="shop")
        history = ledger.find("shop")
        assert ledger.trend(history).outlook == "quiet"
        for _ in range(2):
            otp.exit("w0", "boom")
            await advance(1)
        trend = ledger.trend(history)
        assert (trend.outlook, trend.seconds_to_give_up, trend.now.restarts) == ("gives_up", 1.0, 2)
        await advance(60)
        assert ledger.trend(history).now.restarts == 0
        assert ledger.trend(history).direction == "falling"
        assert ledger.trend(history).outlook == "quiet"

    watched(test)


class Remembers:
    def __init__(self) -> None:
        self.rows: list[Restart] = []

    def append_restarts(self, rows: Any) -> int:
        self.rows += rows
        return len(self.rows)


def test_restarts_and_crashes_are_stored_at_once() -> None:
    async def test(ledger: Ledger) -> None:
        await Sup.start_link(children(*workers("w", 2), max_restarts=1), name="shop")
        await Supervisor.terminate_child("shop", "w1")
        otp.process_flag("trap_exit", True)
        otp.exit("w0", "boom")
        await wait_all_idle()
        otp.exit("w0", "bang")
        await wait_all_idle()

    store = Remembers()
    watched(test, store=store)
    assert [(row.supervisor, row.event, row.child, row.reason) for row in store.rows] == [
        ("shop", "terminated", "w0", "boom"),
        ("shop", "restarted", "w0", "boom"),
        ("shop", "terminated", "w0", "bang"),
        ("shop", "gave_up", "w0", "bang"),
    ]
    assert store.rows[1].old_pid == store.rows[0].old_pid != store.rows[1].new_pid == store.rows[2].old_pid


def test_telemetry_receives_each_restart_and_give_up() -> None:
    async def test(ledger: Ledger) -> None:
        otp.process_flag("trap_exit", True)
        await Sup.start_link(children(*workers("w", 1), max_restarts=1), name="shop")
        for n in range(2):
            otp.exit("w0", f"reason {n}")
            await wait_all_idle()

    telemetry, received = Telemetry(), []
    telemetry.attach(lambda event, measured, who: received.append((event, dict(measured), who["child"], who["reason"])))
    watched(test, telemetry=telemetry)
    assert received == [
        ("supervisor.restarted", {"recovery": 0.0}, "w0", "reason 0"),
        ("supervisor.gave_up", {}, "w0", "reason 1"),
    ]


def test_a_change_of_strategy_is_in_the_history_and_the_trend_uses_the_new_budget() -> None:
    async def test(ledger: Ledger) -> None:
        await Sup.start_link(children(*workers("w", 1)), name="shop")
        await Supervisor.change_flags("shop", strategy="rest_for_one", max_restarts=7)
        (newest, *_) = ledger.find("shop").entries()
        assert (newest.event_type, newest.crash) == ("strategy_changed", False)
        assert newest.reason == "rest_for_one, at most 7 restarts in 5 s"
        history = ledger.find("shop")
        ledger.trend(history)
        assert (history.allowed, history.window_s) == (7, 5)

    watched(test)


def test_an_internal_error_is_counted_and_logged_and_the_next_event_is_processed(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(ledger: Ledger) -> None:
        await Sup.start_link(children(*workers("w", 1)), name="shop")
        with monkeypatch.context() as patched:
            patched.setattr("superlearner.observing.analytics.ledger.apply", lambda *_: 1 / 0)
            otp.exit("w0", "lost")
            await wait_all_idle()
        otp.exit("w0", "counted")
        await wait_all_idle()
        assert restarts_of(ledger, "shop") == [("restarted", "w0", "counted")]
        assert ledger.stats().missed_events == 2

    watched(test)
    assert "this is a bug in SuperLearner" in caplog.text


def test_ended_supervisors_are_kept_for_ten_minutes() -> None:
    async def test(ledger: Ledger) -> None:
        await AnalyticsServer.start_link(ledger, name=ANALYTICS)
        shop = await Sup.start_link(children(*workers("w", 1)), name="shop")
        otp.exit("w0", "boom")
        await wait_all_idle()
        await Supervisor.stop(shop)
        await advance(500)
        assert restarts_of(ledger, "shop") == [("restarted", "w0", "boom")]
        stats = await AnalyticsServer.get_all_supervisor_stats()
        assert [(one.supervisor_name, one.alive) for one in stats.supervisor_stats] == [("shop", False)]
        assert (await AnalyticsServer.get_trend("shop")).outlook == "ended"
        await advance(200)
        with pytest.raises(UnknownSupervisor, match="expected a known supervisor, got 'shop'"):
            await AnalyticsServer.get_restart_history("shop")
        stats = await AnalyticsServer.get_all_supervisor_stats()
        assert (stats.total_supervisors, stats.total_restarts) == (0, 1)

    watched(test)


def test_a_supervisor_that_gave_up_is_kept_until_it_runs_again() -> None:
    """Regression: it was forgotten after ten minutes, and with it the outage."""

    async def test(ledger: Ledger) -> None:
        await AnalyticsServer.start_link(ledger, name=ANALYTICS)
        otp.process_flag("trap_exit", True)
        await Sup.start_link(children(*workers("w", 1), max_restarts=0), name="shop")
        otp.exit("w0", "boom")
        await wait_all_idle()
        await advance(700)
        assert (await AnalyticsServer.get_trend("shop")).outlook == "ended"
        assert ledger.find("shop").is_down
        await Sup.start_link(children(*workers("w", 1)), name="shop")
        await wait_all_idle()
        ledger.sample()
        assert not ledger.find("shop").is_down

    watched(test)


@pytest.mark.parametrize("name", ["annex", None], ids=["with a name", "with an id only"])
def test_a_ledger_that_begins_late_has_the_same_outages_as_one_that_has_watched(name: str | None) -> None:
    """Regression: a service was attached after a supervisor had given up, and Start said that nothing is wrong."""

    async def test(ledger: Ledger) -> None:
        spec = Sup.child_spec(children(*workers("w", 1), max_restarts=1), id="annex", name=name, restart="temporary")
        street = await Sup.start_link(children(spec), name="street")
        for _ in range(2):
            otp.exit("w0", "boom")
            await wait_all_idle()
        late = Ledger()
        late.watch(otp.node())
        for one in (ledger, late):
            one.sample()
            [down] = [history for history in one.book.histories.values() if history.is_down]
            assert (down.name, down.place) == (name, None if name else "street/annex")
            assert down.total_restarts == one.book.total_restarts == 1
            assert [entry.event_type for entry in down.restart_history()] == ["gave_up", "restarted"]
        await Supervisor.start_child(street, spec)
        later = Ledger()
        later.watch(otp.node())
        for one in (ledger, late, later):
            one.sample()
            assert not any(history.is_down for history in one.book.histories.values())

    watched(test)


@pytest.mark.parametrize("name", ["lane", None], ids=["with a name", "with an id only"])
def test_a_ledger_that_begins_late_knows_a_give_up_after_which_its_supervisor_runs_again(name: str | None) -> None:
    """Regression: a give-up while the platform was away was in the list of restarts, but was no problem."""

    async def test(ledger: Ledger) -> None:
        spec = Sup.child_spec(children(*workers("w", 1), max_restarts=1), id="lane", name=name)
        await Sup.start_link(children(spec), name="street")
        for _ in range(3):
            otp.exit("w0", "boom")
            await wait_all_idle()
        late = Ledger()
        late.watch(otp.node())
        for one in (ledger, late):
            one.sample()
            [lane] = [history for history in one.book.histories.values() if history.count("gave_up")]
            assert (lane.name, lane.place) == (name, None if name else "street/lane")
            kinds = [entry.event_type for entry in lane.restart_history()]
            assert kinds == ["restarted", "gave_up", "restarted"]
            assert (lane.total_restarts, lane.incarnations, lane.is_down) == (2, 2, False)
            assert len(lane.attempts.newest(0)) == 1

    watched(test)


def test_many_supervisors_that_come_and_go_do_not_fill_the_memory() -> None:
    async def test(ledger: Ledger) -> None:
        for _ in range(3_000):
            pid = await Sup.start_link(children(Worker.child_spec(None)))
            await Supervisor.stop(pid)
        assert len(ledger.book.histories) <= 1_001
        assert len(ledger.book.by_pid) == len(ledger.book.histories)
        ledger.sample()
        assert len(ledger.book.histories) == 200

    watched(test)


def test_samples_are_taken_every_scan_interval_and_only_they_are() -> None:
    async def test(ledger: Ledger) -> None:
        await AnalyticsServer.start_link(ledger, name=ANALYTICS)
        await Sup.start_link(children(*workers("w", 3)), name="shop")
        await advance(0.9)
        otp.exit("w0", "boom")
        await advance(0.2)
        assert ledger.find("shop").total_restarts == 1
        assert [(one.children, one.restarts) for one in ledger.find("shop").samples] == [(3, 0), (3, 1)]
        await advance(1_000)
        assert len(ledger.find("shop").samples) == 150

    watched(test, scan_interval=0.5)


def test_a_supervisor_that_ran_before_is_known_and_begins_with_nothing() -> None:
    async def test(_: Ledger) -> None:
        await Sup.start_link(children(*workers("w", 1)), name="shop")
        later = Ledger()
        later.watch(otp.node())
        assert later.find("shop").total_restarts == 0
        later.close()
        otp.exit("w0", "boom")
        await wait_all_idle()
        assert later.find("shop").total_restarts == 0

    watched(test)


def test_the_cost_per_event_for_a_supervisor_is_bounded() -> None:
    """Measured in processor time: 20,000 events, at most 0.2 ms each."""

    class Event:
        def __init__(self, seq: int, kind: str, pid: Any, **data: Any) -> None:
            self.seq, self.kind, self.pid, self.data, self.at, self.cause = seq, kind, pid, data, seq, seq

    async def test(ledger: Ledger) -> None:
        me, old = otp.self(), otp.spawn(lambda: None)
        reason = otp.Crash(("boom", [1, 2, 3]), ())
        budget = {"strategy": "one_for_one", "used": 1, "allowed": 3, "window": 5, "group": (), "along": False}
        events: list[Any] = []
        for n in range(10_000):
            events.append(Event(n, "child_terminated", me, id="w", child=old, reason=reason, by="exit"))
            budget["restarts"] = n + 1
            events.append(Event(n, "child_restarted", me, id="w", child=old, old=old, reason=reason, **budget))
        begun = time.process_time()
        for event in events:
            ledger.on_event(event)
        took = time.process_time() - begun
        assert ledger.missed == 0
        assert ledger.stats().total_restarts == 10_000
        assert took / len(events) < 0.0002

    watched(test)


def test_detailed_logging_writes_a_line_for_each_entry(caplog: pytest.LogCaptureFixture) -> None:
    async def test(ledger: Ledger) -> None:
        await Sup.start_link(children(*workers("w", 1)), name="shop")
        otp.exit("w0", "boom")
        await wait_all_idle()

    with caplog.at_level("INFO", "superlearner.observing.analytics"):
        watched(test, detailed=True)
    lines = [
        record.getMessage() for record in caplog.records if record.name.startswith("superlearner.observing.analytics")
    ]
    assert [line.split()[1] for line in lines if line.startswith("shop:")][:3] == ["started", "terminated", "restarted"]
