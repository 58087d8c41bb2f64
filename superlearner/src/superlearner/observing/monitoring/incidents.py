"""Anomalies in the past tense, to be stored: what hung, blocked the loop or filled its mailbox. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Final

from superlearner.observing.monitoring.alarms import EXACT, Alarm
from superlearner.observing.monitoring.facts import Incident, last_seen

__all__ = ["Incidents"]

OWN: Final = EXACT | {"mailbox_backlog"}
"""Types of which each anomaly has its own line: hangs, deadlocks and long mailboxes."""
MOST_ALIKE: Final = 5
"""Hangs of one process within the window that have a line each."""


class Incidents:
    """The incidents of a node that have been stored; a plain object that outlives the service."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str, str | None, int], float] = {}

    def take(
        self,
        active: Iterable[Alarm],
        over: Iterable[Alarm],
        now: float,
        window: float,
        earlier: Collection[int] = (),
    ) -> list[Incident]:
        """Return the incidents to store now, at most one of each cause within the window of the detectors.

        Those that have an end, such as a blocked loop, are stored at once; others when their anomaly is over, and for
        each process: one that was restarted may hang, too. Those with a number in `earlier` are stored again at each
        end, with the same start: their line says that they went on when an earlier attachment ended.
        """
        found: list[Incident] = []
        self._last = {key: at for key, at in self._last.items() if now - at <= window}
        for alarm in (*active, *over):
            incident = alarm.finding.incident
            finding = alarm.finding
            pid = None if incident is None or incident.until is not None or finding.group else finding.pid
            number = alarm.number if finding.type in OWN else 0
            key = *finding.key, pid, number
            if incident is None or (incident.until is None) is (alarm.ended is None):
                continue
            again = incident.until is None and alarm.number in earlier
            if (key in self._last or sum(one[:3] == key[:3] for one in self._last) >= MOST_ALIKE) and not again:
                continue
            self._last[key] = now
            at, until = incident.at, incident.until or alarm.until
            if at is None or again:
                at = alarm.finding.since
            until = until and max(at, until)  # the end of an anomaly is rounded
            text = incident.tell((until or now) - at)
            text = last_seen(text, until) if until and alarm.lost else text
            if incident.until is None or (finding.type in EXACT and not text.endswith(finding.calls)):
                text += finding.calls
            found.append(replace(incident, text=text, at=at, until=until, then=None))
        return found
