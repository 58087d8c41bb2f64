"""What a node in another program sends again, when it is attached again, is not kept again."""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

import otp
from otp.testing import Scheduler, wait_all_idle
from otp.watchdog import Held
from superlearner.control.terms import plain_pid
from superlearner.live.moments import Moments, listen_to
from superlearner.nodes.attaching import ServiceChange
from superlearner.nodes.kinds import SERVICE
from superlearner.nodes.nodes import Nodes
from superlearner.nodes.remote.protocol import Drawn
from superlearner.observing.monitoring.code_places import RunningCode
from superlearner.observing.monitoring.crashes import UnsupervisedCrashes
from superlearner.observing.monitoring.facts import LAST_SEEN, Incident
from superlearner.observing.monitoring.witness import LoopSample
from superlearner.operations.builtin.restart_incidents import describe_incident
from superlearner.operations.builtin.restart_lines import describe_row
from superlearner.operations.builtin.restart_loops import INCIDENT, fold
from superlearner.operations.builtin.restarts import describe_service_change
from superlearner.operations.engine.audit import AuditLog
from superlearner.restarts.ids import Ref
from superlearner.settings.settings import Settings
from superlearner.store import MomentRow

LAST_HOLD = " held the event loop for 20 s, at depot.py:30 in handle_cast"
HANG = "till was in handle_cast at till.py:7"
RUN = "9f3a0c1b22d4"


class Service:
    """The node: it sends rows once, and then has no news."""

    name, owner, kind = "shop", None, SERVICE

    def __init__(self, *rows: MomentRow) -> None:
        self._rows = list(rows)
        self.has_told_all = asyncio.Event()

    async def ask(self, _request: Any, _answer: Any, _timeout: float, **_more: Any) -> Any:
        if not self._rows:
            self.has_told_all.set()
            await asyncio.Event().wait()
        rows, self._rows = self._rows, []
        return Drawn(list(enumerate(rows, 1)))


def line(number: int, last: int = 0, count: int = 1) -> MomentRow:
    text, events = (
        ("till was killed and restarted", f"{number}") if count == 1 else (f"till ended {count} times more", "")
    )
    return MomentRow("", RUN, number, last or number, 100.0, 101.0, text, count, events)


def test_a_restart_that_is_kept_alone_or_in_a_sum_is_not_kept_again() -> None:
    """Regression: after a restart of the platform, those in the memory of the service were counted twice."""

    async def main() -> None:
        moments = Moments(cast(Any, None))

        async def attach(*rows: MomentRow) -> Any:
            listening = listen_to(moments, cast(Any, Service(*rows)))
            await wait_all_idle()
            return listening

        first = await attach(line(3), line(9, 900, 297), line(500), line(7))  # one that ended after the sum is no part
        first.close()
        again = await attach(line(3), line(12), line(880), line(950))
        kept, _ = await moments.page(["shop"], [], None, None, None, 0, 100)
        assert [row.number for row in reversed(kept)] == [3, 9, 500, 7, 950]
        assert [again.has(number, RUN) for number in (3, 12, 950, 960)] == [True, True, True, False]
        assert not again.has(3, "000000000000")
        again.close()

    Scheduler().run(main)


def test_a_restart_that_went_on_when_it_was_kept_is_kept_to_its_end(inside: Callable[..., Any], tmp_path: Path) -> None:
    """Regression: the child had not been restarted for good, if that took more than 10 s."""
    open_ = replace(line(3, 5), line="till was killed; cart ended with it", events="3 5")
    told = "till was killed and restarted; cart ended with it and was restarted"
    whole = replace(open_, last=9, until=126.0, line=told, events="3 5 9")
    stop = replace(line(20, 22), line="till was stopped on request", events="20-22")
    again = replace(stop, last=30, line="till was restarted on request")  # is another line of the history

    async def test(platform: Any) -> None:
        moments = platform.platform.moments
        for rows in ([open_], [open_, whole], [open_, stop], [again]):
            service = Service(*rows)
            listening = listen_to(moments, cast(Any, service))
            await service.has_told_all.wait()
            listening.close()
        for _ in ("in memory", "stored"):
            rows, count = await moments.page(["shop"], [], None, None, None, 0, 100)
            assert {(row.number, row.last, row.until, row.line, row.events) for row in rows} == {
                (3, 9, 126.0, told, "3 5 9"), (20, 22, 101.0, stop.line, "20-22"),
            }  # fmt: skip
            assert count == 2
            moments.store = None

    inside(test, data_dir=tmp_path)


