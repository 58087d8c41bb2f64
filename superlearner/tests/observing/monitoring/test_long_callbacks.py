"""True times of long callbacks, and calls that timed out meanwhile although their callers caught the error."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

import otp
from node_facts import LIMITS, NOW, facts, track
from otp.testing import Scheduler, advance
from superlearner.control.terms import plain_pid
from superlearner.observing.analytics import Ledger
from superlearner.observing.monitoring.alarms import Alarms
from superlearner.observing.monitoring.detectors import detect
from superlearner.observing.monitoring.facts import Incident, PendingCallback, TimedOut
from superlearner.observing.monitoring.incidents import Incidents
from superlearner.observing.monitoring.monitor import Monitor
from superlearner.observing.monitoring.timeouts import explained_by
from superlearner.observing.monitoring.witness import Witness
from superlearner.settings.settings import Settings

LOOK_S = 2.0
HANG = PendingCallback("0.7.0", "pricing", "Pricing", "handle_call", NOW, 0, "shop.py:41")
CALL = TimedOut(NOW + 0.5, "pricing", "0.7.0", "pricing", "till", "'tea'", "shop.py:12", 0.5)


def look_at(steps: Iterable[tuple[float, dict[str, Any]]]) -> tuple[Alarms, list[Incident]]:
    """Look at facts, each a number of seconds after NOW; return the problems and the stored lines."""
    alarms, incidents, stored = Alarms(), Incidents(), list[Incident]()
    explained = dict[str, float]()
    for later, known in steps:
        now = NOW + later
        found = detect(facts(now=now, explained=explained, **known), LIMITS)
        explained |= explained_by(found, now)
        _, ended = alarms.update(found, now)
        stored += incidents.take(alarms.active.values(), ended, now, LIMITS.anomaly_window)
    return alarms, stored


class SlowPricing(otp.GenServer[None]):
    @otp.impl
    def init(self, arg: object) -> otp.Ok[None]:
        return otp.Ok(None)

    @otp.impl
    async def handle_call(self, request: float, caller: otp.From, state: None) -> otp.Reply[str, None]:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(request):
                await asyncio.Event().wait()
        return otp.Reply("done", state)


class Watched:
    """A node in virtual time with a monitor that looks every two seconds, and a server that is slow on request."""

    def __init__(self, monitor: Monitor, pricing: otp.Pid) -> None:
        self.monitor, self.pricing = monitor, pricing
        self.begin = self.monitor.time()
        self.stored = list[Incident]()
        monitor.on_incident = self.stored.append

    async def look(self, seconds: float) -> None:
        """Let time pass, with all looks in between."""
        whole, rest = divmod(round(seconds, 3), LOOK_S)
        for step in (*[LOOK_S] * int(whole), rest):
            await advance(step)
            await self.monitor.fresh()

    async def call(self, seconds: float) -> None:
        """Request a callback of this length, from a caller that waits for half a second and catches the error."""

        async def ask() -> None:
            with contextlib.suppress(otp.CallExit):
                await otp.GenServer.call(self.pricing, seconds, timeout=0.5)

        otp.spawn(ask)
        await self.look(0.7)

    def problems(self) -> list[tuple[str, float]]:
        """Return the description of each problem that is listed now, and when it began, from the start of the test."""
        found = [alarm.finding for alarm in self.monitor.alarms.active.values()]
        listed = [one for one in found if one.type != "unsupervised_process"]
        return [(one.description, round(one.since - self.begin, 1)) for one in listed]

    def lines(self) -> list[tuple[str, float, float]]:
        """Return the stored lines, with their begin and end."""
        return [
            (one.text, round((one.at or 0) - self.begin, 1), round((one.until or 0) - self.begin, 1))
            for one in self.stored
        ]


@pytest.fixture
def in_virtual_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Watched], Awaitable[None]]], None]:
    monkeypatch.setattr(Witness, "open", lambda self: None)  # a thread, which virtual time has not

    def run(test: Callable[[Watched], Awaitable[None]]) -> None:
        async def main() -> None:
            monitor = Monitor(Settings, Ledger())
            monitor.watch(otp.node())
            monitor.ready()
            pricing = await SlowPricing.start(None, name="pricing")
            await advance(1)  # a callback that began at 0 counts as none
            await test(Watched(monitor, pricing))
            monitor.close()

        Scheduler(0).run(main)

    return run


PLACE = f"test_long_callbacks.py:{SlowPricing.handle_call.__code__.co_firstlineno + 4}"


def test_a_long_callback_that_is_over_took_as_long_as_it_really_did(in_virtual_time: Callable[..., None]) -> None:
    """Regressions: 6.8 s were 6, as of the last look; one between two looks, and a later one, were not stored."""

    async def test(watched: Watched) -> None:
        await watched.call(6.8)
        await watched.look(10)
        line = f"pricing was in handle_call at {PLACE} for 6.8 s; a call to it from ask <0.4.0> timed out"
        assert watched.lines() == [(line, 0.0, 6.8)]
        assert watched.problems() == [(line, 0.0)]
        await watched.look(22.3)
        await watched.call(9)
        await watched.look(2)
        await watched.call(5.1)  # from the end of the last one
        await watched.look(20)
        assert [one[1:] for one in watched.lines()] == [(0.0, 6.8), (33.0, 42.0), (42.0, 47.1)]
        assert " for 9 s, and 1 message waited; 2 calls " in watched.lines()[1][0]

    in_virtual_time(test)


class AskingTill(otp.GenServer[None]):
    @otp.impl
    def init(self, arg: object) -> otp.Ok[None]:
        return otp.Ok(None)

    @otp.impl
    async def handle_cast(self, message: float, state: None) -> otp.NoReply[None]:
        with contextlib.suppress(otp.CallExit):
            await otp.GenServer.call("pricing", message, timeout=5)
        return otp.NoReply(state)


def test_a_callback_that_only_waits_for_another_server_names_it_and_is_less_severe(
    in_virtual_time: Callable[..., None],
) -> None:
    """Regression: it was a slow server, above the problem of the server that it waited for, with the wrong advice."""

    async def test(watched: Watched) -> None:
        till = await AskingTill.start(None, name="till")
        line = f"test_long_callbacks.py:{AskingTill.handle_cast.__code__.co_firstlineno + 3}"
        for _ in range(2):
            otp.GenServer.cast(till, 9.5)
        await watched.look(4)
        found = {alarm.finding.name: alarm.finding for alarm in watched.monitor.alarms.active.values()}
        assert found["till"].description == (
            f"till has been in handle_cast at {line} for 4 s, waiting for pricing to answer 9.5, and 1 message waits"
        )
        assert found["till"].hint == "find out why pricing does not answer: till only waits for it"
        assert (found["till"].severity, found["pricing"].severity) == ("low", "medium")
        await watched.look(2)
        words = f"till was in handle_cast at {line} for 5 s, waiting for pricing to answer 9.5, and 1 message waited"
        assert words in [alarm.past for alarm in watched.monitor.alarms.active.values()]

    in_virtual_time(test)


class SlowChild(otp.GenServer[None]):
    """A server whose second `init`, or whose `terminate`, takes 9 s."""

    starts = 0

    @otp.impl
    async def init(self, arg: str) -> otp.Ok[None]:
        otp.process_flag("trap_exit", True)
        SlowChild.starts += 1
        if arg == "init" and SlowChild.starts == 2:
            await pause(9)
        return otp.Ok(None)

    @otp.impl
    async def terminate(self, reason: object, state: None) -> None:
        await pause(9)


async def pause(seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await asyncio.Event().wait()


@pytest.mark.parametrize("callback", ["init", "terminate"])
def test_a_supervisor_that_waits_for_a_child_is_no_problem_beside_that_child(
    callback: str, in_virtual_time: Callable[..., None]
) -> None:
    """Regression: `flow has been in handle_call for 6 s` was listed beside it, and stored."""

    async def test(watched: Watched) -> None:
        SlowChild.starts = 0
        child = SlowChild.child_spec(callback, id="child", name="child", shutdown=20)
        flow = await otp.Supervisor.start_link_children([child], name="flow")
        if callback == "init":
            otp.exit("child", "kill")
        else:
            otp.spawn(otp.Supervisor.terminate_child, flow, "child")
        await watched.look(6)
        [(problem, since)] = watched.problems()
        assert (problem.startswith(f"child has been in {callback} at "), since) == (True, 0.0)
        [alarm] = watched.monitor.alarms.active.values()
        assert alarm.finding.evidence["patient"] == [plain_pid(flow)]
        await watched.look(8)
        [(line, *_)] = watched.lines()
        assert line.startswith(f"child was in {callback} at ")

    in_virtual_time(test)


def test_a_suspended_process_for_which_a_message_waits_is_a_problem_until_it_is_resumed(
    in_virtual_time: Callable[..., None],
) -> None:
    async def test(watched: Watched) -> None:
        await otp.sys.suspend(watched.pricing)
        await watched.look(8)
        assert watched.problems() == []
        otp.send(watched.pricing, "an unknown message")
        await watched.look(2)
        assert watched.problems() == [("pricing has been suspended for 10 s, and 1 message waits", 0.0)]
        await otp.sys.resume(watched.pricing)
        await watched.look(2)
        assert watched.problems() == []
        assert [text for text, *_ in watched.lines()] == ["pricing was suspended for 10 s, and 1 message waited"]

    in_virtual_time(test)


def test_a_long_callback_ends_with_its_process(in_virtual_time: Callable[..., None]) -> None:
    async def test(watched: Watched) -> None:
        await watched.call(60)
        await watched.look(6)
        await advance(0.5)  # between two looks
        otp.exit(watched.pricing, "kill")
        await watched.look(4)
        hang, _ = watched.lines()
        assert (hang[0].partition(" at ")[0], *hang[1:]) == ("pricing was in handle_call", 0.0, 7.2)

    in_virtual_time(test)


def test_calls_that_timed_out_in_a_long_callback_are_listed_for_the_window(
    in_virtual_time: Callable[..., None],
) -> None:
    """Regressions: they were gone as soon as the callback ended, and were stored by themselves, too."""

    async def test(watched: Watched) -> None:
        await watched.call(7)
        await watched.look(64)
        ((text, begun),) = watched.problems()
        assert (text, begun) == (
            f"pricing was in handle_call at {PLACE} for 7 s; a call to it from ask <0.4.0> timed out",
            0.0,
        )
        await watched.look(6)
        assert watched.problems() == []
        assert len(watched.stored) == 1

    in_virtual_time(test)


def test_a_problem_that_comes_back_began_when_it_came_back(in_virtual_time: Callable[..., None]) -> None:
    """Regression: it began with an earlier long callback, which had ended."""

    async def test(watched: Watched) -> None:
        await watched.call(6)
        await watched.look(32.3)
        await watched.call(9)
        ((text, begun),) = watched.problems()
        assert text.startswith("a call to pricing timed out after 0.5 s in the last 60 s, ")
        assert begun == 33.5
        await watched.look(6)
        ((text, begun),) = watched.problems()
        assert (text.partition(" for ")[0], begun) == (f"pricing has been in handle_call at {PLACE}", 33.0)
        await watched.look(18.3)
        await watched.call(1.5)
        await watched.look(10)
        ((text, begun),) = watched.problems()
        assert text.startswith("a call to pricing timed out after 0.5 s in the last 60 s, ")
        assert begun == 58.5

    in_virtual_time(test)


def test_calls_before_a_hang_are_another_problem_than_those_in_it() -> None:
    second = replace(CALL, at=NOW + 30.5)
    hang = replace(HANG, began=NOW + 30)
    over = replace(hang, ended=NOW + 36)
    steps: list[tuple[float, dict[str, Any]]] = [
        (2, {"timeouts": [CALL]}),
        (32, {"timeouts": [CALL, second], "callbacks": [hang]}),
        (35.5, {"timeouts": [CALL, second], "callbacks": [hang]}),
        (37, {"timeouts": [CALL, second], "ended_callbacks": [over]}),
        (90, {"timeouts": [CALL, second], "ended_callbacks": [over]}),
        (98, {"timeouts": [CALL, second]}),
    ]
    _, stored = look_at(steps)
    assert [(one.text.partition(", ")[0], one.at, one.until) for one in stored] == [
        ("a call to pricing timed out after 0.5 s", NOW + 0.5, NOW + 0.5),
        ("pricing was in handle_call at shop.py:41 for 6 s; a call to it from till timed out", NOW + 30, NOW + 36),
    ]


def test_a_hang_that_ends_while_its_mailbox_grows_is_stored_with_its_whole_time() -> None:
    alarms, incidents, stored = Alarms(), Incidents(), list[Incident]()
    grows = track([20 * n for n in range(12)])
    hang = replace(HANG, began=NOW - 6, name="till")
    over = replace(hang, ended=NOW + 1.5)
    for later, known in (
        (0, {"callbacks": [hang], "tracks": [grows]}),
        (2, {"ended_callbacks": [over], "tracks": [grows]}),
        (4, {"ended_callbacks": [over], "tracks": [grows]}),
        (70, {}),
    ):
        found = facts(now=NOW + later, **known)
        _, ended = alarms.update(detect(found, LIMITS), found.now)
        stored += incidents.take(alarms.active.values(), ended, found.now, LIMITS.anomaly_window)
    assert [one.text for one in stored] == ["till was in handle_call at shop.py:41 for 7.5 s"]


def test_a_mailbox_that_grows_after_a_hang_is_another_problem_with_its_own_begin() -> None:
    """Regression: it began with the hang, had its calls that timed out, and was never stored."""
    hang = replace(HANG, began=NOW - 50, name="till")
    over = replace(hang, ended=NOW - 45)
    call = replace(CALL, at=NOW - 48, pid="0.7.0", name="till", callee="till", caller="night_watch")
    grows = track([2] * 20 + [20 * n for n in range(12)])
    before = {"timeouts": [call], "ended_callbacks": [over]}
    steps: list[tuple[float, dict[str, Any]]] = [
        (-46, {"timeouts": [call], "callbacks": [hang]}),
        (-44, before),
        (0, {**before, "tracks": [grows]}),
    ]
    alarms, _ = look_at(steps)
    (growth,) = alarms.active.values()
    grown = "from 0 to 220 messages in 22 s"
    assert growth.finding.description == f"the mailbox of till has grown {grown}, 10 per second more than it handles"
    assert growth.finding.since == NOW - 22
    alarms, stored = look_at([*steps, (2, before), (4, before), (6, before), (30, {}), (90, {})])
    assert [(one.text, one.at, one.until) for one in stored] == [
        ("till was in handle_call at shop.py:41 for 5 s; a call to it from night_watch timed out", NOW - 50, NOW - 45),
        (f"the mailbox of till grew {grown}", NOW - 22, NOW + 2),
    ]
    assert [(one.number, one.finding.type) for one in alarms.ended] == [(1, "long_callback"), (2, "mailbox_growth")]


def test_a_hang_after_the_growth_of_a_mailbox_is_another_problem_with_its_own_begin() -> None:
    """Regression: it began with the growth, which had ended."""
    grows, hang = track([20 * n for n in range(12)]), replace(HANG, began=NOW + 20, name="till")
    alarms, stored = look_at([(0, {"tracks": [grows]}), (2, {}), (26, {"callbacks": [hang]})])
    assert [(one.number, one.finding.since) for one in alarms.active.values()] == [(2, NOW + 20)]
    assert [one.text for one in stored] == ["the mailbox of till grew from 0 to 220 messages in 22 s"]


def test_calls_that_time_out_before_the_growth_of_a_mailbox_are_another_problem() -> None:
    grows = track([2] * 20 + [20 * n for n in range(12)])
    early = replace(CALL, at=NOW - 40, pid="0.7.0", name="till", callee="till")
    late = replace(early, at=NOW - 1)
    both = [early, late]
    alarms, stored = look_at([(-38, {"timeouts": [early]}), (0, {"timeouts": both, "tracks": [grows]})])
    (growth,) = alarms.active.values()
    assert growth.finding.description.endswith("; a call to it from till timed out")
    assert [one.text.partition(" after ")[0] for one in stored] == ["a call to till timed out"]
    alarms.update(detect(facts(now=NOW + 2, timeouts=both), LIMITS), NOW + 2)
    assert [one.finding.since for one in alarms.active.values()] == [NOW - 22]
    alarms, _ = look_at([(0, {"timeouts": [early] * 12, "tracks": [grows]})])
    assert [one.finding.type for one in alarms.active.values()] == ["mailbox_growth"]


def test_a_long_mailbox_that_stands_began_when_it_became_long_and_explains_no_call_before() -> None:
    stands = replace(track([2] * 20 + [5683] * 12), handled_per_s=2.0)
    early = replace(CALL, at=NOW - 40, pid="0.7.0", name="till", callee="till")
    (found,) = detect(facts(tracks=[stands], timeouts=[replace(early, at=NOW - 5)]), LIMITS)
    assert (found.type, found.since, found.calls) == ("mailbox_backlog", NOW - 22, "; a call to it from till timed out")
    found, calls = detect(facts(tracks=[stands], timeouts=[early]), LIMITS)
    assert (found.calls, calls.type) == ("", "call_timeouts")


def test_calls_to_a_process_whose_long_mailbox_is_empty_again_are_listed_for_the_window() -> None:
    grows, call = track([20 * n for n in range(12)]), replace(CALL, at=NOW - 1, pid="0.7.0", name="till", callee="till")
    found = detect(facts(timeouts=[call], tracks=[grows]), LIMITS)
    assert [(one.type, "calls" in one.evidence) for one in found] == [("mailbox_growth", True)]
    found = detect(facts(now=NOW + 2, timeouts=[call], explained=explained_by(found, NOW)), LIMITS)
    assert [one.type for one in found] == ["call_timeouts"]
