"""Detectors of restarts: children that crash alike, supervisors that restart often, or give up. Pure.

Each names the child that failed most, its error and its line, which is what to fix.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import takewhile, zip_longest
from math import ceil
from typing import Any, Final

from otp import sentences
from superlearner.base.commands import command
from superlearner.control.clock import timestamp
from superlearner.observing.analytics.figures import trend_of
from superlearner.observing.analytics.history import Entry, History
from superlearner.observing.monitoring.facts import AnomalyFinding, NodeFacts
from superlearner.observing.monitoring.give_ups import describe_ends, explain_give_up, first_of_row, kind_of, name_child
from superlearner.observing.monitoring.growth import SHOWN
from superlearner.observing.monitoring.unanswered import advise_on_call
from superlearner.settings.settings import Settings

__all__ = ["crash_loop", "failed_start", "repeated_crashes", "restart_storm"]

NS: Final = 1_000_000_000
PARTS: Final = 4
"""The parts of the window in each of which a supervisor in a loop restarts a child."""
NEAR: Final = 0.8
"""The part of its limit up to which a supervisor does not come near a give-up."""
ROW: Final = 3
"""The ends of one child that show a rate."""
ALIKE: Final = 4
"""The equal crashes at one line, within the window, that are a problem."""
LIMIT: Final = 3
"""The restarts that a supervisor allows by default."""


def restart_storm(facts: NodeFacts, limits: Settings) -> Iterator[AnomalyFinding]:
    """Find supervisors that restart their children often, even within their limits."""
    window = limits.anomaly_window
    for history in facts.book.histories.values():
        since = facts.clock - round(window * NS)
        times, tries = history.restarts.newest(since), history.attempts.newest(since)
        endless = _never_gives_up(history, tries, facts.clock, window)
        counted = history.restarts
        if endless and len(tries) > len(times):
            counted, times = history.attempts, tries
        if len(times) < limits.anomaly_restarts:
            continue
        offset = facts.now - facts.clock / NS
        cure = _suggest_limit(history, facts, window / len(times)) if endless else ""
        recent = [entry for entry in history.restart_history() if entry.at >= facts.now - window][:SHOWN]
        name, rate = _called(history, facts), len(times) / window
        worst = _find_worst(history, facts.now - window)
        told = f": {_describe(history, worst)}" if worst else ""
        often = sentences.times_text(len(times))
        words = f"{name} has restarted children {often} in the last {window:g} s{told}"
        if endless:
            words = (
                f"{name} is in a restart loop: {len(times):,} restarts in the last {window:g} s, and its limit, "
                f"{history.allowed:,} in {history.window_s:g} s, is never reached"
            )
            if newest := next(iter(recent), None):
                words += f"; the newest: {_explain_restart(history, newest)}"
        yield AnomalyFinding(
            type="restart_storm",
            severity="critical" if endless or len(times) >= 5 * limits.anomaly_restarts else "high",
            pid=history.pid,
            name=history.name,
            description=words,
            since=round(offset + _first_of_storm(counted.newest(0), limits.anomaly_restarts, window) / NS, 3),
            last=round(offset + times[-1] / NS, 3),
            evidence={
                "restarts": len(times),
                "window_s": window,
                "restarts_per_s": round(rate, 3),
                "endless": endless,
                "by_child": _counts(entry.child_id or "(no id)" for entry in recent),
                "by_reason": _counts(entry.reason or "unknown" for entry in recent),
                "newest": [_restart(entry) for entry in recent[:5]],
            },
            count=len(times),
            threshold=limits.anomaly_restarts,
            setting="anomaly_restarts",
            subject=_identify(worst),
            past=f"{name} {'was in a restart loop and ' if endless else ''}restarted children {often} "
            f"in {window:g} s{told}",
            hint=_advise(worst, facts, history, cure),
            past_hint=_advise(worst, facts, history, cure, over=True),
        )


def _first_of_storm(times: Sequence[int], least: int, window: float) -> int:
    """Return the first of the restarts since which each window had at least this many."""
    place = len(times) - least
    while place > 0 and times[place + least - 2] - times[place - 1] <= window * NS:
        place -= 1
    return times[place]


def _never_gives_up(history: History, tries: Sequence[int], now: int, window: float) -> bool:
    """Return whether a supervisor has restarted all the time, too slowly to reach its limit."""
    allowed, span = history.allowed, round(_window(history) * NS)
    if not isinstance(allowed, int) or history.window_s == "infinity" or history.ended_at is not None or not tries:
        return False
    parts = {int((now - at) / NS / window * PARTS) for at in tries}
    if not parts.issuperset(range(PARTS)):
        return False
    first = peak = 0
    for place, at in enumerate(tries):
        while tries[first] < at - span:
            first += 1
        peak = max(peak, place - first + 1)
    return peak <= NEAR * allowed


def crash_loop(facts: NodeFacts, limits: Settings) -> Iterator[AnomalyFinding]:
    """Find supervisors whose restart budget is almost used up, or that just gave up, or are still down since then."""
    window = limits.anomaly_window
    for history in facts.book.histories.values():
        gave_up = [
            entry
            for entry in history.restart_history()
            if entry.event_type == "gave_up" and entry.at >= facts.now - window
        ]
        down = history.is_down
        recently = f" {sentences.times_text(len(gave_up))} in the last {window:g} s" if len(gave_up) > 1 else ""
        if down and not gave_up:
            gave_up = [next(history.restart_history())]
        used, allowed = _budget(history, facts.clock)
        trend = trend_of(history, facts.clock, 60_000)
        left = trend.seconds_to_give_up
        soon = left is not None and left <= limits.anomaly_give_up_within and _keeps_failing(history, facts)
        last_one = history.ended_at is None and allowed is not None and used >= max(allowed, 1)
        if not (gave_up or soon or last_one):
            continue
        name = _called(history, facts)
        if gave_up:
            differ = len({(one.child_id, one.reason, one.where) for one in gave_up}) > 1
            why = f"{'; the last time' if differ else ''}: {explain_give_up(history, gave_up[0])}"
            words = f"{name} gave up{recently}{' and is not running' if down else ''}{why}"
            past = f"{name} gave up{f' {sentences.times_text(len(gave_up))}' if recently else ''}{why}"
        elif last_one:
            budget = sentences.budget(used, allowed, history.window_s)
            words = f"{name} has {budget}: one more failure and it gives up"
            past = f"{name} had {budget}, but did not give up"
        else:
            words = f"{name} gives up in {sentences.elapsed(left or 0.0)} if its children keep failing at this rate"
            past = f"{name} came within {sentences.elapsed(left or 0.0)} of giving up, but did not"
        newest = next(history.restart_history(), None)
        last = gave_up[-1] if gave_up else newest
        begun = facts.now if last is None else first_of_row(history, last).at
        counted = facts.clock - round(min(window, facts.now - begun + 0.001) * NS)
        worst = _find_worst(history, begun - 0.001)
        if not gave_up and worst:
            told = _describe(history, worst)
            words, past = f"{words}{'; ' if last_one else ': '}{told}", f"{past}; {told}"
        room = "" if gave_up or _fails_at_start(worst) else _suggest_room(history, allowed, facts)
        yield AnomalyFinding(
            type="crash_loop",
            severity="critical" if gave_up or soon else "high",
            pid=history.pid,
            name=history.name,
            description=words,
            since=round(begun, 3),
            last=None if down or newest is None else round(newest.at, 3),
            evidence={
                "restarts_used": used,
                "max_restarts": allowed,
                "max_seconds": None if history.window_s == "infinity" else history.window_s,
                "seconds_to_give_up": left,
                "give_ups": len(gave_up),
                "newest": [_restart(entry) for entry, _ in zip(history.restart_history(), range(5), strict=False)],
            },
            count=max(len(history.restarts.newest(counted)) + len(gave_up), 1),
            threshold=limits.anomaly_give_up_within,
            setting="anomaly_give_up_within",
            size=len(gave_up),
            subject=_identify(gave_up or worst),
            past=past,
            hint=_advise(worst, facts, history, room, repair=True),
            past_hint=_advise(worst, facts, history, room, repair=True, over=True),
        )


def repeated_crashes(facts: NodeFacts, limits: Settings) -> Iterator[AnomalyFinding]:
    """Find children that crash again and again at one line, up to a window after the last time.

    Their supervisor restarts them, far from its limits, so that nothing else may say so.
    """
    window = limits.anomaly_window
    for history in facts.book.histories.values():
        ends = _find_alike(history, facts.now - window, window)
        if len(ends) < ALIKE:
            continue
        words = (
            f"{describe_ends(name_child(history, ends[0]), ends)}; {_called(history, facts)} {_describe_answers(ends)}"
        )
        yield AnomalyFinding(
            type="crash_loop",
            severity="medium",
            pid=history.pid,
            name=history.name,
            description=words,
            past=words,
            since=round(ends[-1].at, 3),
            last=round(ends[0].at, 3),
            evidence={"crashes": len(ends), "place": ends[0].where, "newest": [_restart(one) for one in ends[:5]]},
            count=len(ends),
            threshold=window,
            setting="anomaly_window",
            subject=_identify(ends),
            hint=_advise(ends, facts, history, ""),
            past_hint=_advise(ends, facts, history, "", over=True),
        )


def _describe_answers(ends: Sequence[Entry]) -> str:
    """Return how often a supervisor restarted a child after its crashes, and how often it gave up instead."""
    falls = sum(one.event_type == "gave_up" for one in ends)
    if not falls:
        return "restarted it each time"
    fell, again = sentences.times_text(falls), sentences.times_text(len(ends) - falls)
    return f"restarted it {again} and gave up {fell}" if falls < len(ends) else f"gave up {fell}"


def _find_alike(history: History, since: float, window: float) -> list[Entry]:
    """Return the crashes of the child that crashes most at one line, all within a window, newest first.

    The newest one is not older than `since`. A give-up after a failed start follows no further crash.
    """
    groups: dict[tuple[str | None, str, str], list[Entry]] = {}
    entries = list(takewhile(lambda one: one.at >= since - window, history.restart_history()))
    for one, before in zip_longest(entries, entries[1:]):
        retried = before is not None and (before.event_type, before.child_id) == ("restart_failed", one.child_id)
        own = one.event_type == "restarted" or (one.event_type == "gave_up" and not retried)
        if own and one.crash and one.where:
            group = groups.setdefault((one.child_id, kind_of(one), one.where), [one])
            if group[0] is not one and one.at >= group[0].at - window:
                group.append(one)
    recent = (group for group in groups.values() if group[0].at >= since)
    return max(recent, key=len, default=list[Entry]())


def failed_start(facts: NodeFacts, limits: Settings) -> Iterator[AnomalyFinding]:
    """Find permanent children that do not run because a start on request failed."""
    for history, one in facts.unstarted:
        if one.restart != "permanent":
            continue
        name = history.names.get(one.id, one.id)
        why = f"{one.reason}{sentences.at_place(one.where, one.reason)}"
        explains = f"`{command('error.why', name, node=facts.called)}` explains it"
        again = command("supervisor.restart_child", history.name or history.pid, one.id, node=facts.called)
        explains = advise_on_call(one.unanswered, name, facts, explains) or explains
        repeats = facts.operates and one.known
        told, past = (
            (f"{name} is stopped; its last start failed", f"{name} was stopped; its start failed")
            if one.known
            else (f"{name} could not be started",) * 2
        )
        yield AnomalyFinding(
            type="failed_start",
            severity="high",
            pid=None,
            name=name,
            description=f"{told}: {why}",
            past=f"{past}: {why}",
            since=round(one.at, 3),
            evidence={"supervisor": history.name or history.pid, "child_id": one.id, "where": one.where},
            count=one.times,
            threshold=limits.scan_interval,
            setting="scan_interval",
            hint=f"{explains}; once that is repaired, `{again}` starts it" if repeats else explains,
            past_hint=explains,
            group=f"{history.key}/{one.id}",
        )


def _keeps_failing(history: History, facts: NodeFacts) -> bool:
    """Return whether one child ends again and again: ends of several children, as after a deadlock, are no rate."""
    since = facts.now - _window(history)
    recent = takewhile(lambda entry: entry.at >= since, history.restart_history())
    ends = Counter(entry.child_id for entry in recent if entry.event_type in ("restarted", "restart_failed"))
    return max(ends.values(), default=0) >= ROW


def _explain_restart(history: History, newest: Entry) -> str:
    """Return why a child was restarted, or why that failed."""
    child, reason = name_child(history, newest), newest.reason or "unknown"
    if newest.event_type == "restart_failed":
        return sentences.could_not_restart("it", child, reason, at=newest.where or "")
    return sentences.ended(child, reason, failed=newest.crash, at=newest.where)


# Hints


def _describe_command(entries: Sequence[Entry], facts: NodeFacts, history: History, *, over: bool = False) -> str:
    """Return a phrase with the command that explains the newest restart or give-up, or lists the failures.

    If `over`, its processes may be gone, so the command lists restarts instead.
    """
    child = entries[0].child_id if entries else None
    if over and (history.has_fallen or (child is not None and child in history.names)):
        return f"`{command('restart.list', node=facts.called)}` lists its restarts"
    if history.has_fallen:
        return f"`{command('error.why', history.name or history.pid, node=facts.called)}` explains it"
    if not entries:
        return f"`{command('error.list', node=facts.called)}` lists the newest failures"
    if child is not None and child in history.names:
        return f"`{command('error.why', history.names[child], node=facts.called)}` explains the newest one"
    # The pid of an entry names nothing after the next restart
    return f"`{command('restart.list', process=child, node=facts.called)}` lists the newest restarts"


def _advise(
    worst: Sequence[Entry], facts: NodeFacts, history: History, more: str, *, repair: bool = False, over: bool = False
) -> str:
    """Return the advice about the child that failed most, from its ends, newest first.

    `more` suggests more restarts, which do not help against the same error at the same line. `repair` is for
    a supervisor that gave up or is about to: the advice begins with the cause.
    """
    shows = _describe_command(worst, facts, history, over=over)
    if worst and (missed := advise_on_call(worst[0].unanswered, name_child(history, worst[0]), facts, shows)):
        return f"{missed}{more}"
    if _fails_at_start(worst):
        return (
            "the same child fails at each start: it needs another argument or a working dependency, not another "
            f"restart; {shows}{more}"
        )
    if _have_one_place(worst):  # the description names it
        return f"fix that line first: all these crashes happened there; {shows}"
    what = "its children" if not worst or worst[0].child_id is None else name_child(history, worst[0])
    return f"{f'first fix the failures of {what}: ' if repair else ''}{shows}{more}"


def _fails_at_start(ends: Sequence[Entry]) -> bool:
    """Return whether the last restart of a child failed."""
    newest = next((one for one in ends if one.event_type != "gave_up"), None)
    return newest is not None and newest.event_type == "restart_failed"


def _identify(ends: Sequence[Entry]) -> str:
    """Return the id of the child that failed last and the kind of its reason, which identify a series of failures."""
    return f"{ends[0].child_id} {kind_of(ends[0])}" if ends else ""


def _find_worst(history: History, since: float) -> list[Entry]:
    """Return the ends of the child that ended by itself most often since a time, newest first."""
    recent = takewhile(lambda one: one.at >= since, history.restart_history())
    ends = [one for one in recent if one.event_type != "restarted_along"]
    counted = Counter(one.child_id for one in ends)  # the first of equal ones is the newest
    return [one for one in ends if one.child_id == counted.most_common(1)[0][0]]


def _have_one_place(ends: Sequence[Entry]) -> bool:
    """Return whether a child failed again and again for the same reason, at the same line."""
    alike = {(kind_of(one), (one.where or "").partition(" ")[0]) for one in ends}
    return len(ends) > 1 and len(alike) == 1 and all(one.crash and one.where for one in ends)


def _describe(history: History, ends: Sequence[Entry]) -> str:
    """Return how a child ended, from its ends, newest first."""
    child, reason = name_child(history, ends[0]), ends[0].reason or "unknown"
    tries = len(list(takewhile(lambda one: one.event_type == "restart_failed" and one.reason == ends[0].reason, ends)))
    if tries > 1:
        return sentences.tried("it", child, tries, reason, at=ends[0].where or "")
    if tries:
        return sentences.could_not_restart("it", child, reason, at=ends[0].where or "")
    return describe_ends(child, ends)


def _suggest_room(history: History, allowed: int | None, facts: NodeFacts) -> str:
    """Return the commands that give a running supervisor more time or more restarts; "" if it permits none."""
    if not facts.operates:
        return ""
    who = history.name or history.pid
    pause = command("supervisor.pause", who, node=facts.called)
    more = command("supervisor.set_flags", who, max_restarts=10 * max(1, allowed or 1), node=facts.called)
    return f". Until then, `{more}` allows more restarts, or `{pause}` stops them while you look"


def _suggest_limit(history: History, facts: NodeFacts, pause: float) -> str:
    """Return the command with which a supervisor that restarts every `pause` seconds gives up; "" if not permitted."""
    if not facts.operates:
        return ""
    seconds = max(5, ceil(2 * LIMIT * pause))
    name = history.name or history.pid
    flags = command("supervisor.set_flags", name, max_restarts=LIMIT, max_seconds=seconds, node=facts.called)
    return f". `{flags}` lets it give up"


def _budget(history: History, clock: int) -> tuple[int, int | None]:
    allowed = history.allowed
    if allowed is None or allowed == "infinity" or history.window_s in (None, "infinity"):
        return 0, None
    return len(history.attempts.newest(clock - round(_window(history) * NS))), allowed


def _window(history: History) -> float:
    return history.window_s if isinstance(history.window_s, int | float) else 60.0


def _called(history: History, facts: NodeFacts) -> str:
    """Return the supervisor's name, or else what it runs and its pid."""
    what = facts.whats.get(history.pid)
    return history.name or (history.pid if what is None else f"{what} {history.pid}")


def _counts(words: Any) -> dict[str, int]:
    counted: dict[str, int] = {}
    for word in words:
        counted[word] = counted.get(word, 0) + 1
    return counted


def _restart(entry: Any) -> dict[str, Any]:
    return {
        "timestamp": timestamp(entry.at),
        "event_type": entry.event_type,
        "child_id": entry.child_id,
        "reason": entry.reason,
    }