def test_an_incident_of_a_service_is_kept_once_and_leaves_its_restarts_known() -> None:
    """A hang or a blocked loop is no restart: it has a run of its own."""
    hang = replace(line(INCIDENT), line="till was in handle_cast for 56 s", run="0123456789ab", cause="blocked_loop")

    async def main() -> None:
        moments = Moments(cast(Any, None))
        for _ in range(2):
            listening = listen_to(moments, cast(Any, Service(replace(line(3), cause="any"), hang, line(7))))
            await wait_all_idle()
            assert [listening.has(number, RUN) for number in (3, 7)] == [True, True]
            listening.close()
        kept, _ = await moments.page(["shop"], [], None, None, None, 0, 100)
        assert [row.number for row in reversed(kept)] == [3, INCIDENT, 7]
        assert [describe_row(row, "").incident for row in kept] == [False, True, False]
        assert [row.cause for row in kept] == [None, "blocked_loop", None]

    Scheduler().run(main)


@pytest.mark.parametrize("stored", [False, True], ids=["in-memory", "stored"])
def test_a_problem_that_outlasts_its_observation_is_listed_once_with_its_real_end(
    inside: Callable[..., Any], tmp_path: Path, stored: bool
) -> None:
    """Regression: the time when its node was detached was its end for good."""
    lost, over = f"{HANG} for 42 s {LAST_SEEN} 10:00:42", f"{HANG} for 72 s"

    async def test(platform: Any) -> None:
        moments, node = platform.platform.moments, platform.platform.nodes.find(None)
        at = time.time() - 100
        seen: list[str] = []
        for text, until in ((lost, at + 42), (over, at + 72)):
            moments.add_incident(node, Incident(text, at, until))
            if stored:
                moments._rows.clear()  # the platform has restarted
            [line] = [one for one in (await platform.get("/api/v1/restarts"))["data"] if one["incident"]]
            seen.append(line["line"])
            shown = (await platform.get(f"/api/v1/restarts/{line['ref']}"))["data"]
        assert seen == [lost, over]
        assert line["until"] == pytest.approx(at + 72)
        assert shown["summary"] == over

    inside(test, data_dir=tmp_path if stored else None)


def test_each_page_of_stored_problems_is_full_and_says_how_many_there_are(
    inside: Callable[..., Any], tmp_path: Path
) -> None:
    """Regression: a corrected line took a place on its page, and counted on the others."""

    async def test(platform: Any) -> None:
        moments, node, at = platform.platform.moments, platform.platform.nodes.find(None), time.time() - 900
        for place in range(4):
            began, line = at + 200 * place, f"till{place} was in handle_cast at shop.py:7"
            moments.add_incident(node, Incident(f"{line} for 42 s {LAST_SEEN} 10:00:42", began, began + 42))
            moments.add_incident(node, Incident(f"{line} for 72 s", began, began + 72))
        pages = [await moments.page([node.name], [], None, None, None, offset, 2) for offset in (0, 2)]
        assert [[row.line.partition(" ")[0] for row in rows] for rows, _ in pages] == [
            ["till3", "till2"],
            ["till1", "till0"],
        ]
        assert [total for _, total in pages] == [4, 4]

    inside(test, data_dir=tmp_path)


