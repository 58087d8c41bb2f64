"""Anomalies that are over are stored once, also when their node is attached again, and with valid times only."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

import otp
from node_facts import NOW
from superlearner.control.clock import timestamp
from superlearner.nodes.attaching import ServiceChange
from superlearner.nodes.kinds import SERVICE
from superlearner.nodes.nodes import Nodes, is_only_lost
from superlearner.nodes.remote import protocol as p
from superlearner.observing.monitoring.facts import AnomalyFinding, Incident
from superlearner.operations.builtin.restart_loops import ANOMALY, INCIDENT
from superlearner.operations.builtin.system import anomalies
from superlearner.operations.declaration import Answer, declared
from superlearner.operations.results.system import AnomalyLine
from superlearner.settings.settings import Settings
from superlearner.store import MomentRow
from superlearner.web import anomaly_history
from superlearner.web.anomaly_history import AnomalyHistory, NodeAnomalies

Inside = Callable[..., Any]
FOUND = AnomalyFinding(
    "call_cycle", "critical", "0.7.0", "till", "a deadlock", NOW, {"calls": 2}, 1, "scan_interval", ""
)
DEPOT = "depot@127.0.0.1"
ENDED = "2026-11-26T10:00:05Z"
LINE: dict[str, Any] = {
    "number": 1, "type": "call_cycle", "severity": "critical", "active": False, "pid": "0.7.0", "name": "till",
    "description": "a deadlock", "since": "2026-11-26T10:00:00Z", "until": "2026-11-26T09:59:59Z", "lasted_s": 5.0,
    "count": 1, "evidence": {"calls": 2}, "threshold": 1.0, "setting": "scan_interval", "hint": "",
}  # fmt: skip


@pytest.mark.parametrize("stored", [True, False], ids=["stored", "in-memory"])
def test_a_past_anomaly_that_a_service_lists_again_is_stored_once(inside: Inside, tmp_path: Path, stored: bool) -> None:
    """Regression: all past ones of a service were stored once more each time it or the platform came back."""

    async def test(platform: Any) -> None:
        moments, node = platform.platform.moments, platform.platform.nodes.find(None)
        assert moments.store is not None and (moments.store.url is not None) is stored
        lost = LINE | {"description": "a deadlock; then shop was no longer observed", "until": ENDED}
        moments.add_anomaly(node, AnomalyLine.model_validate(lost), True)
        for _ in range(2):
            NodeAnomalies(partial(moments.add_anomaly, node)).take([AnomalyLine.model_validate(LINE)], 2e9)
            if stored:
                moments._rows.clear()  # the platform has restarted
        listed = (await platform.get("/api/v1/system/anomalies", params={"ended": "true"}))["data"]["anomalies"]
        assert ["a deadlock"] == [one["description"] for one in listed if one["type"] == "call_cycle"]
        [row, _] = (await moments.page([node.name], [], None, None, None, 0, 9, number=ANOMALY))[0]
        assert row.at == row.until  # the clock of the service was set back meanwhile

    inside(test, data_dir=tmp_path if stored else None)


@pytest.mark.operation("system.anomalies")
def test_present_anomalies_wait_for_no_commit(inside: Inside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: each answer, also of all nodes to Start, waited until the store had written all rows."""
    told = "`superlearner system anomalies --ended` lists past anomalies"

    async def refuse(*_given: Any, **_asked: Any) -> None:
        raise AssertionError("the answer would wait for the store")

    async def test(platform: Any) -> None:
        moments, store, node = platform.platform.moments, platform.platform.store, platform.platform.nodes.find(None)

        async def read() -> Any:
            return (await platform.get("/api/v1/system/anomalies"))["data"].get("past")

        with monkeypatch.context() as patched:
            for name in ("sync", "count_moments"):
                patched.setattr(store, name, refuse)
            assert await read() is None
            moments.add_anomaly(node, AnomalyLine.model_validate(LINE), False)
            patched.setattr(store, "moments", refuse)
            assert told == await read()
        await store.sync()
        moments._rows.clear()  # as after a restart of the platform
        monkeypatch.setattr(store, "sync", refuse)
        assert told == await read()
        monkeypatch.undo()  # the end of the platform waits

    inside(test, data_dir=tmp_path)


