"""Anomaly detectors: a pure function per kind, from facts and limits to findings.

Limits are settings, read for each detection, so changes apply at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby, takewhile
from math import ceil
from typing import Any, Final

from otp import sentences
from superlearner.base.commands import command
from superlearner.control.clock import timestamp
from superlearner.observing.analytics.figures import trend_of
from superlearner.observing.analytics.history import Entry, History
from superlearner.observing.monitoring.alarms import BACK_S
from superlearner.observing.monitoring.facts import (
    AnomalyFinding,
    Incident,
    LoopHold,
    NodeFacts,
    ServiceGap,
    Severity,
    Type,
)
from superlearner.observing.monitoring.give_ups import explain_give_up, first_of_row, fold_chains, name_child
from superlearner.observing.monitoring.growth import SHOWN
from superlearner.observing.monitoring.mailboxes import FLOOD, mailbox_backlog, mailbox_growth
from superlearner.observing.monitoring.memory import memory_growth
from superlearner.observing.monitoring.timeouts import ADVICE, call_timeouts, fold_timeouts
from superlearner.settings.settings import Settings

__all__ = ["DETECTORS", "Detector", "detect"]

Detector = Callable[[NodeFacts, Settings], Iterator[AnomalyFinding]]

NS: Final = 1_000_000_000
PARTS: Final = 4
"""The parts of the window in each of which a supervisor in a loop restarts a child."""
NEAR: Final = 0.8
"""The part of its limit up to which a supervisor does not come near a give-up."""
ROW: Final = 3
"""The ends of one child that show a rate."""
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
        words = f"{name} has restarted children {len(times):,} times in the last {window:g} s"
        if endless:
            words = (
                f"{name} is in a restart loop: {len(times):,} restarts in the last {window:g} s, and its limit, "
                f"{history.allowed:,} in {history.window_s:g} s, is never reached"
            )
            if newest := next(iter(recent), None):
                words += f"; the newest: {_explain_restart(history, newest)}"
        advice = (
            "a child that fails at every start needs another argument or a working dependency, not another "
            f"restart{cure}"
        )
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
            past=f"{name} {'was in a restart loop and ' if endless else ''}restarted children {len(times):,} times "
            f"in {window:g} s",
            hint=f"{_describe_command(recent, facts, history)}; {advice}",
            past_hint=f"{_describe_command(recent, facts, history, over=True)}; {advice}",
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
            why = explain_give_up(history, gave_up[0])
            words = f"{name} gave up{recently}{' and is not running' if down else ''}: {why}"
            past = f"{name} gave up{f' {sentences.times_text(len(gave_up))}' if recently else ''}: {why}"
        elif last_one:
            budget = sentences.budget(used, allowed, history.window_s)
            words = f"{name} has {budget}: one more failure and it gives up"
            past = f"{name} had {budget}, but did not give up"
        else:
            words = f"{name} gives up in {left:.1f} s if its children keep failing at this rate"
            past = f"{name} came within {left:.1f} s of giving up, but did not"
        newest = next(history.restart_history(), None)
        last = gave_up[-1] if gave_up else newest
        begun = facts.now if last is None else first_of_row(history, last).at
        counted = facts.clock - round(min(window, facts.now - begun + 0.001) * NS)
        failures, restarts = _describe_failures(history), list(history.restart_history())
        room = "" if history.ended_at is not None or history.has_fallen else _suggest_room(history, allowed, facts)
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
            past=past,
            hint=f"{failures}{_describe_command(restarts, facts, history)}{room}",
            past_hint=f"{failures}{_describe_command(restarts, facts, history, over=True)}{room}",
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
        return f"it could not restart {child}: {reason}"
    return sentences.ended(child, reason, failed=newest.crash)


def long_callback(facts: NodeFacts, limits: Settings) -> Iterator[AnomalyFinding]:
    """Find `async def` callbacks that block their process for a long time, other than by a deadlock."""
    locked = {one.pid for circle in facts.cycles for one in circle}
    for one in facts.callbacks:
        seconds = facts.now - one.began
        if seconds < limits.anomaly_callback or one.pid in locked:
            continue
        where = f" in {one.callback}{f' at {one.place}' if one.place else ''} for {seconds:.0f} s"
        name, messages = one.name or one.pid, "1 message" if one.waiting == 1 else f"{one.waiting:,} messages"
        is_flooded = one.waiting >= FLOOD * limits.anomaly_mailbox
        waits, waited = "waits" if one.waiting == 1 else "wait", f", and {messages} waited" if one.waiting else ""
        yield AnomalyFinding(
            type="long_callback",
            severity="critical" if is_flooded else "high" if one.waiting else "medium",
            pid=one.pid,
            name=one.name,
            description=f"{name} has been{where}" + (f", and {messages} {waits}" if one.waiting else ""),
            since=round(one.began, 3),
            evidence={
                "callback": one.callback,
                "seconds": round(seconds, 1),
                "place": one.place,
                "what": one.what,
                "message_queue_len": one.waiting,
            },
            threshold=limits.anomaly_callback,
            setting="anomaly_callback",
            hint="a server does one thing at a time: hand long work to a Task and answer later (NoReply, then "
            "GenServer.reply), or set a time-out for what it waits for",
            size=seconds,
            incident=Incident(f"{name} was{where}{waited}", one.began),
        )


def blocked_loop(facts: NodeFacts, limits: Settings) -> Iterator[AnomalyFinding]:
    """Find code that blocked the event loop."""
    since = facts.now - limits.anomaly_window
    found = [hold for hold in facts.holds if hold.own_seconds >= limits.anomaly_loop_held]
    found.sort(key=lambda hold: hold.name or hold.pid or "")
    for who, group in groupby(found, key=lambda hold: hold.name or hold.pid):
        known = sorted(group, key=lambda hold: hold.at)
        holds = [hold for hold in known if hold.at >= since]
        if not holds:
            continue
        row = _row_of_holds(known, limits.anomaly_window + BACK_S)
        worst = max(holds, key=lambda hold: hold.own_seconds)
        place = f" ({worst.place})" if worst.place else ""
        subject = who or "code outside of any process"
        longest = f"{worst.seconds:.2f} s{place}{worst.starved_text}"
        begun = holds[0].at - holds[0].seconds
        severity: Severity = (
            "critical" if worst.own_seconds >= 4 * limits.anomaly_loop_held or len(holds) >= 10 else "high"
        )
        yield AnomalyFinding(
            type="blocked_loop",
            severity=severity,
            pid=worst.pid,
            name=worst.name,
            description=f"{subject} held the event loop {sentences.times_text(len(holds))} "
            f"in the last {limits.anomaly_window:g} s, for up to {longest}",
            since=round(begun, 3),
            last=round(holds[-1].at, 3),
            evidence={
                "holds": len(holds),
                "worst_s": round(worst.seconds, 3),
                "starved_s": None if worst.starved is None else round(worst.starved, 3),
                "what": worst.what,
                "place": worst.place,
                "newest": [_hold(hold) for hold in reversed(holds[-10:])],
            },
            count=len(row),
            size=worst.own_seconds,
            threshold=limits.anomaly_loop_held,
            setting="anomaly_loop_held",
            hint="`await` slow operations, run blocking code with `otp.Task.run_blocking`, or work in smaller steps",
            past=_describe_holds(subject, row),
            incident=Incident(
                _describe_holds(subject, holds),
                begun,
                holds[-1].at,
                worst.mark,
                "blocked_loop",
            ),
        )


def _row_of_holds(holds: Sequence[LoopHold], pause: float) -> Sequence[LoopHold]:
    """Return the newest holds, back to a pause after which they are another anomaly."""
    place = len(holds) - 1
    while place > 0 and holds[place].at - holds[place].seconds - holds[place - 1].at <= pause:
        place -= 1
    return holds[place:]


def _describe_holds(subject: str, holds: Sequence[LoopHold]) -> str:
    worst = max(holds, key=lambda hold: hold.own_seconds)
    often = "for" if len(holds) == 1 else f"{sentences.times_text(len(holds))}, for up to"
    at = f", at {worst.place}" if worst.place else ""
    return f"{subject} held the event loop {often} {worst.seconds:.1f} s{at}{worst.starved_text}"


def call_cycle(facts: NodeFacts, limits: Settings) -> Iterator[AnomalyFinding]:
    """Find processes that wait for one another in a circle until a call times out."""
    places = {one.pid: one.place for one in facts.callbacks}
    lengths = {one.pid: one.waiting for one in facts.callbacks}
    for found in facts.cycles:
        first = min(range(len(found)), key=lambda at: (len(found[at].pid), found[at].pid))
        circle = [*found[first:], *found[:first]]  # one deadlock is one anomaly, whichever process is found first
        lines = [places.get(one.pid) for one in circle]
        names = [one.name or one.pid for one in circle]
        waiting = sum(lengths.get(one.pid, 0) for one in circle)
        since = max((one.since for one in circle if one.since is not None), default=facts.now)
        messages = f", and {waiting:,} message{' waits' if waiting == 1 else 's wait'}" if waiting else ""
        yield AnomalyFinding(
            type="call_cycle",
            severity="critical",
            pid=circle[0].pid,
            name=circle[0].name,
            description=_describe_circle(names, lines, "waits") + messages,
            since=round(since, 3),
            size=facts.now - since,
            evidence={
                "circle": [
                    {"pid": one.pid, "name": one.name, "what": one.what, "waits_for": one.target, "kind": one.kind,
                     "request": one.request, "place": places.get(one.pid)}
                    for one in circle[:SHOWN]
                ],
                "processes": names[:SHOWN],
            },
            threshold=limits.scan_interval,
            setting="scan_interval",
            hint=f"it ends when the first call times out; {ADVICE}",
            incident=Incident(_describe_circle(names, lines, "waited")),
        )  # fmt: skip


def _describe_circle(names: Sequence[str], lines: Sequence[str | None], waits: str) -> str:
    """Return the sentence about a cycle, with the line at which each process waits if it is known."""
    targets, most = [*names[1:], names[0]], 10
    shown = list(zip(targets, lines, strict=True))[:most]
    if len(names) > most:
        shown[-1] = names[0], shown[-1][1]
    waiting = [f"{waits} for {name}{f' at {line}' if line else ''}" for name, line in shown]
    return f"a deadlock: {names[0]} {', who '.join(waiting)}"


def unsupervised_process(facts: NodeFacts, limits: Settings) -> Iterator[AnomalyFinding]:
    """Find processes without links and monitors, whose end has no effect."""
    for one in facts.alone:
        seconds = facts.now - one.since
        if seconds < limits.anomaly_unsupervised_after:
            continue
        who = f"{one.name or one.pid} ({one.what})" if one.count == 1 else f"{one.count} processes ({one.what})"
        yield AnomalyFinding(
            type="unsupervised_process",
            severity="low" if one.count < 100 else "medium",
            pid=one.pid,
            name=one.name,
            group=one.what,
            description=f"{who} {'has' if one.count == 1 else 'have'} no links and no monitors",
            past=f"{who} had no links and no monitors",
            since=round(one.since, 3),
            evidence={
                "what": one.what,
                "count": one.count,
                "pids": list(one.pids[:SHOWN]),
                "links": 0,
                "monitored_by": 0,
                "seconds": round(seconds, 1),
            },
            count=one.count,
            threshold=limits.anomaly_unsupervised_after,
            setting="anomaly_unsupervised_after",
            hint="start it as the child of a supervisor, or with spawn_link or spawn_monitor",
        )


def orphan_monitor(facts: NodeFacts, limits: Settings) -> Iterator[AnomalyFinding]:
    """Find duplicate monitors, and Down messages that are not read."""
    for one in facts.watchers:
        name = one.name or one.pid
        many = one.monitors >= limits.anomaly_monitors
        stale = one.unread > 0 and facts.now - one.since >= limits.anomaly_down_unread
        if not (many or stale):
            continue
        if many:
            words = f"{name} has made {one.monitors} monitors of the same process {one.target}"
            past = f"{name} had {one.monitors} monitors of the same process {one.target}"
            hint = "each monitor sends its own Down message: call demonitor(ref, flush=True) for those no longer needed"
        else:
            words = f"{name} has had an unread Down message for {facts.now - one.since:.0f} s"
            past = f"{name} had an unread Down message for {facts.now - one.since:.0f} s"
            hint = "handle Down in handle_info (or receive it), or do not monitor"
        yield AnomalyFinding(
            type="orphan_monitor",
            severity="medium" if many else "low",
            pid=one.pid,
            name=one.name,
            description=words,
            past=past,
            since=round(one.since, 3),
            evidence={"monitors": one.monitors, "target": one.target, "unread": one.unread, "what": one.what},
            threshold=limits.anomaly_monitors if many else limits.anomaly_down_unread,
            setting="anomaly_monitors" if many else "anomaly_down_unread",
            hint=hint,
        )


def missing_service(facts: NodeFacts, limits: Settings) -> Iterator[AnomalyFinding]:
    """Find services of the platform that do not run."""
    hint = "the platform starts it again after a pause; its log says why a start fails"
    for one in facts.services:
        if one.pid is None:
            yield _of_service("missing_service", one, "does not run", "did not run", hint, limits)


def suspended_service(facts: NodeFacts, limits: Settings) -> Iterator[AnomalyFinding]:
    """Find services of the platform that are suspended."""
    for one in facts.services:
        if one.pid is not None:
            hint = f"resume it with `{command('process.resume', one.pid, node=facts.called)}`"
            words, past = "is suspended and handles no message", "was suspended and handled no message"
            yield _of_service("suspended_service", one, words, past, hint, limits)


def _of_service(type: Type, one: ServiceGap, words: str, past: str, hint: str, limits: Settings) -> AnomalyFinding:
    return AnomalyFinding(
        type=type,
        severity="critical",
        pid=one.pid,
        name=one.name,
        description=f"{one.name}, a service of the platform, {words}",
        past=f"{one.name}, a service of the platform, {past}",
        since=round(one.since, 3),
        evidence={"supervisor": one.supervisor},
        threshold=limits.scan_interval,
        setting="scan_interval",
        hint=hint,
    )


DETECTORS: Final[tuple[Detector, ...]] = (
    restart_storm,
    crash_loop,
    mailbox_growth,
    mailbox_backlog,
    memory_growth,
    long_callback,
    blocked_loop,
    call_cycle,
    call_timeouts,
    unsupervised_process,
    orphan_monitor,
    missing_service,
    suspended_service,
)


def detect(facts: NodeFacts, limits: Settings) -> list[AnomalyFinding]:
    """Return all findings; a supervisor that fails because one below it does is no cause of its own."""
    found = [finding for detector in DETECTORS for finding in detector(facts, limits)]
    return fold_timeouts(fold_chains(found, facts.book), facts, limits)


# Hints


def _describe_command(entries: Sequence[Entry], facts: NodeFacts, history: History, *, over: bool = False) -> str:
    """Return a phrase with the command that explains the newest restart or give-up, or lists the failures.

    Once it is over, there may be no process of then to explain: its restarts are listed.
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


