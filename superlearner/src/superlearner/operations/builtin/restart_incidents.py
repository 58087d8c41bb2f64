"""Incidents and anomalies in place of a restart: they have no replay, but evidence."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import takewhile
from typing import Any, Final, cast

from otp import sentences
from superlearner.base.commands import command
from superlearner.control.clock import time_text
from superlearner.control.terms import clip
from superlearner.nodes.nodes import full_names
from superlearner.observing.monitoring.busy_loop import PERIOD_S
from superlearner.observing.monitoring.stops import STOP_HINT
from superlearner.operations.builtin.restart_loops import FAILED_START, OUTAGE, is_stop
from superlearner.operations.failures import OperationError
from superlearner.operations.results.restarts import Moment, MomentFacts
from superlearner.operations.results.system import AnomalyLine
from superlearner.restarts.drawing import MomentNode
from superlearner.restarts.ids import Ref
from superlearner.sandbox.record import node_of_sandbox
from superlearner.settings.settings import unit_of
from superlearner.store import MomentRow

__all__ = [
    "describe_incident",
    "find_anomaly",
    "find_place",
    "is_failure",
    "possible_names",
    "read_anomaly",
    "refuse_incident",
]

NEAR_S: Final = 5.0
"""Seconds by which the times of an incident and of its anomaly may differ."""
LONGEST: Final = 500
BY_EACH_SCAN: Final = "scan_interval"
"""The setting of anomalies without a limit."""
STOP_SAYS: Final = (
    "No process of it caused this, and none handled a message meanwhile; calls to them may have timed out."
)
PLACE: Final = re.compile(r"\bat ([^\s:,]*[^\W\d][^\s:,]*:\d+(?: in \w+)?)")
"""A line of a file, whose name has a letter; a time has none."""
CAUSES: Final = re.compile(r" \(after: .*?:\d+\)", re.DOTALL)
"""The errors before a crash, with their lines."""


def find_place(line: str) -> str | None:
    """Return the places in the line of an incident; None if it names none.

    >>> find_place("till held the event loop for 5 s, at shop.py:7 in handle_cast")
    'shop.py:7 in handle_cast'
    >>> find_place("a deadlock: a waited for b at shop.py:7, which waited for a at shop.py:9"), find_place("it hung")
    ('shop.py:7 and shop.py:9', None)
    >>> find_place("2 calls to till timed out, at shop.py:7; then it was lost, at 10:07:12")
    'shop.py:7'
    >>> find_place("pay crashed: OSError('no') (after: KeyError('tax') at shop.py:9), at shop.py:7 in pay")
    'shop.py:7 in pay'
    """
    return sentences.listed(list(dict.fromkeys(PLACE.findall(CAUSES.sub("", line))))) or None


def describe_incident(row: MomentRow, line: str, anomaly: AnomalyLine | None) -> Moment:
    """Return an incident without a tree and without events; `line` describes it with its times."""
    facts = MomentFacts(what=line, why=_describe_kind(row, anomaly))
    facts.where = find_place(row.line)
    if anomaly is not None:
        evidence = anomaly.evidence
        if evidence.get("source"):
            facts.source = str(evidence["source"])
            called_at: Any = evidence.get("called_at")  # of a service, which may be of another version
            callers = cast("list[Any]", called_at) if isinstance(called_at, list) else []
            facts.where = ", called at ".join(map(str, (evidence.get("place"), *callers)))
        if evidence.get("callback"):
            facts.handling = ", in ".join(str(evidence[one]) for one in ("message", "callback") if evidence.get(one))
        facts.values = clip(_describe_evidence(anomaly.type, evidence), LONGEST)
        if anomaly.setting != BY_EACH_SCAN:
            unit = anomaly.unit or unit_of(anomaly.setting)  # an earlier version gives none
            facts.limit = f"{anomaly.threshold:g} {unit}".rstrip() + f", the setting {anomaly.setting}"
        facts.hint = (not anomaly.active and anomaly.past_hint) or anomaly.hint
    elif is_stop(row):
        facts.values, facts.hint = STOP_SAYS, STOP_HINT
    top = MomentNode(
        id=row.node, name=row.node, kind="supervisor", pid=None, strategy=None, limit=None, used=0, restart=None,
        state=None, children=[], more=0,
    )  # fmt: skip
    return Moment(
        id=row.number, ref=str(Ref(row.run, row.number)), node=row.node, at=row.at, took=max(0.0, row.until - row.at),
        complete=True, going_on=False, summary=row.line, facts=facts, line=None, root=top, events=[], ghosts={},
        storm=0, storm_before=0, incident=True, anomaly=anomaly,
    )  # fmt: skip


def is_failure(row: MomentRow) -> bool:
    """Return whether an incident is the crash of a process without a supervisor, or a failed start on request."""
    return row.cause == FAILED_START or row.line.endswith(sentences.not_restarted(None))


def _describe_kind(row: MomentRow, anomaly: AnomalyLine | None) -> str:
    if anomaly is not None:
        return f"a problem, not a restart: {anomaly.type.replace('_', ' ')}, severity {anomaly.severity}"
    if row.line.startswith(OUTAGE):
        return "the platform was away, so nothing was observed"
    if row.cause == FAILED_START:
        return "a start on request failed; its supervisor does not retry it, so only this line is kept"
    if is_failure(row):
        return "no supervisor restarts it, so only this line is kept"
    if is_stop(row):
        return "not a restart: a signal such as SIGSTOP had stopped it, or its machine slept"
    return "a problem, not a restart; its evidence is not kept"


def _describe_evidence(kind: str, evidence: Mapping[str, Any]) -> str:
    """Return the evidence in sentences; as names and values if it is that of another version.

    >>> _describe_evidence("long_callback", {"seconds": 7.2, "message_queue_len": 1})
    'The callback had run for 7.2 s when it was last observed. 1 message waited in the mailbox.'
    >>> _describe_evidence("long_callback", {"heat_c": 71})
    'heat c 71'
    >>> _describe_evidence("blocked_loop", {"holds": 1, "worst_s": 10**400, "starved_s": 0})[:11]
    'holds 1; wo'
    """
    try:
        told = list(_tell_evidence(kind, evidence))
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        told = []
    return " ".join(told) or "; ".join(_describe_values(evidence))


def _tell_evidence(kind: str, evidence: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the line of an incident does not say, as sentences."""
    match kind:
        case "blocked_loop":
            holds, worst, starved = evidence["holds"], evidence["worst_s"], evidence["starved_s"] or 0.0
            often = "for" if holds == 1 else f"{sentences.times_text(holds)}, for up to"
            yield f"The event loop was held {often} {sentences.elapsed(worst)}."
            if starved >= worst / 10:
                yield f"For up to {sentences.elapsed(starved)} of that, the program waited for a processor."
            if holds > 1:
                ends = [
                    f"{time_text(_seconds(one['timestamp']))} ({sentences.elapsed(one['seconds'])})"
                    for one in evidence["newest"]
                ]
                yield f"The newest ended at {sentences.listed(ends)}."
        case "busy_loop":
            took = sentences.elapsed(round(evidence["share"] * PERIOD_S, 1))
            worst = sentences.elapsed(evidence["worst_s"])
            yield f"All holds in these {PERIOD_S:g} s took {took} together, the longest {worst}."
        case "stopped_program":
            yield STOP_SAYS
            if evidence["stops"] > 1:
                longest = sentences.elapsed(evidence["longest_s"])
                yield f"It was stopped {sentences.times_text(evidence['stops'])}, for up to {longest}."
        case "long_callback":
            if "took_s" in evidence:
                yield f"The callback ran for {sentences.elapsed(evidence['took_s'])}."
            else:
                yield f"The callback had run for {sentences.elapsed(evidence['seconds'])} when it was last observed."
            if evidence.get("waits_for"):
                asked = f" {evidence['request']}" if evidence["request"] else ""
                yield f"It waited for {evidence['waits_for']} to answer{asked}."
            yield _count_waiting(evidence)
        case "suspended_process":
            yield _count_waiting(evidence)
        case "mailbox_growth":
            yield f"Each second, {evidence['messages_per_s']:g} more messages came than it handled."
            yield _count_waiting(evidence)
        case "mailbox_backlog":
            rate, wait = evidence["handled_per_s"], evidence["wait_s"]
            yield _count_waiting(evidence)
            told = f"{rate:g} per second, so the newest would have waited" if rate else "none"
            yield f"It handled {told} for {sentences.elapsed(round(wait))}."
        case "memory_growth":
            before, after = evidence["processes"]
            size = f"{evidence['memory'] / 1e6:,.0f} MB"
            yield f"The program grew by {evidence['mb_per_minute']:g} MB a minute, to {size}."
            yield f"It had {before:,} processes at the start and {after:,} at the end."
            yield f"{_count_messages(evidence['message_queue_lengths'])} waited in all mailboxes."
        case "process_growth":
            yield f"Each second, {evidence['processes_per_s']:,.0f} more processes ran than ended."
        case "call_cycle":
            names = {one["pid"]: one["name"] or one["pid"] for one in evidence["circle"]}
            waits: list[str] = []
            for one in evidence["circle"]:
                asked = f" to answer {one['request']}" if one["request"] else ""
                place = f", at {one['place']}" if one["place"] else ""
                waits.append(f"{names[one['pid']]} waited for {names[one['waits_for']]}{asked}{place}")
            yield f"{'; '.join(waits)}."
        case "call_timeouts":
            request = f" The newest asked for {evidence['request']}." if evidence["request"] else ""
            yield f"{_count_calls(evidence)}.{request}"
        case _:
            return
    if kind != "call_timeouts" and "calls" in evidence:
        yield f"{_count_calls(evidence)}."