def test_a_deadlock_that_was_over_before_its_service_ended_is_stored_once(inside: Inside) -> None:
    """Regression: the last read of its anomalies still had it, so the end of the service stored it again."""

    async def test(platform: Any) -> None:
        moments, node = platform.platform.moments, platform.platform.nodes.find(None)
        at, until = 1_795_993_889.220_32, 1_795_993_892.127
        moments.add_incident(node, Incident("a deadlock: till waited for cart", at, until))
        lost = {
            "active": False, "since": timestamp(at), "until": timestamp(at + 9), "past":
            "a deadlock: till waited for cart; a call to it timed out", "description": "a deadlock; then it ended",
        }  # fmt: skip
        moments.add_anomaly(node, AnomalyLine.model_validate(LINE | lost), True)
        lines = (await platform.get("/api/v1/restarts"))["data"]
        assert ["a deadlock: till waited for cart"] == [one["line"] for one in lines if one["incident"]]
        listed = (await platform.get("/api/v1/system/anomalies", params={"ended": "true"}))["data"]["anomalies"]
        [one] = [one for one in listed if one["type"] == "call_cycle"]
        assert (one["description"], one["until"], one["lasted_s"]) == (lost["past"], timestamp(until), 2.9)

    inside(test)


def test_the_hint_of_a_stored_anomaly_names_no_process_of_then(inside: Inside) -> None:
    """Regression: its commands answered that there is no such process."""
    hints = {"`superlearner error why stock` explains it": "`superlearner restart list` lists its restarts", "wait": ""}

    async def test(platform: Any) -> None:
        node = platform.platform.nodes.find(None)
        for place, (hint, past_hint) in enumerate(hints.items()):
            line = LINE | {"hint": hint, "past_hint": past_hint, "name": f"till_{place}"}
            platform.platform.moments.add_anomaly(node, AnomalyLine.model_validate(line), False)
        listed = (await platform.get("/api/v1/system/anomalies", params={"ended": "true"}))["data"]["anomalies"]
        assert {"`superlearner restart list` lists its restarts", "wait"} <= {one["hint"] for one in listed}

    inside(test)


def test_past_anomalies_are_read_once_a_minute_and_when_one_may_be_over() -> None:
    """A long list of them holds the loop of the node."""
    kept = list[AnomalyLine]()
    follower = NodeAnomalies(lambda line, _end: kept.append(line))
    active = AnomalyLine.model_validate(LINE | {"active": True, "until": None})
    over = AnomalyLine.model_validate(LINE)
    asked = list[bool]()
    for _ in range(13):
        asked.append(follower.asks_for_past())
        follower.take([active], 2e9, past=asked[-1])
    assert asked == [True, *[False] * 11, True]
    assert not follower.asks_for_past()
    follower.take([], 2e9, past=False)
    assert follower.asks_for_past()
    follower.take([over], 2e9)
    follower.take([], 2e9, past=False)
    follower.take([over], 2e9)
    assert kept == [over]


def test_an_anomaly_that_left_the_list_of_its_node_between_two_reads_is_kept() -> None:
    """Regression: it counted as going on until its node ended, and all past ones were read again and again."""
    kept = list[AnomalyLine]()
    follower = NodeAnomalies(lambda line, _end: kept.append(line))
    follower.take([AnomalyLine.model_validate(LINE | {"active": True, "until": None})], 2e9)
    follower.take([], 2e9 + 5, past=False)
    assert follower.asks_for_past()
    follower.take([], 2e9 + 10)
    assert [(1, False, timestamp(2e9 + 10))] == [(one.number, one.active, one.until) for one in kept]
    follower.take([], 2e9 + 15, past=False)
    assert not follower.asks_for_past()
    follower.end("it ended", timestamp(2e9 + 20))
    assert len(kept) == 1


def test_a_read_of_past_anomalies_that_fails_is_repeated_soon() -> None:
    """Regression: for a minute, what was over counted as going on, and the end of its node as its end."""
    follower = NodeAnomalies(lambda _line, _end: None)
    assert follower.asks_for_past()
    for _ in range(2):
        follower.note_failure()
        assert not follower.asks_for_past()  # a list of another version may fail again and again
    follower.take([], 2e9, past=False)
    assert follower.asks_for_past()