def _describe_failures(history: History) -> str:
    """Return the words that a child fails at each start; "" unless its last start failed."""
    newest = next((one for one in history.restart_history() if one.event_type != "gave_up"), None)
    return "the same child fails at each start: " if newest and newest.event_type == "restart_failed" else ""


def _suggest_room(history: History, allowed: int | None, facts: NodeFacts) -> str:
    """Return the commands that give a running supervisor more time or more restarts."""
    who = history.name or history.pid
    pause = command("supervisor.pause", who, node=facts.called)
    more = command("supervisor.set_flags", who, max_restarts=10 * max(1, allowed or 1), node=facts.called)
    return f". `{more}` gives it more room, `{pause}` stops restarts while you look"


def _suggest_limit(history: History, facts: NodeFacts, pause: float) -> str:
    """Return the command with which a supervisor that restarts every `pause` seconds gives up."""
    seconds = max(5, ceil(2 * LIMIT * pause))
    name = history.name or history.pid
    flags = command("supervisor.set_flags", name, max_restarts=LIMIT, max_seconds=seconds, node=facts.called)
    return f". `{flags}` lets it give up"


# Evidence


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


def _hold(hold: LoopHold) -> dict[str, Any]:
    return {
        "timestamp": timestamp(hold.at),
        "seconds": round(hold.seconds, 3),
        "what": hold.what,
        "starved_s": None if hold.starved is None else round(hold.starved, 3),
    }
