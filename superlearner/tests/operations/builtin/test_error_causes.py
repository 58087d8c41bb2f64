"""Restarts in the answer of `error.why`: their number, and why supervisors gave up."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

import otp
from asked_sandboxes import OWNER
from otp import Agent, Children, GenServer, Ok, Stop, Supervisor, impl
from superlearner.control.clock import time_text
from superlearner.control.terms import plain_pid
from superlearner.nodes.nodes import Absence
from superlearner.observing.monitoring.facts import AnomalyFinding, Incident, TimedOut
from superlearner.operations.builtin import error_causes, restart_lines
from superlearner.operations.builtin.restart_loops import FAILED_START
from superlearner.restarts.ids import run_of
from superlearner.store import MomentRow

Inside = Callable[..., Any]
GONE = "shop@127.0.0.1"
AT = "/api/v1/processes/counter_1"


async def crash(platform: Any) -> None:
    GenServer.cast(("counter_1", platform.node), "crash")
    await Supervisor.count_children(("demo_one_for_one", platform.node))
    await platform.call("counter_1", "get_value")


class Press(GenServer):
    down: ClassVar[list[str]] = []

    @impl
    def init(self, arg):
        return Stop("no relay") if self.down else Ok(arg)


class Office(Supervisor):
    @impl
    def init(self, arg):
        return Children([Press.child_spec(0, id="Press", name="press")], max_restarts=1)


class Ship(Supervisor):
    @impl
    def init(self, arg):
        return Children([Office.child_spec(0, id="Office", name="office")], max_restarts=1)


@pytest.mark.operation("error.why")
@pytest.mark.parametrize("asked", ["press", "office", "ship"])
def test_a_give_up_after_failed_starts_is_explained_from_the_crash_on(inside: Inside, asked: str) -> None:
    """Regression: the chain ended at the last failed start: "press crashed: …, in init; it is not running"."""

    async def test(platform: Any) -> None:
        ship = await platform.node.start(Ship, None, name="ship")
        Press.down.append("paper")
        try:
            otp.exit(platform.node.whereis("press"), "a bug")
            await otp.wait_down(ship)
        finally:
            Press.down.clear()
        summary = (await platform.get(f"/api/v1/processes/{asked}/errors/why"))["data"]["summary"]
        first, *others = summary.split("\n")
        assert first.startswith("press <")
        assert first.endswith("> crashed: a bug, by a signal from outside")
        for supervisor in ("office", "ship"):
            assert any(one.startswith(f"{supervisor} gave up: ") for one in others)
        assert others[-1] in (f"{asked} is not running", "it is not running")

    inside(test)


class Yard(Supervisor):
    @impl
    def init(self, arg):
        children = [Patient.child_spec(0, id="Patient", name="patient"), Press.child_spec(0, id="Press", name="press")]
        return Children(children, max_restarts="infinity")


@pytest.mark.operation("error.why")
def test_a_process_whose_start_fails_again_and_again_is_not_just_not_running(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        yard = await platform.node.start(Yard, None, name="yard")
        failed = platform.node.subscribe(
            lambda event: event.data["attempts"] == 2 and done.set(), kinds={"restart_failed"}
        )
        done = asyncio.Event()
        Press.down.append("paper")
        try:
            otp.exit(platform.node.whereis("press"), "a bug")
            await done.wait()
            why = (await platform.get("/api/v1/processes/press/errors/why"))["data"]
        finally:
            Press.down.clear()
            failed.close()
        assert re.search(r"\nyard is restarting press, after [\d,]+ failed attempts$", why["summary"])
        assert (why["alive"], why["restarted"]) == (False, None)
        assert otp.is_alive(yard)

    inside(test)


class Worker(GenServer[int]):
    @impl
    def init(self, arg):
        return Ok(arg)


class Patient(Supervisor):
    @impl
    def init(self, arg):
        return Children([Worker.child_spec(0, id="worker", name="worker")], max_restarts=100, max_seconds=60)


@pytest.mark.operation("error.why")
def test_a_crash_loop_is_told_with_its_number_of_restarts(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        await platform.node.start(Patient, None, name="patient")
        for count in range(1, 7):
            ended = platform.node.whereis("worker")
            otp.exit(ended, "kill" if count == 1 else "broken")
            await otp.wait_down(ended)
            await Supervisor.count_children(("patient", platform.node))
            why = (await platform.get("/api/v1/processes/worker/errors/why"))["data"]
            summary, repeats = why["summary"], why["repeats"]
            assert (" times" in summary) is (count > 4)
        took = max(1, round(repeats["until"] - repeats["since"]))
        since = rf"since \d\d:\d\d:\d\d, within {took} s"
        told = rf"\nworker was restarted 6 times {since}, after 5 crashes and 1 kill; 5 of them for this reason$"
        assert re.search(told, summary), summary

    inside(test)


@pytest.mark.operation("error.why", "restart.list", "error.history")
def test_kills_on_request_count_in_the_number_of_restarts(inside: Inside, tmp_path: Path) -> None:
    """Regression: of 11 restarts, two of them after kills, the summary told 9, and counted 11 in "of the newest"."""

    async def test(platform: Any) -> None:
        await platform.node.start(Patient, None, name="patient")
        for reason in ("broken", "broken", "killed", "broken", "killed", "broken", "other"):
            ended = platform.node.whereis("worker")
            if reason == "killed":
                await platform.client.delete("/api/v1/processes/worker", headers=OWNER)
            else:
                otp.exit(ended, reason)
            await otp.wait_down(ended)
            await Supervisor.count_children(("patient", platform.node))
        path = "/api/v1/processes/worker/errors"
        for _ in range(2):  # from memory, then from what is stored
            why = (await platform.get(f"{path}/why"))["data"]
            numbers = {one: why["repeats"][one] for one in ("count", "crashes", "kills", "alike", "of")}
            assert numbers == {"count": 7, "crashes": 5, "kills": 2, "alike": 1, "of": 7}
            assert re.search(r"\nworker was restarted 7 times since .*, after 5 crashes and 2 kills$", why["summary"])
            platform.platform.moments.catch_up()
            await platform.platform.store.sync()
        listed = (await platform.get("/api/v1/restarts", params={"process": "worker", "fold": "false"}))["data"]
        assert len(listed) == len((await platform.get(path))["data"]) == 7

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("error.why")
def test_restarts_by_an_earlier_supervisor_process_count_for_their_reason(inside: Inside) -> None:
    """Regression: of five equal crashes, it told that the newest 2 were for this reason, and "1 times" of another."""

    async def test(platform: Any) -> None:
        at = 1_600_000_000.0
        line = "worker crashed and was restarted"
        earlier = MomentRow(platform.node.name, "9f3a0c1b22d4", 1, 1, at, at, line, 1, "")
        platform.platform.moments._add(earlier)
        for _ in range(2):
            patient = await platform.node.start(Patient, None, name="patient")
            for _ in range(3):
                ended = platform.node.whereis("worker")
                otp.exit(ended, "broken")
                await otp.wait_down(ended)
                await Supervisor.count_children(patient)
            why = (await platform.get("/api/v1/processes/worker/errors/why"))["data"]
            otp.exit(patient, "kill")
            await otp.wait_down(patient)
        summary = why["summary"]
        assert re.search(
            r"\nworker was restarted 6 times for this reason since [\d:]+, within 1 s\n"
            r"worker was restarted once before this run of its program, not counting restarts with a sibling$",
            summary,
        ), summary

    inside(test)


class Twins(Supervisor):
    @impl
    def init(self, arg):
        twins = [Worker.child_spec(0, id=name, name=name) for name in ("castor", "pollux")]
        return Children(twins, strategy="one_for_all", max_restarts=100, max_seconds=60)


@pytest.mark.operation("error.why", "tree.show")
def test_restarts_with_a_sibling_are_counted_beside_those_of_the_process_itself(inside: Inside) -> None:
    """Regression: they were left out, as were the ends that the supervisor found while it handled another one."""

    async def test(platform: Any) -> None:
        twins = await platform.node.start(Twins, None, name="twins")
        for together in (("castor",), ("pollux",), ("castor",), ("pollux",), *[("pollux", "castor")] * 4):
            ended = [platform.node.whereis(name) for name in together]
            for one in ended:
                otp.exit(one, "broken")
            for one in ended:
                await otp.wait_down(one)
            await Supervisor.count_children(twins)
        why = (await platform.get("/api/v1/processes/castor/errors/why"))["data"]
        counts = {one: why["repeats"][one] for one in ("name", "count", "crashes", "alike", "with_siblings")}
        name = counts.pop("name")
        assert counts == {"count": 6, "crashes": 6, "alike": 6, "with_siblings": 2}
        told = rf"\n{name} was restarted 6 times for this reason since [\d:]+, within 1 s; twice more with a sibling$"
        assert re.search(told, why["summary"]), why["summary"]
        drawn = (await platform.get("/api/v1/system/process-tree?root=twins&format=text"))["data"]["drawing"]["text"]
        assert drawn.count("(permanent, 6 restarts + 2 with siblings)") == 2, drawn

    inside(test)


@pytest.mark.operation("error.why")
def test_a_crash_loop_names_the_message_that_crashes_the_process_most_of_the_time(inside: Inside) -> None:
    class Pricing(GenServer):
        @impl
        def init(self, arg):
            return Ok(arg)

        @impl
        def handle_cast(self, request, state):
            return 1 // 0

    class Shop(Supervisor):
        @impl
        def init(self, arg):
            return Children([Pricing.child_spec(0, id="pricing", name="pricing")], max_restarts=100, max_seconds=60)

    async def test(platform: Any) -> None:
        await platform.node.start(Shop, None, name="prices")
        told = []
        for request in [("price", 12)] * 5 + [("price", 13), ("price", 14), ("price", 15)]:
            ended = platform.node.whereis("pricing")
            GenServer.cast(("pricing", platform.node), request)
            await otp.wait_down(ended)
            await Supervisor.count_children(("prices", platform.node))
            told.append((await platform.get("/api/v1/processes/pricing/errors/why"))["data"]["summary"])
        assert re.search(r" 5 times for this reason since [\d:]+, within 1 s, each time while", told[4])
        assert re.search(r" 6 times for this reason since [\d:]+, within 1 s, 5 times while", told[5])
        assert told[5].endswith(" while it handled ('price', 12)")
        assert re.search(r" 8 times for this reason since [\d:]+, within 1 s$", told[7])

    inside(test)


@pytest.mark.operation("error.why")
def test_restarts_that_have_left_the_memory_are_counted_from_the_store(inside: Inside, tmp_path: Path) -> None:
    """Regression: a storm of 1,000 crashes was 137 restarts; then those of ended runs counted as of this one."""
    begun = datetime.now() - timedelta(days=2)

    def describe(seconds: float) -> str:
        at = datetime.fromtimestamp(begun.timestamp() + seconds)
        return f"{at.day} {at:%B %H:%M:%S}"

    async def test(platform: Any) -> None:
        def row(line: str, count: int, seconds: float, run: str = "9f3a0c1b22d4") -> MomentRow:
            at = since + seconds
            return MomentRow(platform.node.name, run, count, count, at, at, line, count, "")

        store, since = platform.platform.store, begun.timestamp()
        store.append_moment(row("counter_1 crashed and was restarted 998 times more", 998, 0))
        store.append_moment(row("counter_1 was killed and restarted 40 times more", 40, 1))
        store.append_moment(row("counter_1 was restarted on request 30 times more", 30, 2))
        store.append_moment(row("counter_2 crashed and was restarted 20 times more", 20, 3))
        await store.sync()
        earlier = (await platform.get(f"{AT}/errors/why"))["data"]["earlier"]
        last = f"before it, at {describe(2)}: counter_1 was restarted on request 30 times more"
        before = (
            "counter_1 was restarted 1,068 times before this run of its program, not counting restarts with a sibling"
        )
        shows = "`superlearner restart list --process counter_1` lists what is stored about it"
        assert earlier.endswith(f"\n{last}\n{before}\n{shows}")
        await crash(platform)
        why = (await platform.get(f"{AT}/errors/why"))["data"]
        assert why["summary"].endswith(f"\n{before}")
        line = "counter_1 crashed and was restarted 498 times more"
        store.append_moment(row(line, 498, 3600, run_of(platform.node)))
        await crash(platform)
        why = (await platform.get(f"{AT}/errors/why"))["data"]
        assert why["summary"].endswith(
            f"\ncounter_1 was restarted 500 times since {describe(3600)}; the newest 2 for this reason\n{before}"
        )
        repeats = why["repeats"]
        assert (repeats["count"], repeats["before"], repeats["alike"]) == (500, 1068, 2)

    inside(test, data_dir=tmp_path)


class Lobby(Supervisor):
    @impl
    def init(self, arg):
        names = ("porter", "guest")
        return Children([Press.child_spec(0, id=one, name=one) for one in names], max_restarts=0)


@pytest.mark.operation("error.why")
def test_a_give_up_of_an_earlier_run_is_told_by_what_it_did_to_the_process(inside: Inside, tmp_path: Path) -> None:
    """Regression: the answer named the supervisor that had given up, and not what became of this process."""

    async def before(platform: Any) -> None:
        lobby = await platform.node.start(Lobby, None, name="lobby")
        otp.exit(platform.node.whereis("porter"), "a bug")
        await otp.wait_down(lobby)
        platform.platform.moments.catch_up()

    async def after(platform: Any) -> None:
        await platform.node.start(Lobby, None, name="lobby")
        told: dict[str, str] = {}
        for one in ("porter", "guest", "lobby"):
            told[one] = (await platform.get(f"/api/v1/processes/{one}/errors/why"))["data"]["earlier"] or ""
        fell = r"not restarted in this run of its program\nbefore it, at [\d:]+: lobby gave up: .*\n"
        assert re.match(f"{fell}porter was not restarted then\n`", told["porter"])
        assert re.match(f"{fell}guest ended with it\n`", told["guest"])
        assert " ended with it" not in told["lobby"]

    inside(before, data_dir=tmp_path)
    inside(after, data_dir=tmp_path)


@pytest.mark.operation("error.why")
def test_a_stored_restart_has_the_time_of_its_cause(inside: Inside, tmp_path: Path) -> None:
    """Regression: it had the time at which its start was over, 11 s after the crash that every other answer dates."""

    async def test(platform: Any) -> None:
        at = time.time() - 60
        row = MomentRow(platform.node.name, "9f3a0c1b22d0", 9, 9, at, at + 11, "counter_1 crashed and was restarted")
        platform.platform.moments._add(row)
        earlier = (await platform.get(f"{AT}/errors/why"))["data"]["earlier"]
        assert f"at {datetime.fromtimestamp(at):%H:%M:%S}: counter_1 crashed" in earlier

    inside(test, data_dir=tmp_path)


class Wing(Supervisor):
    @impl
    def init(self, arg):
        return Children([Press.child_spec(0, id="waiter", name="waiter")], max_restarts=1)


class House(Supervisor):
    @impl
    def init(self, arg):
        return Children([Wing.child_spec(None, id="wing", name="wing")], max_restarts=100, max_seconds=60)


@pytest.mark.operation("error.why")
def test_restarts_with_a_supervisor_that_gave_up_are_told_apart(inside: Inside, tmp_path: Path) -> None:
    """Regression: `error why` said "restarted 23 times" of a child that the tree showed with 18 restarts."""

    async def test(platform: Any) -> None:
        await platform.node.start(House, None, name="house")
        for _ in range(9):
            waiter = platform.node.whereis("waiter")
            otp.exit(waiter, "a bug")
            await otp.wait_down(waiter)
            await platform.node.wait_registered("waiter")
        platform.platform.moments.catch_up()
        why = (await platform.get("/api/v1/processes/waiter/errors/why"))["data"]
        assert (why["repeats"]["count"], why["repeats"]["with_supervisor"]) == (9, 4)
        assert "; 4 of these times together with a supervisor that had given up" in why["summary"]
        why = (await platform.get("/api/v1/processes/wing/errors/why"))["data"]
        assert "with a supervisor" not in why["summary"]

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("error.why", "restart.list", "system.anomalies")
def test_the_problems_of_a_process_are_told_with_its_restarts(inside: Inside) -> None:
    """Regression: of a hang, the command said nothing, although the page listed it."""

    async def test(platform: Any) -> None:
        pid, now = platform.node.whereis("counter_1"), time.time()
        hung = "counter_1 was in handle_cast at shop.py:7 for 30 s"
        for number, (line, at) in enumerate([(hung, 1.0), ("counter_2 was in init for 9 s", 2.0)]):
            platform.platform.moments._add(MomentRow(platform.node.name, f"9f3a0c1b22d{number}", 2, 2, at, at, line))
        finding = AnomalyFinding(
            type="long_callback", severity="high", pid=plain_pid(pid), name="counter_1",
            description="counter_1 has been in handle_cast at shop.py:9 for 7 s", since=now - 7, evidence={},
            threshold=5.0, setting="anomaly_callback", hint="", incident=Incident("counter_1 was in handle_cast"),
        )  # fmt: skip
        platform.platform.monitor.alarms.update([finding], now)
        why = (await platform.get(f"{AT}/errors/why"))["data"]
        assert why["problems"] == [
            {"at": now - 7, "line": finding.description, "ref": None},
            {"at": 1.0, "line": hung, "ref": "9f3a0c1b22d0.2"},
        ]
        [listed] = (await platform.get("/api/v1/restarts", params={"process": "counter_1"}))["data"]
        assert (listed["line"], listed["ref"], listed["where"]) == (hung, "9f3a0c1b22d0.2", "shop.py:7")

    inside(test, scan_interval=3600)


@pytest.mark.operation("error.why", "restart.list")
def test_the_unit_of_a_duration_is_not_taken_for_a_process(inside: Inside) -> None:
    """Regression: a process named s had each hang "for 5.0 s, at shop.py:7" as a problem of its own."""

    async def test(platform: Any) -> None:
        await platform.node.start(Agent, lambda: 0, name="s")
        failed = "shop could not start s: KeyError(1)"
        row = MomentRow(platform.node.name, "9f3a0c1b22d9", 2, 2, 0.5, 0.5, failed, cause=FAILED_START)
        platform.platform.moments._add(row)
        for number, line in enumerate(
            ("till held the event loop for 5.0 s, at shop.py:7 in handle_cast", "till was in init for 9 s", "s hung")
        ):
            platform.platform.moments._add(MomentRow(platform.node.name, f"9f3a0c1b22d{number}", 2, 2, 1.0, 1.0, line))
        why = (await platform.get("/api/v1/processes/s/errors/why"))["data"]
        listed = (await platform.get("/api/v1/restarts", params={"process": "s"}))["data"]
        assert ["s hung", failed] == [one["line"] for one in why["problems"]] == [one["line"] for one in listed]

    inside(test)


@pytest.mark.operation("error.why", "restart.list")
@pytest.mark.parametrize("stored", [True, False], ids=["stored", "in-memory"])
def test_lines_of_others_do_not_displace_those_of_a_process_whose_name_is_a_unit(
    inside: Inside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stored: bool
) -> None:
    """Regression: of the newest 2,000 lines with that word, all could be of others."""
    for module in (restart_lines, error_causes):
        monkeypatch.setattr(module, "MOST_FOLDED", 3)

    async def test(platform: Any) -> None:
        moments, node = platform.platform.moments, platform.node.name
        await platform.node.start(Agent, lambda: 0, name="s")
        for number in range(12):
            line = "s was in init, at shop.py:7" if number < 4 else "till was in init for 9 s, at shop.py:7"
            moments._add(MomentRow(node, f"9f3a0c1b2{number:03}", 2, 2, number * 900.0, number * 900.0, line))
        own = [2700.0, 1800.0, 900.0]
        listed = (await platform.get("/api/v1/restarts", params={"process": "s", "fold": "false"}))["data"]
        assert own == [one["at"] for one in listed]
        why = (await platform.get("/api/v1/processes/s/errors/why"))["data"]
        assert ["s was in init, at shop.py:7"] == list({one["line"] for one in why["problems"]})

    inside(test, data_dir=tmp_path if stored else None)


@pytest.mark.operation("error.why")
def test_the_calls_of_a_process_that_timed_out_are_told(inside: Inside) -> None:
    """Regression: a caller that catches the error had no history of it."""

    async def test(platform: Any) -> None:
        now = time.time()
        me = platform.node.whereis("counter_1").id
        call = TimedOut(now - 9, "till", "0.99.0", "till", "counter_1", "'sum'", "shop.py:7", 5.0, caller_id=me)
        seen = platform.platform.monitor.timeouts
        seen.extend([call, replace(call, callee="shelf"), replace(call, caller="counter_2"), replace(call, at=now)])
        why = (await platform.get(f"{AT}/errors/why"))["data"]
        assert why["timeouts"] == [
            {"at": now, "line": f"2 of its calls to till timed out after 5 s, the last one at {time_text(now)}, "
             "at shop.py:7"},
            {"at": now - 9, "line": f"its call to shelf timed out after 5 s at {time_text(now - 9)}, at shop.py:7"},
        ]  # fmt: skip

    inside(test, scan_interval=3600)


@pytest.mark.operation("error.why")
def test_calls_of_earlier_processes_of_a_name_are_counted_apart(inside: Inside) -> None:
    """Regression: "3 of its calls", of which two were those of a process that had ended."""

    async def test(platform: Any) -> None:
        now = time.time()
        me = platform.node.whereis("counter_1").id
        own = TimedOut(now - 9, "till", "0.99.0", "till", "counter_1", "'sum'", "shop.py:7", 5.0, caller_id=me)
        earlier = replace(own, at=now - 30, caller_id=me - 1)
        seen = platform.platform.monitor.timeouts
        seen.extend([earlier, replace(earlier, at=now - 20), own])
        why = (await platform.get(f"{AT}/errors/why"))["data"]
        assert [one["line"] for one in why["timeouts"]] == [
            f"its call to till timed out after 5 s at {time_text(now - 9)}, at shop.py:7",
            f"2 calls of an earlier process of this name to till timed out after 5 s, the last one at "
            f"{time_text(now - 20)}, at shop.py:7",
        ]
        seen.append(replace(earlier, at=now - 15, caller_id=me - 2))
        [_, line] = (await platform.get(f"{AT}/errors/why"))["data"]["timeouts"]
        assert line["line"].startswith("3 calls of earlier processes of this name to till")

    inside(test, scan_interval=3600)


@pytest.mark.operation("error.why")
def test_the_start_of_a_process_without_supervisor_is_told(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: it had started before the events in memory, which went back to the start of the node."""

    async def stay() -> None:
        await otp.receive(otp.Is("end"))

    async def test(platform: Any) -> None:
        pid = platform.node.spawn(stay)
        [event] = [one for one in otp.trace.history(platform.node) if one.kind == "spawned" and one.pid is pid]
        why = (await platform.get(f"/api/v1/processes/{plain_pid(pid)}/errors/why"))["data"]
        assert f"it started at {time_text(platform.platform.hub.model.wall(event.at))}" == why["summary"]
        info = (await platform.get(f"/api/v1/processes/{plain_pid(pid)}/info"))["data"]
        assert pytest.approx(platform.platform.hub.model.wall(event.at), abs=0.01) == info["started_at"]
        monkeypatch.setattr(otp.trace, "history", lambda *_: [])
        platform.platform.monitor.births._at.clear()
        why = (await platform.get(f"/api/v1/processes/{plain_pid(pid)}/errors/why"))["data"]
        assert why["summary"] == "its start is not recorded"
        assert (await platform.get(f"/api/v1/processes/{plain_pid(pid)}/info"))["data"]["started_at"] is None

    inside(test, scan_interval=3600)