def test_what_goes_on_when_its_node_or_the_platform_ends_is_stored_once() -> None:
    """Regression: no list had what was active when the platform stopped, if the service ended before the next start."""

    async def detach_after(end: Callable[[AnomalyHistory], object]) -> list[str]:
        kept: list[str] = []
        nodes, arsenal = Nodes(otp.Node("home@127.0.0.1"), Settings), cast(Any, None)
        history = AnomalyHistory(nodes, arsenal, lambda _node, line, _end: kept.append(line.description), lambda: ENDED)
        async with otp.Node("till@127.0.0.1") as till:
            watched = nodes.attach(till)
            watched.monitor.alarms.update([FOUND], NOW)
            await history.read()
            end(history)
            nodes.detach(till.name)
        history.close()
        return kept

    words = "a deadlock; then till@127.0.0.1 was no longer observed: it has ended"
    assert [words] == otp.run(lambda: detach_after(lambda _history: None))
    words = "a deadlock; then the platform stopped"
    assert [words] == otp.run(lambda: detach_after(lambda history: history.close()))


def test_what_was_over_just_before_the_platform_stopped_is_stored() -> None:
    """Regression: for a minute it was in the list of its node only, which ended with the platform."""

    async def main() -> list[tuple[str, bool]]:
        kept: list[tuple[str, bool]] = []
        nodes, arsenal = Nodes(otp.Node("home@127.0.0.1"), Settings), cast(Any, None)
        history = AnomalyHistory(
            nodes, arsenal, lambda _node, line, by_end: kept.append((line.type, by_end)), lambda: ENDED
        )
        async with otp.Node("till@127.0.0.1") as till:
            alarms = nodes.attach(till).monitor.alarms
            alarms.update([FOUND], time.time())
            alarms.update([], time.time())
            history.close()
            nodes.detach(till.name)
        return kept

    assert [("call_cycle", False)] == otp.run(main)


@pytest.mark.parametrize(
    ("why", "lost"),
    [("it was detached", True), ("it has been stopped by a signal", True), ("its process 7 no longer exists", False)],
)
def test_what_goes_on_when_its_node_is_no_longer_observed_is_over_only_if_its_program_ended(
    inside: Inside, why: str, lost: bool
) -> None:
    """Regression: the end of the observation was its end."""
    kept = list[AnomalyLine]()
    follower = NodeAnomalies(lambda line, _end: kept.append(line))
    active = AnomalyLine.model_validate(LINE | {"active": True, "until": None, "past": "a deadlock of till"})
    seen = datetime.fromisoformat(LINE["since"]).timestamp() + 42
    follower.take([active], seen)
    follower.end(f"till was no longer observed: {why}", timestamp(seen + 17), lost=is_only_lost(why))
    [one] = kept
    assert (one.active, one.lost, one.until) == (False, lost, timestamp(seen + (0 if lost else 17)))

    async def test(platform: Any) -> None:
        node = platform.platform.nodes.find(None)
        platform.platform.moments.add_anomaly(node, one, True)
        [line] = [each for each in (await platform.get("/api/v1/restarts"))["data"] if each["incident"]]
        at = f"{datetime.fromtimestamp(seen):%H:%M:%S}"
        assert line["line"] == ("a deadlock of till" + (f" when it was last observed, at {at}" if lost else ""))

    inside(test)


class SilentDepot:
    """A service with a deadlock; it answers no request once it `is_silent`."""

    is_silent = False

    async def ask(self, request: bytes) -> object:
        read = p.read_request(request)
        if isinstance(read, p.Hello):
            return p.written(p.Facts(p.PROTOCOL, DEPOT, p.Fact("open", 1, 1, "3", 1)))
        if self.is_silent or not isinstance(read, p.Execute):
            await asyncio.Event().wait()
        active = LINE | {"active": True, "until": None, "past": "till was in a deadlock"}
        answer = {"anomalies": [active], "summary": None, "checked_at": ENDED, "processes_looked_at": 1}
        return p.written(p.Executed(json.dumps(answer).encode()))

    def cast(self, request: bytes) -> None:
        pass


