"""Anomalies in the past tense, to be stored: what hung, blocked the loop or filled its mailbox. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from superlearner.observing.monitoring.alarms import Alarm
from superlearner.observing.monitoring.facts import Incident

__all__ = ["Incidents"]


class Incidents:
    """The incidents of a node that have been stored; a plain object that outlives the service."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str, str | None, int], float] = {}

    def take(self, active: Iterable[Alarm], over: Iterable[Alarm], now: float, window: float) -> list[Incident]:
        """Return the incidents to store now, at most one of each cause within the window of the detectors.

        Those that have an end, such as a blocked loop, are stored at once; others when their anomaly is over, and for
        each process: one that was restarted may hang, too.
        """
        found: list[Incident] = []
        self._last = {key: at for key, at in self._last.items() if now - at <= window}
        for alarm in (*active, *over):
            incident = alarm.finding.incident
            finding = alarm.finding
            pid = None if incident is None or incident.until is not None or finding.group else finding.pid
            number = alarm.number if alarm.finding.type == "call_cycle" else 0  # each deadlock has its own lines
            key = *alarm.finding.key, pid, number
            if incident is None or key in self._last or (incident.until is None) is (alarm.ended is None):
                continue
            self._last[key] = now
            at, until = incident.at, incident.until or alarm.until
            if at is None:
                at = alarm.finding.since
            found.append(replace(incident, at=at, until=until and max(at, until)))  # the end of an anomaly is rounded
        return found