def _count_waiting(evidence: Mapping[str, Any]) -> str:
    return f"{_count_messages(evidence['message_queue_len'])} waited in the mailbox."


def _count_messages(count: int) -> str:
    return "1 message" if count == 1 else f"{count:,} messages" if count else "No messages"


def _count_calls(evidence: Mapping[str, Any]) -> str:
    """Return how many calls timed out, and whose."""
    callers = [f"{count:,} from {name}" for name, count in evidence["callers"].items()]
    return f"{evidence['calls']:,} call{'' if evidence['calls'] == 1 else 's'} timed out: {sentences.listed(callers)}"


def _describe_values(evidence: Mapping[str, Any]) -> Iterator[str]:
    """Yield the values of the evidence; lists of objects, such as samples, are counted."""
    for name, value in evidence.items():
        words = name.replace("_", " ")
        if isinstance(value, dict):
            counts = cast("dict[str, Any]", value)
            value = [f"{key}: {one}" for key, one in counts.items()]
        if isinstance(value, list):
            many = cast("list[Any]", value)
            if any(isinstance(one, dict | list) for one in many):
                yield f"{words}: {len(many)}"
                continue
            value = ", ".join(map(str, many))
        if value not in (None, ""):
            yield f"{words} {value}"


def find_anomaly(row: MomentRow, anomalies: Iterable[AnomalyLine]) -> AnomalyLine | None:
    """Return the anomaly of an incident: one at the same time whose sentence begins in the same way."""

    def alike(one: AnomalyLine) -> int:
        pairs = zip(row.line, one.past or one.description, strict=False)
        return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))

    def belongs(one: AnomalyLine) -> bool:
        since, until = (_seconds(at) for at in (one.since, one.until))
        around = since - NEAR_S <= row.at <= (float("inf") if one.active or not one.until else until) + NEAR_S
        return around and _begin(row.line) == _begin(one.past or one.description)

    return max(filter(belongs, anomalies), key=alike, default=None)


