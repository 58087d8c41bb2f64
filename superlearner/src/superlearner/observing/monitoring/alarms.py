"""Active and ended anomalies, kept across samples."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from superlearner.observing.monitoring.facts import AnomalyFinding

__all__ = ["Alarm", "Alarms"]

ENDED: Final = 200


@dataclass(frozen=True, slots=True)
class Alarm:
    """An anomaly: latest finding, time of the first, and end (None: active)."""

    number: int
    finding: AnomalyFinding
    seen: float
    ended: float | None = None


class Alarms:
    """Anomalies of a platform; a plain object that outlives the service.

    >>> from superlearner.observing.monitoring.facts import AnomalyFinding
    >>> found = AnomalyFinding("call_cycle", "critical", "0.7.0", "till", "a deadlock", 5.0, {}, 1, "scan_interval", "")
    >>> alarms = Alarms()
    >>> [alarm.number for alarm in alarms.update([found], 6.0)[0]], alarms.update([found], 8.0)
    ([1], ([], []))
    >>> [alarm.ended for alarm in alarms.update([], 9.0)[1]], alarms.ended[0].finding.since
    ([9.0], 5.0)
    """

    def __init__(self) -> None:
        self.active: dict[tuple[str, str], Alarm] = {}
        self.ended: deque[Alarm] = deque(maxlen=ENDED)
        self.number = 0

    def update(self, found: Iterable[AnomalyFinding], now: float) -> tuple[list[Alarm], list[Alarm]]:
        """Compare findings with active anomalies; return new and ended ones."""
        raised: list[Alarm] = []
        seen: dict[tuple[str, str], Alarm] = {}
        for finding in found:
            known = self.active.get(finding.key)
            if known is None:
                self.number += 1
                alarm = Alarm(self.number, finding, now)
                raised.append(alarm)
            else:  # keep the first start time, although windows move
                since = min(known.finding.since, finding.since)
                alarm = replace(known, finding=replace(finding, since=since))
            seen[finding.key] = alarm
        over = [replace(alarm, ended=now) for key, alarm in self.active.items() if key not in seen]
        self.ended.extend(over)
        self.active = seen
        return raised, over
