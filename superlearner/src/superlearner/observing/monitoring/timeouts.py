"""Detector of calls that timed out, by the process that was called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import otp
from otp import Node, sentences
from otp.observer.reading import waiting_at
from superlearner.base.commands import command
from superlearner.control.clock import time_text, timestamp
from superlearner.control.events import TraceEvent
from superlearner.control.terms import clip, plain_pid
from superlearner.control.timeouts import (
    LONGEST,
    callee_of,
    caller_of,
    is_of_platform,
    line_of,
    seconds_of,
    timeout_text,
)
from superlearner.control.wrong_results import cause_of_timeout
from superlearner.observing.monitoring.alarms import EXACT, Alarm
from superlearner.observing.monitoring.facts import AnomalyFinding, Incident, LoopHold, NodeFacts, TimedOut, held_within
from superlearner.settings.settings import Settings

__all__ = ["ADVICE", "LOOP_ADVICE", "NOTICED_S", "advise_on_hold", "call_timeouts", "describe_calls_of",
           "end_cycles", "end_of_hang", "explained_by", "find_waiting", "fold_timeouts", "list_deadlocks", "pids_of",
           "timed_out"]  # fmt: skip

MANY: Final = 10
"""Calls from which the severity is high."""
CALLERS: Final = 3
NEWEST: Final = 5
NOTICED_S: Final = 1.0
"""Seconds after a hold of the loop until a call that timed out meanwhile is noticed."""
RELEVANT_PART: Final = 0.5
"""Part of the time of a call from which a hold of the loop may be why it timed out."""
ADVICE: Final = "let one of the processes cast, or answer later with NoReply and GenServer.reply"
"""Advice about deadlocks."""
LOOP_ADVICE: Final = "`await` slow operations, run blocking code with `otp.Task.run_blocking`, or work in smaller steps"
"""Advice about holds of the event loop."""
EXPLAINS: Final = frozenset(
    {"long_callback", "mailbox_growth", "mailbox_backlog", "blocked_loop", "call_cycle", "suspended_process"}
)
"""Types of findings that say why a process does not answer in time."""
BEGIN: Final = frozenset({"long_callback", "mailbox_growth", "mailbox_backlog"})
"""Those that explain only calls that timed out since they began."""
OUTLASTS: Final = frozenset({"long_callback", "blocked_loop"})
"""Those that are listed for as long as the calls that timed out because of them."""


def call_timeouts(facts: NodeFacts, limits: Settings) -> Iterator[AnomalyFinding]:
    """Find processes that did not answer calls in time, also if the callers caught the error."""
    window = limits.anomaly_window
    groups: dict[str, list[TimedOut]] = {}
    for one in facts.timeouts:
        # The calls of a deadlock fail after the look that found it last
        margin = 2 * limits.scan_interval + NOTICED_S if one.cycle else 0.0
        if one.at >= facts.now - window and one.at > facts.explained.get(one.pid or "", 0.0) + margin:
            groups.setdefault(one.cycle or one.callee, []).append(one)
    begun = {one.pid: one.began for one in facts.callbacks}
    for called, calls in groups.items():
        # Those of a callback that still runs may be part of a hang, which is another anomaly than the calls before it
        calls = [one for one in calls if one.at < begun.get(one.pid or "", one.at + 1)] or calls
        last, count, cycle = calls[-1], len(calls), calls[-1].cycle
        callee = last.callee if cycle is None else "processes in a deadlock" if count > 1 else "a process in a deadlock"
        callers = Counter(one.caller for one in calls)
        names = [name for name, _ in callers.most_common()]
        after = timeout_text(one.timeout for one in calls)
        begin = f"{_count(calls)} {callee} timed out{f' {after}' if after else ''}"
        origin = f", from {sentences.listed(names[:CALLERS], more=len(names[CALLERS:]))}"
        hold = _find_hold(last, facts)
        details = _describe(last, count) + ("" if hold is None else f"; meanwhile {_describe_hold(hold)}")
        past = f"{begin}{origin}{details}"
        pids = {one.pid for one in calls}
        yield AnomalyFinding(
            type="call_timeouts",
            severity="high" if count >= MANY else "medium",
            pid=last.pid,
            name=last.name,
            group=called if cycle is not None or (last.name is None and len(pids) > 1) else None,
            description=f"{begin} in the last {window:g} s{origin}{details}",
            past=past,
            since=round(calls[0].at, 3),
            last=round(last.at, 3),
            evidence={
                "calls": count,
                "callers": dict(callers.most_common(20)),
                "request": last.request,
                "place": last.line,
                "cause": last.cause or last.why,
                "newest": [_line(one) for one in reversed(calls[-NEWEST:])],
            },
            count=count,
            size=count,
            threshold=window,
            setting="anomaly_window",
            hint=_hint(last, facts) if hold is None else advise_on_hold(hold),
            past_hint="" if last.pid is None or hold is not None else _advise(last),
            incident=Incident(past, calls[0].at),
        )


def fold_timeouts(found: Iterable[AnomalyFinding], facts: NodeFacts, limits: Settings) -> list[AnomalyFinding]:
    """Return findings without calls that timed out because of another finding; that one counts them."""
    since = facts.now - limits.anomaly_window
    known = [one for one in facts.timeouts if one.pid is not None]
    folded: list[AnomalyFinding] = []
    explained: set[str] = set()
    for one in found:
        pids = pids_of(one) if known and one.type in EXPLAINS else set[str]()
        # Of a long hang or deadlock, all calls; and of a hang or a long mailbox, none to the process before it
        begin = one.since if one.type in BEGIN else min(since, one.since) if one.type in EXACT else since
        calls = [call for call in known if call.at >= begin and call.pid in pids and _may_be_cause(one, call, facts)]
        explained.update(pids if calls and not _is_past_hang(one) else ())
        folded.append(_with_calls(one, calls) if calls else one)
    return [one for one in folded if one.type != "call_timeouts" or one.pid not in explained]


def _may_be_cause(one: AnomalyFinding, call: TimedOut, facts: NodeFacts) -> bool:
    """Return whether a finding can be why a call timed out: of holds of the loop, only one during which it did."""
    if _is_past_hang(one):
        return call.at <= end_of_hang(one)
    return one.type != "blocked_loop" or any(hold.pid == call.pid for hold in _holds_during(call, facts))


def _is_past_hang(one: AnomalyFinding) -> bool:
    return one.type == "long_callback" and one.last is not None


def end_of_hang(one: AnomalyFinding) -> float:
    """Return until when a callback that has ended explains calls that timed out."""
    return (one.last or 0.0) + NOTICED_S


def _holds_during(call: TimedOut, facts: NodeFacts) -> Iterator[LoopHold]:
    """Yield the holds of the loop during which a call timed out and which took a large part of its time."""
    least = RELEVANT_PART * (call.timeout or 0.0)
    during = (hold for hold in facts.holds if hold.at - hold.seconds <= call.at <= hold.at + NOTICED_S)
    return (hold for hold in during if hold.own_seconds >= least)


def _find_hold(call: TimedOut, facts: NodeFacts) -> LoopHold | None:
    """Return the longest hold by another process during which a call timed out, unless it was in a deadlock."""
    others = [hold for hold in _holds_during(call, facts) if call.cycle is None and hold.pid != call.pid]
    return max(others, key=lambda hold: hold.seconds, default=None)


def _describe_hold(hold: LoopHold) -> str:
    return sentences.held(hold.subject, hold.seconds, hold.place or "")


def advise_on_hold(hold: LoopHold) -> str:
    """Return what to try about a hold of the event loop; "" for one by the platform."""
    return "" if hold.is_of_platform else LOOP_ADVICE


def pids_of(one: AnomalyFinding) -> set[str]:
    """Return the processes that do not answer because of a finding."""
    circle = {member["pid"] for member in one.evidence.get("circle", ())}
    return circle if one.pid is None else {one.pid, *circle}


def explained_by(found: Iterable[AnomalyFinding], now: float) -> dict[str, float]:
    """Return until when other findings, and deadlocks, explain calls that timed out, by the pid of the callee.

    A long mailbox that is empty again does so no longer: its calls are a finding until the end of the window.
    """
    return {
        pid: end_of_hang(one) if _is_past_hang(one) else now
        for one in found
        if one.type in ("call_cycle", "suspended_process") or (one.type in OUTLASTS and "calls" in one.evidence)
        for pid in pids_of(one)
    }


def _with_calls(one: AnomalyFinding, calls: Sequence[TimedOut]) -> AnomalyFinding:
    count, past = len(calls), one.past or ("" if one.incident is None else one.incident.text)
    own = sum(1 for call in calls if one.type == "call_cycle" and call.cycle)
    callers = Counter(call.caller for call in calls)
    names = [name for name, _ in callers.most_common()]
    to = f"to it from {sentences.listed(names[:CALLERS], more=len(names[CALLERS:]))}"
    parts = [(own, "in it"), (count - own, "to its processes" if one.type == "call_cycle" else to)]
    told = [f"{'a call' if many == 1 else f'{many:,} calls'} {where}" for many, where in parts if many]
    words = f"; {' and '.join(told)} timed out"
    return replace(
        one,
        description=one.description + words,
        past=past and past + words,
        calls=words,
        evidence={**one.evidence, "calls": count, "callers": dict(callers.most_common(20))},
    )


def end_cycles(
    active: dict[tuple[str, str], Alarm], facts: NodeFacts, limits: Settings
) -> tuple[dict[str, float], list[AnomalyFinding]]:
    """Let deadlocks that are over end with their last call, which no scan has seen, and count their calls.

    Returns until when they explain calls that timed out, by the pid of the callee, and those that ended within the
    window: they stay for it, in the past tense, as a time-out does.
    """
    explained: dict[str, float] = {}
    kept: list[AnomalyFinding] = []
    for key, alarm in active.items():
        one, pids = alarm.worst, pids_of(alarm.worst)
        if one.type != "call_cycle" or any(pids <= {waiter.pid for waiter in circle} for circle in facts.cycles):
            continue
        if one.last is None:
            calls = [call for call in facts.timeouts if call.pid in pids and call.at >= one.since]
            end = max((call.at for call in calls if call.cycle), default=None)
            if end is None and _may_yet_fail(one, pids, facts, limits):
                kept.append(one)
                continue
            if end is not None:
                one = _with_calls(replace(one, past=""), [call for call in calls if call.at <= end])
                explained |= dict.fromkeys(pids, end)
            one = _over(one, alarm.worst.since + alarm.worst.size if end is None else end)
            active[key] = replace(alarm, finding=one, worst=one)
        if one.last is not None and one.last >= facts.now - limits.anomaly_window:
            kept.append(one)
    return explained, kept


def _may_yet_fail(one: AnomalyFinding, pids: set[str], facts: NodeFacts, limits: Settings) -> bool:
    """Return whether the calls of a deadlock, which are over, are about to fail.

    After a hold of the loop, a scan may run between the timeout of a call and the next step of its caller.
    """
    seen = one.since + one.size
    pending = {each.pid for each in facts.callbacks if each.began <= seen}
    since = facts.now - seen - held_within(facts.holds, seen, facts.now)
    return pids <= pending and since <= 2 * limits.scan_interval + NOTICED_S


def list_deadlocks(active: Iterable[Alarm], now: float) -> dict[str, float]:
    """Return the end of the last deadlock of each process, by pid; `now` if it is still in it."""
    cycles = [alarm.worst for alarm in active if alarm.worst.type == "call_cycle"]
    return {pid: now if one.last is None else one.last for one in cycles for pid in pids_of(one)}


def _over(one: AnomalyFinding, end: float) -> AnomalyFinding:
    """Return a deadlock as one that has ended; its incident can be stored at once."""
    past = one.past or ("" if one.incident is None else one.incident.text + one.calls)
    incident = one.incident and replace(one.incident, text=past, at=one.since, until=end)
    return replace(
        one, description=past or one.description, past=past, last=round(end, 3), size=end - one.since,
        hint=one.past_hint or one.hint, incident=incident,
    )  # fmt: skip


def _count(calls: Sequence[TimedOut]) -> str:
    """Return the words for a number of calls, or of awaited tasks."""
    count, is_task = len(calls), calls[-1].is_task
    if count == 1:
        return "a wait for the task" if is_task else "a call to"
    return f"{count:,} {'waits for the task' if is_task else 'calls to'}"


def _describe(last: TimedOut, count: int) -> str:
    """Return the request and the line of the last call, and what the process did then."""
    which = "; the last one" if count > 1 and (last.line or last.request) else ""
    at = f", at {last.line}" if last.line else ""
    request = f": {last.request}" if last.request else ""
    return f"{which}{at}{request}{f'; {last.cause}' if last.cause else ''}"


def _cycle_of(data: Mapping[str, Any]) -> str | None:
    """Return the processes of the deadlock in which a call failed: the same for each of its calls.

    >>> _cycle_of({"cycle": "b -> a -> b"}), _cycle_of({"cycle": "a -> b -> a"}), _cycle_of({"cycle": None})
    ('a -> b', 'a -> b', None)
    """
    cycle = data.get("cycle")
    return None if cycle is None else " -> ".join(sorted(set(cycle.split(" -> "))))


def _hint(last: TimedOut, facts: NodeFacts) -> str:
    if last.pid is None:
        return last.why or "look at the node of that process"
    if last.pid not in facts.waiting:
        return _advise(last)
    backtrace = command("process.backtrace", last.name or last.pid, node=facts.called)
    advice = ADVICE if last.cycle else last.why
    return ". ".join(one for one in (advice, f"`{backtrace}` shows where it waits") if one)


def _advise(last: TimedOut) -> str:
    """Return what to try once the process is no longer waiting."""
    return ADVICE if last.cycle else last.why or f"allow more time, or shorten what {last.callee} does"


def find_waiting(node: Node, calls: Iterable[TimedOut]) -> frozenset[str]:
    """Return the pids of the called processes that are still waiting; their names may belong to others by now."""
    found: set[str] = set()
    for pid in {one.pid for one in calls} - {None}:
        try:
            process: Any = node.parse_pid(pid or "")
        except ValueError:  # it ended, and no process has its number
            continue
        if otp.is_alive(process) and waiting_at(process, 1):
            found.add(plain_pid(process))
    return frozenset(found)


def describe_calls_of(caller: str, id: int, calls: Iterable[TimedOut]) -> Iterator[tuple[float, str]]:
    """Yield when a process last waited in vain for each of those it called, and a sentence about all these calls.

    Those of earlier processes of its name come last, in sentences of their own.
    """
    groups: dict[tuple[bool, str, bool], list[TimedOut]] = {}
    for one in calls:
        if one.caller == caller and one.caller_id is not None and one.caller_id <= id:
            groups.setdefault((one.caller_id < id, one.callee, one.is_task), []).append(one)
    for (earlier, callee, is_task), own in sorted(groups.items(), key=lambda group: (group[0][0], -group[1][-1].at)):
        last, count = own[-1], len(own)
        noun = "wait" if is_task else "call"
        whose = f"its {noun}" if count == 1 else f"{count:,} of its {noun}s"
        if earlier:
            several = len({one.caller_id for one in own}) > 1
            callers = f"{'earlier processes' if several else 'an earlier process'} of this name"
            whose = f"{f'a {noun}' if count == 1 else f'{count:,} {noun}s'} of {callers}"
        after = timeout_text(one.timeout for one in own)
        begin = f"{whose} {'for the task' if is_task else 'to'} {callee} timed out{f' {after}' if after else ''}"
        which = "" if count == 1 else ", the last one"
        yield last.at, f"{begin}{which} at {time_text(last.at)}{f', at {last.line}' if last.line else ''}"


def _line(one: TimedOut) -> dict[str, Any]:
    what = " ".join(part for part in (f"from {one.caller}", f"at {one.line}" if one.line else "", one.request) if part)
    return {"timestamp": timestamp(one.at), "what": what, "timeout_s": one.timeout}


def timed_out(event: TraceEvent, at: float) -> TimedOut | None:
    """Return an event `call_timed_out` as a fact; None for the platform's own calls, and for those of tools."""
    data, pid = event.data, event.pid
    if data["way"] == "system" or is_of_platform(event):
        return None
    name, what = callee_of(data)
    return TimedOut(
        at=at,
        callee=name or what or plain_pid(data["to"]),
        pid=None if data["what"] is None else plain_pid(data["to"]),
        name=name,
        caller=caller_of(pid),
        request=sentences.close_quote(clip(data["request"] or "", LONGEST)),
        line=line_of(data),
        timeout=seconds_of(data),
        cause=clip(cause_of_timeout(data), 2 * LONGEST),
        why=data["why"],
        is_task=data["way"] == "task",
        cycle=_cycle_of(data),
        caller_id=None if pid is None else pid.id,
    )
