"""Active and ended anomalies, one for each cause, kept across samples."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from superlearner.observing.monitoring.facts import AnomalyFinding, Severity

__all__ = ["Alarm", "Alarms"]

ENDED: Final = 200
RANKS: Final[dict[Severity, int]] = {"low": 0, "medium": 1, "high": 2, "critical": 3}
EXACT: Final = frozenset({"long_callback"})
"""Types whose finding is one event with its own start; that of others moves with the window of the detector."""
BACK_S: Final = 60.0
"""An anomaly that is found again within this time continues: it is one cause that comes and goes."""


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
        """Compare findings with active anomalies; return new and ended ones.

        Of several findings of one cause, the most severe one counts, and the last of equal ones.
        """
        causes: dict[tuple[str, str], AnomalyFinding] = {}
        for finding in found:
            other = causes.get(finding.key)
            if other is None or RANKS[finding.severity] >= RANKS[other.severity]:
                causes[finding.key] = finding
        raised: list[Alarm] = []
        seen: dict[tuple[str, str], Alarm] = {}
        for key, finding in causes.items():
            known = self.active.get(key)
            if known is None:
                alarm = self._again(finding, now)
                if alarm is None:
                    self.number += 1
                    alarm = Alarm(self.number, finding, now)
                raised.append(alarm)
            else:
                alarm = _continued(known, finding)
            seen[key] = alarm
        over = [replace(alarm, ended=now) for key, alarm in self.active.items() if key not in seen]
        self.ended.extend(over)
        self.active = seen
        return raised, over

    def _again(self, finding: AnomalyFinding, now: float) -> Alarm | None:
        """Return the anomaly of this cause that ended a moment ago, as active."""
        for alarm in self.ended:
            if alarm.finding.key == finding.key and alarm.ended is not None and now - alarm.ended <= BACK_S:
                self.ended.remove(alarm)
                return _continued(replace(alarm, ended=None), finding)
        return None


def _continued(known: Alarm, finding: AnomalyFinding) -> Alarm:
    """Return an anomaly with a new finding; it keeps its first start, although windows move, and its highest count."""
    since = finding.since if finding.type in EXACT else min(known.finding.since, finding.since)
    return replace(known, finding=replace(finding, since=since, count=max(known.finding.count, finding.count)))