def test_a_late_page_of_restarts_reads_its_own_rows_and_those_of_corrected_problems_only(
    inside: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: it read all rows before it with their replays, and each page up to 5,000 problems."""
    read: list[MomentRow] = []

    def taken(**values: Any) -> MomentRow:
        read.append(MomentRow(**values))
        return read[-1]

    async def test(platform: Any) -> None:
        moments, node, at = platform.platform.moments, platform.platform.nodes.find(None), time.time() - 900
        hang = "till was in handle_cast at shop.py:7"
        moments.add_incident(node, Incident(f"{hang} for 42 s {LAST_SEEN} 10:00:42", at, at + 42))
        moments.add_incident(node, Incident(f"{hang} for 72 s", at, at + 72))
        for number in range(1, 41):
            moments._add(replace(line(100 + number), node=node.name, at=at - number, data=zlib.compress(b"{}")))
            moments.add_incident(node, Incident(f"{hang} for 5 s", at - number - 0.5, at - number))
        monkeypatch.setattr("superlearner.store.database.MomentRow", taken)
        rows, total = await moments.page([node.name], [], None, None, None, 71, 4)
        assert (total, [row.number for row in rows]) == (81, [136, INCIDENT, 137, INCIDENT])
        assert (len(read), sum(row.data is not None for row in read)) == (2 + 4, 2)
        read.clear()
        await moments.page([node.name], [], None, None, None, 0, 1, replays=False)
        assert (len(read), [row for row in read if row.data is not None]) == (2 + 1, [])

    inside(test, data_dir=tmp_path)


@pytest.mark.parametrize("stored", [False, True])
def test_failed_starts_of_two_children_at_once_are_two_lines_each_found_by_its_child(
    inside: Callable[..., Any], tmp_path: Path, stored: bool
) -> None:
    """Regression: their lines begin with the same words, so one took the place of the other.

    A filter by process found neither: a colon follows the name of the child.
    """
    lines = [f"front could not start {child}: KeyError('a'), at shop.py:7 in init" for child in ("till", "door")]

    async def test(platform: Any) -> None:
        moments, node, at = platform.platform.moments, platform.platform.nodes.find(None), time.time() - 9
        for line in lines:
            moments.add_incident(node, Incident(line, at, at, type="failed_start"))
        listed = (await platform.get("/api/v1/restarts", params={"fold": "false"}))["data"]
        assert sorted(one["line"] for one in listed if one["incident"]) == sorted(lines)
        if stored:
            moments._rows.clear()  # the platform has restarted
        for child, line in zip(("till", "door"), lines, strict=True):
            (found,) = (await platform.get("/api/v1/restarts", params={"process": child}))["data"]
            assert (found["line"], found["supervisor"], found["name"]) == (line, "front", child)
            assert found["incident"] and found["crash"]
        assert (await platform.get("/api/v1/restarts", params={"process": "init"}))["data"] == []

    inside(test, data_dir=tmp_path if stored else None)


def test_the_end_of_a_problem_after_the_end_of_its_observation_is_kept_and_an_earlier_one_is_not() -> None:
    row = replace(line(INCIDENT), line=f"{HANG} for 42 s {LAST_SEEN} 10:00:42", run="0123456789ab", until=142.0)
    over = replace(row, line=f"{HANG} for 72 s", run="0123456789ac", until=172.0)
    again = replace(row, run="0123456789ad", until=141.0)

    async def main() -> None:
        moments = Moments(cast(Any, None))
        listening = listen_to(moments, cast(Any, Service(row, over, again)))
        await wait_all_idle()
        listening.close()
        kept, total = await moments.page(["shop"], [], None, None, None, 0, 100)
        assert [(one.line, one.until) for one in kept] == [(over.line, 172.0)]
        assert (total, len(moments._rows)) == (1, 2)

    Scheduler().run(main)


def test_a_replay_without_events_does_not_end_the_recording_of_a_service() -> None:
    """Regression: no later restart of the service was kept, and the list of restarts answered with an error."""
    change = describe_service_change(ServiceChange("shop", 100.0, "till crashed", "boom", 7), Ref(RUN, 3))
    empty = change.model_copy(update={"events": []}).model_dump_json().encode()

    async def main() -> None:
        moments = Moments(cast(Any, None))
        listening = listen_to(moments, cast(Any, Service(replace(line(3), data=zlib.compress(empty)), line(7))))
        await wait_all_idle()
        listening.close()
        kept, _ = await moments.page(["shop"], [], None, None, None, 0, 100)
        assert [(row.number, describe_row(row, "").kept) for row in kept] == [(7, False), (3, False)]

    Scheduler().run(main)


def test_an_incident_that_a_monitor_finds_is_kept_with_its_times() -> None:
    crashes = UnsupervisedCrashes()
    crash = {"reason": otp.Crash("negative", (("jobs.py", 7, "leak"),)), "what": "leak", "name": None}
    crashes.note(cast(Any, SimpleNamespace(seq=7, kind="exited", pid="0.7.0", data=crash)), 0.0)

    async def main(node: otp.Node) -> None:
        nodes, moments = Nodes(node, Settings), Moments(cast(Any, None))
        nodes.listen(moments.follow)
        async with otp.Node("till@127.0.0.1") as till:
            watched = nodes.attach(till)
            watched.monitor.on_incident(Incident("till held the event loop for 2 s", 100.0, 102.0))
            (row,), _ = await moments.page(["till@127.0.0.1"], [], None, None, None, 0, 100)
            nodes.detach(till.name)
        shown = describe_row(row, "")
        assert (shown.line, shown.at, shown.until) == ("till held the event loop for 2 s", 100.0, 102.0)
        assert (shown.incident, shown.kept, shown.count) == (True, False, 1)
        assert (shown.outage, shown.crash) == (False, False)
        [alone] = crashes.take(4.0, 60)
        row = replace(row, line=alone.text)
        assert describe_row(row, "").crash
        facts = describe_incident(row, row.line, None).facts
        assert facts is not None and facts.why.startswith("no supervisor restarts it")  # no anomaly has it

    otp.run(lambda: main(otp.node()))


def test_a_hold_that_no_platform_saw_is_stored_once_by_all_that_attach_later() -> None:
    """Regression: a service whose loop was blocked was silent for no known reason, although it knew the process."""

    async def main(node: otp.Node) -> None:
        async with otp.Node("till@127.0.0.1") as till:
            pid: Any = till.spawn(otp.receive)
            pid.runtime.tracer.emit("drain_too_long", pid, {"ms": 20_000.0, "what": "Report"})
            # Regression: only a hold that a platform saw had its line.
            held = Held(19.0, f"<{plain_pid(pid)}>", None, "depot.py", 30, "Report.handle_cast")
            till.scheduler.holds = ((otp.monotonic(), held),)
            kept: list[MomentRow] = []
            for _ in range(2):
                nodes, moments = Nodes(node, Settings), Moments(cast(Any, None))
                nodes.listen(moments.follow)
                watched = nodes.attach(till, kind=SERVICE)
                watched.monitor.look()
                watched.monitor.look()
                rows, _ = await moments.page(["till@127.0.0.1"], [], None, None, None, 0, 100)
                kept += rows
                nodes.detach(till.name)
        assert [row.line for row in kept] == [f"{pid!r}".strip("<>") + LAST_HOLD] * 2
        assert [(round(row.until - row.at), row.cause) for row in kept] == [(20, "blocked_loop")] * 2
        assert len({row.run for row in kept}) == 1  # so the platform knows it again

    otp.run(lambda: main(otp.node()))


def test_holds_of_one_window_before_an_attachment_are_one_incident() -> None:
    """Regression: a service that held its loop often had a line for each of 200 times when it was attached."""

    async def main(node: otp.Node) -> list[str]:
        async with otp.Node("till@127.0.0.1") as till:
            pid: Any = till.spawn(otp.receive)
            for length in (1_000.0, 3_000.0, 2_000.0):
                pid.runtime.tracer.emit("drain_too_long", pid, {"ms": length, "what": "Report"})
            nodes, moments = Nodes(node, lambda: Settings(anomaly_window=3600.0)), Moments(cast(Any, None))
            nodes.listen(moments.follow)
            nodes.attach(till, kind=SERVICE).monitor.look()
            rows, _ = await moments.page(["till@127.0.0.1"], [], None, None, None, 0, 100)
            nodes.detach(till.name)
        return [row.line.partition(" held the event loop ")[2] for row in rows]

    assert otp.run(lambda: main(otp.node())) == ["3 times, for up to 3 s"]


def test_a_callback_of_asyncio_that_ended_an_attachment_is_named_by_the_next_one() -> None:
    """Regression: a silence because of code outside of processes had no known reason."""

    async def main(node: otp.Node) -> None:
        async with otp.Node("till@127.0.0.1") as till:
            lines: list[str] = []
            for number in range(3):
                nodes, moments = Nodes(node, Settings), Moments(cast(Any, None))
                nodes.listen(moments.follow)
                monitor: Any = nodes.attach(till, kind=SERVICE).monitor
                if number == 0:
                    now, monitor._ready_at = otp.monotonic(), 0.0
                    monitor._witness._seen.append(LoopSample(now - 1, None, RunningCode((("shop.py", 12, "refresh"),))))
                    monitor._on_outside(now - 20, now)
                else:
                    monitor.look()
                    rows, _ = await moments.page(["till@127.0.0.1"], [], None, None, None, 0, 100)
                    lines += [f"{row.run} {row.line}" for row in rows]
                nodes.detach(till.name)
        first, second = lines
        assert first.endswith(" code outside of any process held the event loop for 20 s, at shop.py:12 in refresh")
        assert first == second  # the platform knows it again

    otp.run(lambda: main(otp.node()))


def test_a_long_hold_that_two_platforms_measured_is_one_for_the_next() -> None:
    """Regression: a hold of 20 s was counted once for each attachment, and the one after it had no line."""

    async def main(node: otp.Node) -> None:
        async with otp.Node("till@127.0.0.1") as till:
            now = otp.monotonic()
            each: list[Any] = [Nodes(node, Settings).attach(till, kind=SERVICE).monitor for _ in range(2)]
            for number, monitor in enumerate(each):
                monitor._ready_at = 0.0
                monitor._on_outside(now - 40 - number / 100, now - 20 + number / 1000)
                monitor._on_outside(now - 19, now + number / 1000)
            assert [hold.mark for hold in each[0].holds] == [hold.mark for hold in each[1].holds]
            nodes, moments = Nodes(node, lambda: Settings(anomaly_window=3600.0)), Moments(cast(Any, None))
            nodes.listen(moments.follow)
            monitor = nodes.attach(till, kind=SERVICE).monitor
            monitor.look()
            [hold] = monitor.alarms.active.values()
            assert hold.finding.count == 2
            rows, _ = await moments.page(["till@127.0.0.1"], [], None, None, None, 0, 100)
            assert [round(row.until - row.at) for row in rows] == [19, 20]

    otp.run(lambda: main(otp.node()))


def test_rows_are_kept_when_the_request_that_read_them_first_ends_before_it_has_kept_them() -> None:
    """Regression: on a loaded machine the give-up that ends a program was missing in the list."""

    class Ending(Service):
        async def ask(self, request: Any, *_: Any, **_more: Any) -> Any:
            return Drawn([one for one in enumerate(self._rows, 1) if one[0] > request.place])

    async def main() -> None:
        moments = Moments(cast(Any, None))
        opened = asyncio.Event()

        async def recall(_run: str) -> list[MomentRow]:
            await opened.wait()  # the store answers late
            return []

        moments.recall = recall
        listening = listen_to(moments, cast(Any, Ending(line(3), line(7))))
        await wait_all_idle()
        last = asyncio.ensure_future(listening.fetch_last())
        await wait_all_idle()
        listening.close()
        opened.set()
        assert await last
        kept, _ = await moments.page(["shop"], [], None, None, None, 0, 100)
        assert [7, 3] == [row.number for row in kept]

    Scheduler().run(main)


def test_crashes_of_dynamic_children_are_one_line_without_their_pids() -> None:
    """Regression: each had a line of its own, since its line has a pid."""

    async def fetch(of: str) -> None:
        raise OSError(of)

    async def main(node: otp.Node) -> None:
        nodes, moments = Nodes(node, Settings), Moments(AuditLog())
        nodes.listen(moments.follow)
        async with otp.Node("tills@127.0.0.1") as tills:
            nodes.attach(tills)
            tasks = await tills.start(otp.TaskSupervisor, None, name="tasks")
            for of in ("a", "a", "a"):
                await otp.TaskSupervisor.start_child(tasks, fetch, of)
            await wait_all_idle()
            moments.catch_up()
            rows, _ = await moments.page([tills.name], [], None, None, None, 0, 100)
            nodes.detach(tills.name)
        [loop] = fold(rows)
        assert isinstance(loop.newest, MomentRow)
        found = loop.describe(describe_row(loop.newest, ""))
        name = fetch.__qualname__
        assert (found.line, found.name, found.count, found.one_reason) == (f"{name} crashed", name, 3, True)

    otp.run(lambda: main(otp.node()))


@pytest.mark.parametrize(
    ("requests", "lines"),
    [
        ((0, "wine", 1, 2, 3, 4), [(5, "RuntimeError('disk error 4')", True, 5), (1, "KeyError('wine')", True, None)]),
        # Regression: four missing keys were one line with the reason of the last
        (
            ("q1", "q2", "q1", "q3"),
            [(1, "KeyError('q3')", True, None), (2, "KeyError('q1')", True, None), (1, "KeyError('q2')", True, None)],
        ),
        (("q1", "q2", "q1", "q1", "q2"), [(5, "KeyError('q2')", True, 2)]),
        (("q1",) * 6, [(6, "KeyError('q1')", True, None)]),
    ],
)
def test_restarts_of_another_cause_are_a_line_of_their_own(requests: Sequence[Any], lines: list[Any]) -> None:
    """Regression: six crashes were "RuntimeError('disk error 5')", though one of them was a KeyError elsewhere.

    A few whose reasons differ in their arguments are lines of their own, too; of many, the reasons are counted.
    """

    class Till(otp.GenServer[None]):
        def init(self, arg: Any) -> otp.Ok[None]:
            return otp.Ok(None)

        def handle_info(self, request: Any, state: None) -> Any:
            if isinstance(request, str):
                raise KeyError(request)
            raise RuntimeError(f"disk error {request}")

    class TillSup(otp.Supervisor):
        def init(self, arg: Any) -> otp.Children:
            return otp.Children([Till.child_spec(name="till")], max_restarts=100)

    async def main(node: otp.Node) -> None:
        nodes, moments = Nodes(node, Settings), Moments(AuditLog())
        nodes.listen(moments.follow)
        async with otp.Node("tills@127.0.0.1") as tills:
            nodes.attach(tills)
            await tills.start(TillSup, None, name="till_sup")
            for request in requests:
                await tills.wait_registered("till")
                otp.send(tills.whereis("till"), request)
                await wait_all_idle()
            moments.catch_up()
            rows, _ = await moments.page([tills.name], [], None, None, None, 0, 100)
            nodes.detach(tills.name)
        found = [one.describe(describe_row(one.newest, "")) for one in fold(rows) if isinstance(one.newest, MomentRow)]
        assert [(one.count, one.reason, one.one_cause, one.reasons) for one in found] == lines
        assert [one.one_reason for one in found if one.count > 1] == [one[3] is None for one in lines if one[0] > 1]
        newest = {str(Ref(one.run, one.number)): one for one in rows}
        assert [one.until for one in found if one.count > 1] == [newest[one.ref].at for one in found if one.count > 1]

    otp.run(lambda: main(otp.node()))
