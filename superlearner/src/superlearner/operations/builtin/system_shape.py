"""The graph of a node's processes, and its bottlenecks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final

from pydantic import Field

import otp
from otp import Pid, observer, sentences
from superlearner.control.clock import timestamp
from superlearner.control.listing import Whose
from superlearner.control.look import TYPES, named
from superlearner.control.names import is_critical
from superlearner.control.relations import graph_of
from superlearner.control.terms import clip, plain_pid
from superlearner.observing.monitoring.facts import NodeFacts
from superlearner.observing.monitoring.measuring import Measuring, Work, measure, talk
from superlearner.operations.context import Context
from superlearner.operations.declaration import operation
from superlearner.operations.parameters import MeasureMs, OfWhom
from superlearner.operations.results.system import (
    Bottleneck,
    BottleneckAnalysis,
    Bottlenecks,
    GraphProcess,
    LinksOf,
    Measured,
    MeasuredProcess,
    MonitorsOf,
    SupervisesOf,
    SystemGraph,
    Talk,
)
from superlearner.settings.settings import Settings

SHOWN: Final = 20
TALKS: Final = 1_000
MANY_PER_S: Final = 100
"""Messages a second above which the process that handles most of them is a bottleneck."""
BRIEF_S: Final = 1.0
"""Seconds after which an unfinished `async def` callback is listed."""


@operation("system.graph", http=("GET", "/system/graph"), scope="read")
async def graph(
    ctx: Context,
    limit: Annotated[int, Field(ge=1, le=5_000, description="the most processes, oldest first")] = 1_000,
    measure_ms: MeasureMs = 0,
    whose: OfWhom = "yours",
) -> SystemGraph:
    """Show the graph of processes.

    Supervision, links and monitors; with `measure_ms` also messages.
    """
    talks = await talk(ctx.node, measure_ms / 1000) if measure_ms else None
    found = graph_of(ctx.node, whose, limit=limit)
    edges: dict[str, dict[str, list[str]]] = {"supervises": {}, "link": {}, "monitor": {}}
    for edge in (*_links_to_children(found), *found.edges):
        edges[edge.kind].setdefault(plain_pid(edge.source), []).append(plain_pid(edge.target))
        if edge.kind == "link":
            edges["link"].setdefault(plain_pid(edge.target), []).append(plain_pid(edge.source))
    return SystemGraph(
        processes=[
            GraphProcess(
                pid=plain_pid(one.pid),
                name=None if one.name is None else clip(one.name, 120),
                type=TYPES[one.kind],
                what=clip(one.what, 200),
                status=one.status,
                message_queue_len=one.mailbox,
            )
            for one in found.processes
        ],
        links=[LinksOf(pid=pid, links=others) for pid, others in edges["link"].items()],
        monitors=[MonitorsOf(pid=pid, monitors=others) for pid, others in edges["monitor"].items()],
        supervises=[SupervisesOf(pid=pid, children=others) for pid, others in edges["supervises"].items()],
        talks=None if talks is None else _talks(talks, whose),
        partial=found.partial,
    )


def _links_to_children(found: observer.Graph) -> Iterator[observer.Edge]:
    """Yield the links between supervisors and children, which a graph has only as `supervises`."""
    linked: dict[Pid, frozenset[Pid]] = {}
    for edge in found.edges:
        if edge.kind == "supervises":
            if edge.source not in linked:
                linked[edge.source] = frozenset(otp.process_info(edge.source, "links") or ())
            if edge.target in linked[edge.source]:
                yield observer.Edge("link", edge.source, edge.target)


@operation("system.bottlenecks", http=("GET", "/system/bottlenecks"), scope="read",
           short="bottlenecks analysis.total,large_queue_count,severity measured")  # fmt: skip
async def bottlenecks(
    ctx: Context,
    settings: Settings,
    /,
    large_queue: Annotated[int, Field(ge=1, description="messages from which a mailbox counts as large")] = 100,
    measure_ms: MeasureMs = 0,
) -> Bottlenecks:
    """Find bottlenecks.

    Large mailboxes, callbacks that do not return, and processes that blocked the loop in the last minute. With
    `measure_ms` also the processes with most messages and most time in callbacks.
    """
    monitor, limits = ctx.watched.monitor, settings
    seen = await measure(ctx.node, measure_ms / 1000) if measure_ms else None
    scan = await monitor.scan_all(deep=large_queue)
    await monitor.fresh()
    facts = monitor.facts()
    large = [_large(length, pid) for length, pid in scan.deepest(SHOWN)]
    found = [*large, *_long(facts, min(BRIEF_S, limits.anomaly_callback)), *_holding(facts, limits.anomaly_window)]
    if seen is not None:
        found += _measured_worst(seen)
    severity = "critical" if len(found) > 10 else "high" if len(found) > 5 else "medium" if found else "low"
    return Bottlenecks(
        bottlenecks=found,
        analysis=BottleneckAnalysis(
            total=len(found), high_memory_count=None, large_queue_count=len(large), severity=severity
        ),
        measured=None if seen is None else _measured(seen),
    )


def _large(length: int, pid: Pid) -> Bottleneck:
    return Bottleneck(
        type="large_message_queue",
        **named(pid),
        details=f"{length:,} messages waiting",
        evidence={"message_queue_len": length, "status": otp.process_info(pid, "status")},
    )


def _long(facts: NodeFacts, least: float) -> list[Bottleneck]:
    found = [one for one in facts.callbacks if facts.now - one.began >= least]
    return [
        Bottleneck(
            type="long_callback",
            pid=one.pid,
            name=one.name,
            what=one.what,
            details=f"in {one.callback} for {sentences.elapsed(facts.now - one.began)}"
            + (f" at {one.place}" if one.place else ""),
            evidence={
                "callback": one.callback,
                "seconds": round(facts.now - one.began, 3),
                "place": one.place,
                "message_queue_len": one.waiting,
            },
        )
        for one in found[:SHOWN]
    ]


def _holding(facts: NodeFacts, window: float) -> list[Bottleneck]:
    """Return the processes that blocked the loop in the window, each with its longest block of 50 ms or more."""
    worst: dict[tuple[Any, str], list[Any]] = {}
    for hold in facts.holds:
        if hold.at >= facts.now - window:
            worst.setdefault((hold.name or hold.pid, hold.what), []).append(hold)
    found: list[Bottleneck] = []
    for holds in sorted(worst.values(), key=lambda holds: -max(hold.seconds for hold in holds))[:SHOWN]:
        longest = max(holds, key=lambda hold: hold.seconds)
        found.append(
            Bottleneck(
                type="blocked_loop",
                pid=longest.pid,
                name=longest.name,
                what=longest.what,
                details=f"blocked the event loop for {sentences.elapsed(longest.seconds)}{longest.starved_text}; "
                f"{sentences.times_text(len(holds))} for 50 ms or more in the last {window:g} s",
                evidence={
                    "longest_ms": round(longest.seconds * 1000, 1),
                    "times": len(holds),
                    "last": timestamp(max(hold.at for hold in holds)),
                    "place": longest.place,
                    "starved_ms": None if longest.starved is None else round(longest.starved * 1000, 1),
                },
            )
        )
    return found


def _measured_worst(seen: Measuring) -> list[Bottleneck]:
    """Return the processes with most messages and most time in callbacks, if that is half of all or more."""
    found: list[Bottleneck] = []
    work = list(seen.work.values())
    if not work:
        return found
    most = max(work, key=lambda one: one.messages)
    if most.messages * 2 >= seen.messages and most.messages >= MANY_PER_S * seen.seconds:
        share = most.messages / seen.messages
        evidence = {"messages": most.messages, "share": round(share, 3), "seconds": seen.seconds}
        words = f"handled {most.messages} of {seen.messages} messages in {seen.seconds:g} s"
        found.append(Bottleneck(type="most_messages", **named(most.pid), details=words, evidence=evidence))
    most = max(work, key=lambda one: one.time)
    share = most.time / 1e9 / seen.seconds if seen.seconds else 0.0
    if share >= 0.5:
        evidence = {"callback_time_ms": _ms(most.time), "share": round(share, 3), "longest_ms": _ms(most.longest)}
        words = f"spent {100 * share:.0f} % of the time in callbacks"
        found.append(Bottleneck(type="most_callback_time", **named(most.pid), details=words, evidence=evidence))
    return found


def _measured(seen: Measuring) -> Measured:
    work = sorted(seen.work.values(), key=lambda one: (-one.time, -one.messages))[:SHOWN]
    return Measured(
        seconds=seen.seconds, messages=seen.messages, complete=seen.complete, processes=[_work(one) for one in work]
    )


def _work(one: Work) -> MeasuredProcess:
    return MeasuredProcess(
        **named(one.pid),
        messages=one.messages,
        callbacks=one.callbacks,
        callback_time_ms=_ms(one.time),
        longest_callback_ms=_ms(one.longest),
    )


def _ms(ns: int) -> float:
    return round(ns / 1e6, 3)


def _talks(seen: dict[tuple[Pid | None, Pid], int], whose: Whose) -> list[Talk]:
    """Return the messages between processes that the graph shows, or from outside any process."""

    def is_shown(pid: Pid | None) -> bool:
        return pid is None or whose == "all" or is_critical(pid) == (whose == "platform")

    shown = [(pair, messages) for pair, messages in seen.items() if is_shown(pair[0]) and is_shown(pair[1])]
    most = sorted(shown, key=lambda item: -item[1])[:TALKS]
    return [
        Talk(source=None if source is None else plain_pid(source), target=plain_pid(target), messages=messages)
        for (source, target), messages in most
    ]
