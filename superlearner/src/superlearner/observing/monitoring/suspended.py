"""Detector of suspended processes with messages that wait."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import otp
from otp import Pid, sentences
from otp.observer.reading import suspension_of
from superlearner.base.commands import command
from superlearner.control.clock import Clock
from superlearner.control.drawing import waiting_text
from superlearner.control.names import display_name, is_critical
from superlearner.control.terms import plain_pid
from superlearner.control.tree import what_of
from superlearner.observing.monitoring.facts import AnomalyFinding, Incident, NodeFacts, SuspendedProcess
from superlearner.settings.settings import Settings

__all__ = ["find_suspended", "suspended_process"]


def find_suspended(pids: Iterable[Pid], clock: Clock) -> Iterator[SuspendedProcess]:
    """Yield those of these processes that are still suspended, without those of the platform."""
    for pid in pids:
        process: Any = pid
        found = suspension_of(process) if otp.is_alive(pid) and not is_critical(pid) else None
        if found is not None:
            waiting = otp.process_info(pid, "message_queue_len") or 0
            since = clock.wall(round(found[0] * 1e9))
            yield SuspendedProcess(plain_pid(pid), display_name(pid), what_of(pid), since, waiting)


def suspended_process(facts: NodeFacts, limits: Settings) -> Iterator[AnomalyFinding]:
    """Find processes that have been suspended for as long as a callback may take, and for which messages wait."""
    for one in facts.suspended:
        seconds, who = facts.now - one.since, one.name or one.pid
        if seconds < limits.anomaly_callback or not one.waiting:
            continue
        lasted = sentences.elapsed(round(seconds))
        past = f"{who} was suspended for {lasted}, and {waiting_text(one.waiting, over=True)}"
        resume = f"`{command('process.resume', one.name or one.pid, node=facts.called)}`"
        yield AnomalyFinding(
            type="suspended_process",
            severity="medium",
            pid=one.pid,
            name=one.name,
            description=f"{who} has been suspended for {lasted}, and {waiting_text(one.waiting)}",
            past=past,
            since=round(one.since, 3),
            evidence={"seconds": round(seconds, 1), "message_queue_len": one.waiting, "what": one.what},
            threshold=limits.anomaly_callback,
            setting="anomaly_callback",
            hint=f"resume it with {resume if facts.operates else '`otp.sys.resume` in its program'}",
            past_hint="resume a process as soon as you have inspected it",
            size=seconds,
            incident=Incident(past),
        )