def _begin(line: str) -> list[str]:
    return re.split("[ ,]+", line, maxsplit=2)[:2]


def _seconds(at: str | None) -> float:
    return 0.0 if at is None else datetime.fromisoformat(at).timestamp()


def read_anomaly(row: MomentRow) -> AnomalyLine | None:
    """Return a stored anomaly; None if only its line is left, or this version cannot read it.

    Its hint names no process that may be gone.
    """
    try:
        found = None if row.data is None else AnomalyLine.model_validate_json(zlib.decompress(row.data))
    except (ValueError, zlib.error):
        return None
    if found is not None:
        found.hint = found.past_hint or found.hint
    return found


def refuse_incident(moment: Moment) -> None:
    """Raise `OperationError` for an incident, which has no replay."""
    if moment.incident:
        told = f"{moment.summary}; it was not a restart, so it has no replay"
        shows = command("restart.show", moment.ref, node=None)  # its id is unique on all nodes
        raise OperationError("restart_not_kept", told, hint=f"`{shows}` shows its evidence")


def possible_names(node: str) -> list[str]:
    """Return the names under which restarts of a node that is gone may be stored, as `node` may be its short name.

    >>> possible_names("counter")
    ['counter', 'counter@127.0.0.1', 'counter@simulated', 'sandbox-counter@127.0.0.1']
    """
    return [node] if "@" in node else [*full_names(node), node_of_sandbox(node)]
