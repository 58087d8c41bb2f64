"""Results about traces, messages and their statistics, shared by several operations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from superlearner.control.clock import timestamp
from superlearner.observing.tracing import Captured, Trace, patterns_of
from superlearner.operations.declaration import Paged
from superlearner.operations.results.tracing import (
    MessageTypes,
    PatternsResult,
    TagCount,
    TracedMessage,
    TraceInfo,
)

__all__ = ["describe_message", "name_in", "paged", "patterns_result", "pids_of", "trace_info"]

FIRST: Final = 100


def paged(lines: list[Any], page: int, per_page: int) -> Paged[Any]:
    """Return a page of a complete list."""
    start = (page - 1) * per_page
    return Paged(lines[start : start + per_page], len(lines), page, per_page)


def trace_info(trace: Trace) -> TraceInfo:
    """Return a trace with its counters."""
    options = trace.options
    pids = trace.pids
    return TraceInfo(
        trace_id=trace.id,
        tracing=trace.running,
        node=trace.node,
        pids=pids[:FIRST],
        names=list(dict.fromkeys(name for pid in pids[:FIRST] if (name := name_in(trace, pid)) is not None)),
        processes=len(pids),
        alive=trace.alive,
        supervisor=trace.root,
        started_at=trace.started_at,
        ended_at=trace.ended_at,
        ended=trace.ended,
        messages=len(trace.messages),
        over_rate=trace.over_rate,
        displaced=trace.displaced,
        filtered=trace.filtered,
        left_out=trace.left_out,
        message_limit=options.message_limit,
        pattern_matching=options.pattern_matching,
        include_system_messages=options.include_system_messages,
        auto_cleanup=options.auto_cleanup,
        rate=options.rate,
        duration_ms=None if options.duration is None else round(options.duration * 1000),
    )


def pids_of(trace: Trace, words: str) -> set[str]:
    """Return the traced pids with this pid or name; all of them if `words` is the trace's id."""
    plain = words.removeprefix("#PID").strip("<>")
    traced = {pid: one for pid, one in trace.people.items() if one.traced}
    return {pid for pid, one in traced.items() if plain in (pid, one.name)} or set(traced)


def name_in(trace: Trace, pid: str | None) -> str | None:
    """Return the registered name of a process in a trace."""
    person = None if pid is None else trace.people.get(pid)
    return None if person is None else person.name


def describe_message(trace: Trace, message: Captured, mine: set[str], redact: bool) -> TracedMessage:
    """Return a message of a trace; its direction is relative to the pids `mine`."""
    other = message.answer if message.answer is not None else message.answers
    partner = None if other is None else trace.message(other)
    waited = None if message.received_at is None else round((message.received_at - message.at) * 1000, 3)
    return TracedMessage(
        seq=message.seq,
        timestamp=timestamp(message.at),
        at=message.at,
        direction="incoming" if message.receiver in mine else "outgoing",
        type=message.way,
        from_pid=message.sender,
        from_name=name_in(trace, message.sender),
        to=message.receiver,
        to_name=name_in(trace, message.receiver),
        tag=message.tag,
        content=message.text if redact else message.full,
        status=_status(trace, message),
        received_at=message.received_at,
        waited_ms=waited,
        cause=message.cause,
        answer=message.answer,
        answers=message.answers,
        latency_ms=None if partner is None else round(abs(partner.at - message.at) * 1000, 3),
        timeout_s=message.timeout,
    )


def _status(trace: Trace, message: Captured) -> Any:
    if message.dropped:
        return "dropped"
    if message.way == "reply":
        return "reply"
    if message.way == "call":
        return "unanswered" if message.answer is None else "answered"
    if message.received_at is not None:
        return "received"
    person = trace.people.get(message.receiver)
    return "waiting" if person is not None and person.traced else "sent"


def patterns_result(messages: Iterable[Captured]) -> PatternsResult:
    """Return statistics of messages."""
    found = patterns_of(list(messages))
    return PatternsResult(
        total_messages=found.total,
        message_types=MessageTypes(
            call=found.calls, cast=found.casts, info=found.infos, reply=found.replies, system=found.system
        ),
        call_frequency=found.call_frequency,
        cast_frequency=found.cast_frequency,
        avg_message_interval=found.average_interval_ms,
        seconds=found.seconds,
        answered=found.answered,
        unanswered=found.unanswered,
        dropped=found.dropped,
        latency=found.latency,
        tags=[TagCount(tag=tag, count=count) for tag, count in found.tags],
    )