@pytest.mark.operation("error.why")
def test_the_end_of_a_program_is_no_problem_of_a_process_of_the_same_name(inside: Inside, tmp_path: Path) -> None:
    """Regression: with a store, each line about a service was a problem of its supervisor that has its name."""

    async def test(platform: Any) -> None:
        hung = "counter_1 was in handle_cast at shop.py:7 for 30 s"
        for number, line in ((1, "counter_1 is gone: its process 7 no longer exists"), (2, hung)):
            platform.platform.store.append_moment(
                MomentRow(
                    platform.node.name, f"9f3a0c1b22d{number}", number, number, 1.0, 1.0, line,
                    data=b"{}" if number == 1 else None,
                )
            )  # fmt: skip
        why = (await platform.get(f"{AT}/errors/why"))["data"]
        assert [hung] == [one["line"] for one in why["problems"]]

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("error.why")
def test_a_process_of_a_node_that_is_gone_is_explained_from_the_store(inside: Inside) -> None:
    """Regression: it was refused, although its restarts were stored."""

    async def test(platform: Any) -> None:
        hung = "till was in handle_cast at shop.py:7 for 30 s"
        lines = ((1, "till is gone: its process 7 no longer exists"), (2, hung), (9, "till crashed and was restarted"))
        for number, line in lines:
            platform.platform.moments._add(MomentRow(GONE, "9f3a0c1b22d0", number, number, 1.0, 1.0, line))
        path = "/api/v1/processes/till/errors/why"
        why = (await platform.get(path, params={"node": GONE}))["data"]
        told = (why["pid"], why["name"], why["alive"], why["known"], why["stored"]["ref"], why["steps"])
        assert told == (None, "till", None, False, "9f3a0c1b22d0.9", [])
        assert re.fullmatch(
            rf"there is no node '{GONE}'.*\nbefore that, at .+: till crashed and was restarted\n"
            rf"`superlearner restart list --process till --node {GONE}` lists what is stored about it",
            why["summary"],
        )
        assert [hung] == [one["line"] for one in why["problems"]]
        for asked in ("tiller", "0.7.0"):
            refused = await platform.client.get(path.replace("till", asked), params={"node": GONE}, headers=OWNER)
            assert refused.status_code == 404

    inside(test)


@pytest.mark.operation("error.why")
@pytest.mark.parametrize("awaited", [True, False])
def test_of_a_service_that_is_not_connected_its_state_is_told(inside: Inside, awaited: bool) -> None:
    """Regression: the node of a service that a signal had stopped, or that was detached, was said to be gone."""

    async def test(platform: Any) -> None:
        row = MomentRow(GONE, "9f3a0c1b22d0", 9, 9, 1.0, 1.0, "till crashed and was restarted")
        platform.platform.moments._add(row)
        why = f"{GONE} is not reachable, and is being looked for: its process 7 has been stopped by a signal"
        platform.platform.nodes.explainers = [lambda name: Absence(why, "see `kill -CONT 7`", awaited)]
        told = (await platform.get("/api/v1/processes/till/errors/why", params={"node": GONE}))["data"]
        shows = f"`superlearner restart list --process till --node {GONE}` lists what is stored about it"
        assert told["summary"].splitlines()[::2] == [why, shows]
        assert (told["alive"], told["stored"]["line"]) == (None, row.line)

    inside(test)
