"""Anomaly detectors: a pure function per kind, from facts and limits to findings.

Limits are settings, read for each detection, so changes apply at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, Final

from otp import sentences
from superlearner.base.commands import command
from superlearner.control.clock import time_text, timestamp
from superlearner.control.drawing import waiting_text
from superlearner.observing.monitoring.alarms import BACK_S
from superlearner.observing.monitoring.busy_loop import busy_loop
from superlearner.observing.monitoring.code_places import CodePlace
from superlearner.observing.monitoring.crashes import unsupervised_crash
from superlearner.observing.monitoring.facts import (
    RANKS,
    AnomalyFinding,
    Awaited,
    Incident,
    LoopHold,
    NodeFacts,
    PendingCallback,
    ServiceGap,
    Severity,
    Type,
)
from superlearner.observing.monitoring.give_ups import fold_chains
from superlearner.observing.monitoring.growth import SHOWN
from superlearner.observing.monitoring.mailboxes import FLOOD, mailbox_backlog, mailbox_growth
from superlearner.observing.monitoring.memory import memory_growth
from superlearner.observing.monitoring.process_growth import ADVICE_ON_LEAK, MANY, fold_growth, process_growth
from superlearner.observing.monitoring.restart_detectors import (
    crash_loop,
    failed_start,
    repeated_crashes,
    restart_storm,
)
from superlearner.observing.monitoring.starters import describe_starter
from superlearner.observing.monitoring.stops import stopped_program
from superlearner.observing.monitoring.suspended import suspended_process
from superlearner.observing.monitoring.timeouts import (
    ADVICE,
    NOTICED_S,
    advise_on_hold,
    call_timeouts,
    end_of_hang,
    fold_timeouts,
)
from superlearner.observing.monitoring.untied import allowed_alone
from superlearner.settings.settings import Settings

__all__ = ["DETECTORS", "Detector", "detect"]

Detector = Callable[[NodeFacts, Settings], Iterator[AnomalyFinding]]
FEW: Final = 10
"""Processes of a kind without links and monitors from which they are reported."""
BRIEF: Final = 2.5
"""Multiple of the limit up to which a callback for which nothing waits is not stored: it may be slow on purpose."""


HANG_ADVICE: Final = {
    "handle_call": "a server does one thing at a time: hand long work to a Task and answer later (NoReply, then "
    "GenServer.reply), or set a time-out for what it waits for",
    "init": "the process that starts it waits until `init` returns: do long work in `handle_continue`, or set a "
    "time-out for what `init` waits for",
    "terminate": "its supervisor waits for as long as `shutdown` in its child specification allows: set a "
    "time-out for what `terminate` waits for",
}
"""Advice about a callback that does not return; other callbacks get that on `handle_call`."""


def long_callback(facts: NodeFacts, limits: Settings) -> Iterator[AnomalyFinding]:
    """Find `async def` callbacks that block their process for a long time, or did so within the window.

    A deadlock, and a hold of the loop by others, are separate findings: neither is the fault of the callback. Of a long
    `init` or `terminate`, the process that waits for it is no finding of its own.
    """
    patient = _find_patient(facts, limits)
    locked = {one.pid for circle in facts.cycles for one in circle}
    newest = {one.name or one.pid: one for one in facts.ended_callbacks}  # an earlier one is stored already
    for one in (*newest.values(), *facts.callbacks):
        seconds = one.seconds(facts.now)
        if seconds < limits.anomaly_callback or one.pid in locked or one.own_seconds(facts) < limits.anomaly_callback:
            continue
        if any(one is waiting for some in patient.values() for waiting in some):
            continue
        took = sentences.elapsed(round(seconds) if one.ended is None else seconds)
        where = f" in {one.callback}{f' at {one.place}' if one.place else ''} for {took}"
        name = one.name or one.pid
        is_brief = seconds < BRIEF * limits.anomaly_callback and not _is_waited_for(one, facts)
        is_flooded = one.waiting >= FLOOD * limits.anomaly_mailbox
        severity: Severity = "critical" if is_flooded else "high" if one.waiting else "low" if is_brief else "medium"
        where += "" if one.awaited is None else f", waiting for {one.awaited.text}"
        past = f"{name} was{where}" + (f", and {waiting_text(one.waiting, over=True)}" if one.waiting else "")
        going_on = f"{name} has been{where}" + (f", and {waiting_text(one.waiting)}" if one.waiting else "")
        yield AnomalyFinding(
            type="long_callback",
            severity=severity if one.awaited is None else _severity_of_wait(one.awaited, severity, facts, limits),
            pid=one.pid,
            name=one.name,
            description=going_on if one.ended is None else past,
            since=round(one.began, 3),
            last=one.ended,
            evidence={
                "seconds" if one.ended is None else "took_s": round(seconds, 1),
                "place": one.place,
                "what": one.what,
                "message_queue_len": one.waiting,
                **_describe_code(one.code),
                "callback": one.callback,
                **_describe_awaited(one.awaited),
                **({"patient": [waiting.pid for waiting in patient[one.pid]]} if one.pid in patient else {}),
            },
            threshold=limits.anomaly_callback,
            setting="anomaly_callback",
            hint=_advise_on_hang(one),
            size=(one.ended or facts.now) - one.began,  # until when it was seen
            incident=None if is_brief else Incident(past, one.began, one.ended),
        )


def _find_patient(facts: NodeFacts, limits: Settings) -> dict[str, list[PendingCallback]]:
    """Return the callbacks that only wait for a long `init` or `terminate`, by the pid of the process in that."""
    both = [*facts.ended_callbacks, *facts.callbacks]
    long = {
        one.pid: one
        for one in both
        if one.callback in ("init", "terminate") and one.own_seconds(facts) >= limits.anomaly_callback
    }
    patient: dict[str, list[PendingCallback]] = {}
    for one in both:
        last, seen, after = None, {one.pid}, one.awaited
        while after is not None and after.pid in long and after.pid not in seen:  # supervisors of supervisors
            target = long[after.pid]
            if target.began > (one.ended or facts.now) or (target.ended or facts.now) < one.began:
                break  # it waited for an earlier one
            seen.add(after.pid)
            last, after = target, target.awaited
        if last is not None:
            patient.setdefault(last.pid, []).append(one)
    return patient


def _describe_awaited(awaited: Awaited | None) -> dict[str, Any]:
    return {} if awaited is None or awaited.does != "answer" else {"waits_for": awaited.who, "request": awaited.request}


def _severity_of_wait(awaited: Awaited, own: Severity, facts: NodeFacts, limits: Settings) -> Severity:
    """Return the severity of a callback that only waits for another process, below that of a problem of this one."""
    hangs = [
        one for one in (*facts.callbacks, *facts.ended_callbacks) if one.seconds(facts.now) >= limits.anomaly_callback
    ]
    return (
        "low"
        if any(one.pid == awaited.pid for one in (*hangs, *facts.suspended))
        else min(own, "medium", key=RANKS.__getitem__)
    )


def _advise_on_hang(one: PendingCallback) -> str:
    if one.awaited is not None:
        return f"find out why {one.awaited.who} does not {one.awaited.does}: {one.name or one.pid} only waits for it"
    return HANG_ADVICE.get(one.callback, HANG_ADVICE["handle_call"])


def _is_waited_for(one: PendingCallback, facts: NodeFacts) -> bool:
    """Return whether messages or callers wait for the end of a callback, or calls timed out because of it."""
    until = facts.now if one.ended is None else one.ended + NOTICED_S
    return (
        one.waiting > 0
        or any(call.pid == one.pid and one.began <= call.at <= until for call in facts.timeouts)
        or any(
            other.awaited is not None and other.awaited.pid == one.pid and (other.ended or facts.now) >= one.began
            for other in (*facts.callbacks, *facts.ended_callbacks)
        )
    )


def blocked_loop(facts: NodeFacts, limits: Settings) -> Iterator[AnomalyFinding]:
    """Find code that blocked the event loop."""
    since = facts.now - limits.anomaly_window
    found = [hold for hold in facts.holds if hold.own_seconds >= limits.anomaly_loop_held]
    found.sort(key=lambda hold: hold.subject)
    for subject, group in groupby(found, key=lambda hold: hold.subject):
        known = sorted(group, key=lambda hold: hold.at)
        holds = [hold for hold in known if hold.at >= since]
        if not holds:
            continue
        row = _row_of_holds(known, limits.anomaly_window + BACK_S)
        worst = max(holds, key=lambda hold: hold.own_seconds)
        at = f", at {worst.place}" if worst.place else ""
        up_to = "for" if len(holds) == 1 else "for up to"
        longest = f"{up_to} {sentences.elapsed(worst.seconds)}{at}{worst.starved_text}"
        begun = holds[0].at - holds[0].seconds
        since_first = f"; {sentences.times_text(len(row))} since {time_text(row[0].at - row[0].seconds)}"
        severity: Severity = (
            "critical" if worst.own_seconds >= 4 * limits.anomaly_loop_held or len(holds) >= 10 else "high"
        )
        yield AnomalyFinding(
            type="blocked_loop",
            severity=severity,
            pid=worst.pid,
            name=worst.name,
            description=f"{subject} held the event loop {sentences.times_text(len(holds))} "
            f"in the last {limits.anomaly_window:g} s, {longest}{since_first if len(row) > len(holds) else ''}",
            since=round(begun, 3),
            last=round(holds[-1].at, 3),
            evidence={
                "holds": len(holds),
                "worst_s": round(worst.seconds, 3),
                "starved_s": None if worst.starved is None else round(worst.starved, 3),
                "what": worst.what,
                "place": worst.place,
                **_describe_code(worst.code),
                "newest": [_hold(hold) for hold in reversed(holds[-10:])],
            },
            count=len(row),
            size=worst.own_seconds,
            threshold=limits.anomaly_loop_held,
            setting="anomaly_loop_held",
            hint=advise_on_hold(worst),
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
    return f"{subject} held the event loop {often} {sentences.elapsed(worst.seconds)}{at}{worst.starved_text}"


def call_cycle(facts: NodeFacts, limits: Settings) -> Iterator[AnomalyFinding]:
    """Find processes that wait for one another in a circle until a call times out."""
    places = {one.pid: one.place for one in facts.callbacks}
    lengths = {one.pid: one.waiting for one in facts.callbacks}
    begins = {one.pid: one.began for one in facts.callbacks}
    for found in facts.cycles:
        first = min(range(len(found)), key=lambda at: (len(found[at].pid), found[at].pid))
        circle = [*found[first:], *found[:first]]  # one deadlock is one anomaly, whichever process is found first
        lines = [places.get(one.pid) for one in circle]
        names = [one.name or sentences.process_text(one.what, one.pid) for one in circle]
        waiting = sum(lengths.get(one.pid, 0) for one in circle)
        seen = max((one.since for one in circle if one.since is not None), default=facts.now)
        # A look saw it first; it began in the last of the callbacks, which may have waited for others before
        began = max((begins.get(one.pid, seen) for one in circle), default=seen)
        since = min(seen, max(began, seen - limits.scan_interval))
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
            past_hint=ADVICE,
            incident=Incident(_describe_circle(names, lines, "waited")),
        )  # fmt: skip


def _describe_circle(names: Sequence[str], lines: Sequence[str | None], waits: str) -> str:
    """Return the sentence about a cycle, with the line at which each process waits if it is known."""
    targets, most = [*names[1:], names[0]], 10
    shown = list(zip(targets, lines, strict=True))[:most]
    if len(names) > most:
        shown[-1] = names[0], shown[-1][1]
    waiting = [f"{waits} for {name}{f' at {line}' if line else ''}" for name, line in shown]
    return f"a deadlock: {names[0]} {', which '.join(waiting)}"


def unsupervised_process(facts: NodeFacts, limits: Settings) -> Iterator[AnomalyFinding]:
    """Find kinds of processes without links and monitors, whose end has no effect; a few may be meant to run alone.

    Processes that end soon do not count towards the threshold, but are in the reported number.
    """
    for one in facts.alone:
        seconds, is_leak = facts.now - one.since, one.settled >= MANY
        if one.settled < FEW or seconds < allowed_alone(one.settled, limits.anomaly_unsupervised_after):
            continue
        by, who = describe_starter(one.starter, over=True), f"{one.count:,} processes ({one.what})"
        yield AnomalyFinding(
            type="unsupervised_process",
            severity="low" if one.settled < 100 else "medium",
            pid=one.pid,
            name=one.name,
            group=one.what,
            description=f"{who} have no links and no monitors{by}",
            past=f"{who} had no links and no monitors{by}",
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
            hint=f"`{command('process.list', what=one.what, node=facts.called)}` lists them; {ADVICE_ON_LEAK}"
            if is_leak
            else "start them as children of a supervisor, or with spawn_link or spawn_monitor",
            past_hint=ADVICE_ON_LEAK if is_leak else "",
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
            words = f"{name} has had an unread Down message for {sentences.elapsed(round(facts.now - one.since))}"
            past = f"{name} had an unread Down message for {sentences.elapsed(round(facts.now - one.since))}"
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
    repeated_crashes,
    restart_storm,
    crash_loop,
    mailbox_growth,
    mailbox_backlog,
    memory_growth,
    process_growth,
    long_callback,
    blocked_loop,
    busy_loop,
    stopped_program,
    call_cycle,
    call_timeouts,
    unsupervised_process,
    unsupervised_crash,
    orphan_monitor,
    missing_service,
    suspended_service,
    suspended_process,
    failed_start,
)


def detect(facts: NodeFacts, limits: Settings) -> list[AnomalyFinding]:
    """Return all findings; a supervisor that fails because one below it does is no cause of its own."""
    hangs = list(long_callback(facts, limits))
    over = {one.pid: end_of_hang(one) for one in hangs if one.last is not None and one.pid is not None}
    facts = replace(facts, explained={**facts.explained, **over})
    found = fold_growth(
        [one for detector in DETECTORS for one in (hangs if detector is long_callback else detector(facts, limits))]
    )
    return fold_timeouts(fold_chains(found, facts.book), facts, limits)


# Evidence


def _describe_code(code: CodePlace | None) -> dict[str, Any]:
    return {} if code is None else code.evidence


def _hold(hold: LoopHold) -> dict[str, Any]:
    return {
        "timestamp": timestamp(hold.at),
        "seconds": round(hold.seconds, 3),
        "what": hold.what,
        "starved_s": None if hold.starved is None else round(hold.starved, 3),
    }
