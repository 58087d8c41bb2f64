"""Active and ended anomalies, one for each cause, kept across samples."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from superlearner.observing.monitoring.facts import RANKS, AnomalyFinding, last_seen

__all__ = ["ANOMALY_EVENTS", "BACK_S", "Alarm", "Alarms"]

ANOMALY_EVENTS: Final = ("anomaly.raised", "anomaly.ended")
"""The telemetry events about anomalies."""
ENDED: Final = 200
EXACT: Final = frozenset({"long_callback", "call_cycle"})
"""Types whose finding is one event with its own start; that of others moves with the window of the detector."""
EVENTS: Final = EXACT | {"call_timeouts"}
"""Types whose findings are of single events, so that those after an anomaly of them are another one."""
APART_S: Final = 1.0
"""Up to this difference between two times is measurement error."""
BACK_S: Final = 60.0
"""An anomaly that is found again within this time continues: it is one cause that comes and goes."""
TOLD_S: Final = 4.0
"""Seconds after an attachment when what an earlier one saw going on, and this one does not find, is reported."""
GROWTHS: Final = frozenset({"mailbox_growth", "mailbox_backlog"})
"""Types that an event may explain only if they begin before its end."""
SEPARATE: Final = frozenset({"memory_growth", "stopped_program", "mailbox_backlog"})
"""Types that are a new anomaly if they begin after the end of the last one: memory or the mailbox had fallen, or the
program ran."""
COUNTED: Final = frozenset({"blocked_loop"})
"""Types whose description in the past tense counts all since the anomaly began, and not those in the window."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """An anomaly: its finding, the worst finding, the time of the first one, and the end (None: active).

    While it is active, `finding` is the latest one. After its end, `finding` is the worst one, in the past tense.
    """

    number: int
    finding: AnomalyFinding
    worst: AnomalyFinding
    seen: float
    ended: float | None = None
    lost: bool = False
    """True if its end is not known: an earlier attachment saw it going on, and `ended` is when it looked last."""

    @property
    def until(self) -> float | None:
        """When it last happened or was found to be over; None while it is active."""
        last = self.finding.last
        return self.ended if self.ended is None or last is None else min(self.ended, max(last, self.finding.since))

    def lasted(self, now: float) -> float:
        """Return the seconds since it began, until its end or `now`."""
        return max(0.0, (self.until or now) - self.finding.since)

    @property
    def labels(self) -> dict[str, str | None]:
        """Its metadata for telemetry."""
        finding = self.finding
        return {
            "type": finding.type,
            "severity": finding.severity,
            "pid": finding.pid,
            "name": finding.name,
            "description": self.description,
        }

    @property
    def description(self) -> str:
        """Its description, in the past tense once it is over."""
        description, until = self.finding.description, self.until
        return last_seen(description, until) if self.lost and until else description

    @property
    def past(self) -> str:
        """Its description in the past tense: that of the worst finding."""
        worst = self.worst
        return worst.past or (worst.description if worst.incident is None else worst.incident.text)


class Alarms:
    """Anomalies of a platform; a plain object that outlives the service.

    >>> from superlearner.observing.monitoring.facts import AnomalyFinding
    >>> found = AnomalyFinding("orphan_monitor", "low", "0.7.0", "till", "unread", 5.0, {}, 1, "anomaly_monitors", "")
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
        self.earlier: set[int] = set()
        """The numbers of those that went on when an earlier attachment ended."""
        self._looked = 0.0
        self._unseen: dict[int, float] = {}
        """The numbers of what went on when an earlier attachment saw it last, each with the time of this one."""
        self._untold: dict[int, float] = {}
        """Those of them that are still to be reported."""

    def take_over(self, before: Alarms, now: float, most: float) -> None:
        """Go on after an earlier attachment: what went on then is over since its last look, unless it is found again.

        Args:
            before: those of the earlier attachment.
            now: the time of this one.
            most: seconds without an observer after which what is found is new.
        """
        self.number = before.number
        over = [
            replace(_ended(alarm, before._looked), lost=alarm.finding.last is None) for alarm in before.active.values()
        ]
        self.ended.extend((*before.ended, *over))
        going_on = {alarm.number for alarm in over}
        self.earlier = going_on | (before.earlier & {alarm.number for alarm in self.ended})
        at = now if now - before._looked <= most else float("-inf")
        self._unseen = dict.fromkeys([*before._unseen, *going_on], at)
        self._untold = dict.fromkeys([*before._untold, *going_on], at)

    def update(self, found: Iterable[AnomalyFinding], now: float) -> tuple[list[Alarm], list[Alarm]]:
        """Compare findings with active anomalies; return new and ended ones, also those of an earlier attachment.

        Of several findings of one cause, one that goes on counts, then the most severe one, and the last of equal ones.
        """
        self._looked = now
        found = list(found)
        self._note_ends(found)
        causes: dict[tuple[str, str], AnomalyFinding] = {}
        for finding in found:
            other = causes.get(finding.key)
            if other is None or _precedence(finding) >= _precedence(other):
                causes[finding.key] = finding
        raised: list[Alarm] = []
        seen: dict[tuple[str, str], Alarm] = {}
        for key, finding in causes.items():
            if self._is_superseded(finding):
                continue
            known = self.active.get(key)
            if known is None or _is_new_occurrence(known, finding):
                alarm = self._again(finding, now)
                if alarm is None:
                    self.number += 1
                    alarm = Alarm(self.number, finding, finding, now)
                raised.append(alarm)
            else:
                alarm = _continued(known, finding)
            seen[key] = alarm
        going_on = {alarm.number for alarm in seen.values()}
        over = [_ended(alarm, now) for alarm in self.active.values() if alarm.number not in going_on]
        self.ended.extend(over)
        self.active = seen
        self._unseen = {number: at for number, at in self._unseen.items() if now - at <= BACK_S}
        told = {number for number, at in self._untold.items() if now - at > TOLD_S}
        self._untold = {number: at for number, at in self._untold.items() if number not in told | going_on}
        return raised, [*over, *(alarm for alarm in self.ended if alarm.number in told)]

    def _note_ends(self, found: Iterable[AnomalyFinding]) -> None:
        """Note how long a hang took that is over, although its anomaly may go on or give way to another one."""
        for finding in found:
            known = self.active.get(finding.key)
            if known is None or finding.type != "long_callback" or finding.last is None:
                continue
            worst, incident = known.worst, finding.incident
            same = worst.type == finding.type and abs(worst.since - finding.since) <= APART_S
            if same and worst.last is None and incident is not None:
                ended = replace(finding, incident=replace(incident, until=None))  # stored with the end of the anomaly
                self.active[finding.key] = replace(known, worst=ended)

    def _is_superseded(self, finding: AnomalyFinding) -> bool:
        """Return whether events are over and another anomaly of their cause has begun since: it ended theirs."""
        last = finding.last
        if finding.type not in EVENTS or last is None:
            return False
        known = (*self.active.values(), *self.ended)
        return any(one.finding.key == finding.key and one.finding.since > last + APART_S for one in known)

    def _again(self, finding: AnomalyFinding, now: float) -> Alarm | None:
        """Return the anomaly of this cause that ended a moment ago, as active."""
        for alarm in self.ended:
            if alarm.finding.key != finding.key or _is_new_occurrence(alarm, finding):
                continue
            if alarm.ended is not None and now - self._unseen.get(alarm.number, alarm.ended) <= BACK_S:
                self._unseen.pop(alarm.number, None)
                self.ended.remove(alarm)
                return _continued(replace(alarm, ended=None, lost=False), finding)
        return None