@pytest.mark.operation("system.anomalies", "cluster.anomalies")
def test_what_went_on_at_a_service_stays_listed_while_it_is_silent(inside: Inside) -> None:
    """Regression: its problems were in no list for 17 s, until it was detached."""

    async def test(platform: Any) -> None:
        nodes, history, line = platform.platform.nodes, platform.platform.anomaly_history, SilentDepot()
        await nodes.attach_remote(DEPOT, line)
        await history.read()
        line.is_silent = True
        known = f"till was in a deadlock when it was last observed, at {datetime.fromisoformat(ENDED).astimezone():%X}"

        async def list_all() -> tuple[list[Any], list[Any], Any]:
            own = (await platform.get("/api/v1/system/anomalies", params={"node": DEPOT}))["data"]
            every = (await platform.get("/api/v1/cluster/anomalies"))["data"]
            of_depot = [(one["description"], one["lost"]) for one in every["anomalies"] if one["node"] == DEPOT]
            return [one["description"] for one in own["anomalies"]], of_depot, own["unreachable"]

        nodes.show_hold(DEPOT, "till has held the event loop")
        told = f"{DEPOT} does not answer: till has held the event loop"
        assert await list_all() == ([known], [(known, True)], told)
        nodes.detach(DEPOT, "till has held the event loop", "is silent")
        nodes.wait_for(DEPOT, "it is being looked for")
        assert (await list_all())[:2] == ([known], [(known, True)])
        nodes.keep_reason(DEPOT, "its process 7 no longer exists")
        assert [] == (await list_all())[1]
        nodes.stop_waiting(DEPOT)

    inside(test)


@pytest.mark.parametrize("end", ["detach", "forget"])
def test_what_went_on_is_not_the_present_of_a_node_that_a_user_no_longer_observes(inside: Inside, end: str) -> None:
    """Regression: it was listed first, as of a silent node, until the service was attached again."""

    async def test(platform: Any) -> None:
        nodes, history = platform.platform.nodes, platform.platform.anomaly_history
        await nodes.attach_remote(DEPOT, SilentDepot())
        await history.read()
        why = "it was detached; `superlearner attach` attaches it again" if end == "detach" else "it was silent"
        nodes.detach(DEPOT, why, "is no longer observed")
        if end == "forget":
            assert ["till"] == [one.name for one in history.last_of(DEPOT)]
            nodes.forget(DEPOT)
        assert history.last_of(DEPOT) == []
        assert DEPOT not in history._last
        [one] = (await platform.get("/api/v1/system/anomalies", params={"node": DEPOT}))["data"]["anomalies"]
        told = f"till was in a deadlock; then {DEPOT} was no longer observed: {why.partition(';')[0]}"
        assert told == one["description"]

    inside(test)


@pytest.mark.parametrize("since", ["yesterday", "0001-01-01", "1960-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00"])
def test_a_service_that_sends_impossible_times_is_detached_as_any_other(
    since: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: its end raised ValueError in the platform, which then did not tell its pages about it."""

    class Shop:
        name, kind = "shop", SERVICE

    async def send(*_asked: Any) -> Answer:
        line = LINE | {"since": since, "until": None, "active": True}
        return Answer({"anomalies": [line], "checked_at": "2026-11-26T10:00:00Z"})

    async def main() -> None:
        nodes, kept = Nodes(otp.Node("home@127.0.0.1"), Settings), list[AnomalyLine]()
        monkeypatch.setattr(anomaly_history, "forward", send)
        arsenal: Any = SimpleNamespace(known=lambda _name: declared(anomalies))
        history = AnomalyHistory(nodes, arsenal, lambda _node, line, _end: kept.append(line), lambda: ENDED)
        others: Any = nodes._others
        others["shop"] = Shop()
        nodes._changed()
        await history.read()
        del others["shop"]
        nodes._changed()
        assert kept == []

    asyncio.run(main())


def test_a_deadlock_leads_to_the_restarts_in_which_its_calls_failed(inside: Inside) -> None:
    """Regression: its page had no word about the crashes that ended it."""

    async def test(platform: Any) -> None:
        moments, node = platform.platform.moments, platform.platform.nodes.find(None).name
        line = "a deadlock: till waited for cart, which waited for till"
        moments._add(MomentRow(node, "0123456789ab", INCIDENT, INCIDENT, 100.0, 105.0, line, 1, f"{INCIDENT}"))
        ends = [
            (105.0, "KeyError('x')"),
            (105.1, "cart did not answer because it was part of a deadlock, till -> cart -> till"),
        ]
        for at, reason in (
            *ends,
            (105.2, "shop did not answer because it was part of a deadlock, shop -> bank -> shop"),
        ):
            moments.add_service_change(ServiceChange(node, at, f"till crashed at {at}", reason, 7))
        shown = (await platform.get("/api/v1/restarts/0123456789ab.2"))["data"]["facts"]
        assert re.fullmatch(r"till crashed at 105\.1 \([0-9a-f]{12}\.1\)", shown["ended_by"])

    inside(test)