def _is_new_occurrence(known: Alarm, finding: AnomalyFinding) -> bool:
    """Return whether a finding is a new occurrence and does not continue an anomaly.

    Only findings of a type in `EXACT` have a start of their own. Calls that timed out after a hang or after the last
    such call, and a hang after them, are new. So is a mailbox that grows after them, and what happens after its growth
    has ended. So are failures of another child that begin after the last failure of the first one.
    """
    if finding.subject != known.finding.subject:
        end = known.until or known.finding.last
        return end is not None and finding.since > end
    if finding.type == known.finding.type and finding.type in SEPARATE:
        is_cut = known.lost and finding.type in GROWTHS  # lengths from before this attachment are not known
        return known.ended is not None and finding.since > known.ended and not is_cut
    if known.finding.type not in EVENTS:
        return finding.type in EVENTS and known.ended is not None and finding.since > known.ended + APART_S
    if finding.type not in EVENTS and finding.type not in GROWTHS:
        return False
    worst = known.worst
    if worst.type in EXACT:
        end = worst.since if finding.type in EXACT else worst.since + worst.size
    else:
        end = worst.since if known.finding.last is None else known.finding.last
    return finding.since > end + APART_S


def _continued(known: Alarm, finding: AnomalyFinding) -> Alarm:
    """Return an anomaly with a new finding; it keeps its first start, although windows move, and its highest count.

    If the new finding leaves out an earlier give-up, the start of its failures is left out, too.
    """
    exact = finding.type in EXACT  # then it is one event, and its newest finding knows the most
    fewer = finding.type == known.finding.type == "crash_loop" and finding.size < known.finding.size
    since = finding.since if fewer else min(known.finding.since, finding.since)
    if known.worst.type in GROWTHS and finding.type == "call_timeouts":
        since = known.finding.since  # its window may reach back to calls before the growth
    worse = known.worst.type not in EXACT and _rank(finding) >= _rank(known.worst)  # a hang says why a mailbox grows
    worst = finding if exact or worse else known.worst
    if finding.type in COUNTED:
        worst = replace(worst, past=finding.past)
    latest = replace(finding, since=since, count=max(0 if fewer else known.finding.count, finding.count))
    return replace(known, finding=latest, worst=worst)


def _precedence(finding: AnomalyFinding) -> tuple[bool, bool, int]:
    goes_on = finding.last is None
    return goes_on or finding.type not in EXACT, goes_on or finding.type not in EVENTS, RANKS[finding.severity]


def _rank(finding: AnomalyFinding) -> tuple[int, float, int]:
    return RANKS[finding.severity], finding.size, finding.count


def _ended(alarm: Alarm, now: float) -> Alarm:
    """Return an anomaly that is over: with the evidence of its worst finding, described in the past tense."""
    worst = alarm.worst
    of, past = alarm.finding, alarm.past
    last = replace(worst, description=past, since=min(of.since, worst.since), last=of.last, count=of.count)
    # When it was last seen: its description says how long it took until then
    seen = worst.since + worst.size if worst.type in EXACT and alarm.finding.type in EXACT else now
    return replace(alarm, finding=last, ended=min(now, seen))
