"""Crashes of processes without a supervisor, and failed starts on request; similar ones are one. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from otp import sentences
from superlearner.base.commands import command
from superlearner.control.events import BRIEF, TraceEvent, facts_of
from superlearner.control.reasons import without_arguments
from superlearner.control.slots import id_text
from superlearner.control.terms import clip
from superlearner.observing.analytics.history import History
from superlearner.observing.monitoring.facts import AnomalyFinding, CrashGroup, Incident, NodeFacts
from superlearner.observing.monitoring.unanswered import advise_on_call
from superlearner.settings.settings import Settings

__all__ = ["UnsupervisedCrashes", "unsupervised_crash"]

SETTLE_S: Final = 2.0
"""Seconds after the first crash during which similar crashes are counted with it."""
MOST_GROUPS: Final = 100
"""Maximum number of groups that are kept at a time; crashes of further groups are dropped."""
LONGEST: Final = 240
"""Characters of a sentence: it is stored with its end, although the redaction of a secret may make it longer."""
ADVICE: Final = "start it as the child of a supervisor, which restarts it"


class UnsupervisedCrashes:
    """The crashes of a node that are to be stored; a plain object that outlives the service."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, str], CrashGroup] = {}
        self._recent: dict[tuple[str, str], CrashGroup] = {}
        self._stored: dict[tuple[str, str], tuple[float, float]] = {}
        """When a cause was stored last, and the seconds until it may be stored again."""

    def note(self, event: TraceEvent, at: float) -> None:
        """Count a crash at `at`, in seconds since 1970."""
        facts, name, what = facts_of(event), event.data.get("name"), event.data.get("what")
        alike = str(id_text(what if name is None else name))
        key = alike, without_arguments(facts.reason)
        for groups in (self._open, self._recent):
            known = groups.get(key)
            if known is None and len(groups) < MOST_GROUPS:
                who = f"{alike} <{facts.pid}>" if name is None else alike
                groups[key] = known = CrashGroup(who, facts.reason, facts.where, at, at, mark=event.seq)
            elif known is not None:
                known.who, known.reason, known.place, known.last = alike, facts.reason, facts.where, at
                known.times += 1
            if known is not None:
                known.called_at, known.unanswered = facts.called_at, facts.unanswered
                known.pid, known.name, known.what = facts.pid, None if name is None else alike, str(id_text(what))

    def note_start(self, event: TraceEvent, at: float, history: History | None) -> None:
        """Count a requested start of a child that failed at `at`, in seconds since 1970."""
        if history is not None and history.of_platform:
            return
        facts = facts_of(event)
        who = facts.id or "a child"
        who = who if history is None else history.names.get(who, who)
        by = facts.pid if history is None else history.name or history.pid
        key = f"{by} {who}", without_arguments(facts.reason)
        known = self._open.get(key)
        if known is not None:
            known.reason, known.place, known.last, known.times = facts.reason, facts.where, at, known.times + 1
        elif len(self._open) < MOST_GROUPS:
            self._open[key] = CrashGroup(who, facts.reason, facts.where, at, at, by=by, mark=event.seq)

    def recent(self, since: float) -> list[CrashGroup]:
        """Return the crashes that went on since then, and forget earlier ones."""
        self._recent = {key: one for key, one in self._recent.items() if one.last >= since}
        return list(self._recent.values())

    def list_open(self) -> list[Incident]:
        """Return the incidents that are to be stored, as they are now."""
        return [_describe(one) for one in self._open.values()]

    def take(self, now: float, window: float, *, settled: bool = True) -> list[Incident]:
        """Remove and return the incidents to store now.

        A cause that goes on is stored at intervals that double, up to every `window` seconds; unless `settled`, all are
        stored.
        """
        self._stored = {key: (at, pause) for key, (at, pause) in self._stored.items() if now - at < 2 * window}
        found: list[Incident] = []
        for key, one in list(self._open.items()):
            last, pause = self._stored.get(key, (one.first, SETTLE_S))
            if not settled or now - last >= pause:
                self._stored[key] = now, min(2 * pause, window)
                found.append(_describe(self._open.pop(key)))
        return found


def unsupervised_crash(facts: NodeFacts, limits: Settings) -> Iterator[AnomalyFinding]:
    """Find processes without a supervisor that crashed within the window; a kill is meant."""
    for one in facts.crashes:
        if one.reason == "killed":
            continue
        told = _describe(one).text
        shows = f"`{command('error.list', node=facts.called)}` lists it"
        missed = advise_on_call(one.unanswered, one.name or one.what, facts, shows)
        yield AnomalyFinding(
            type="unsupervised_crash",
            severity="low" if one.times == 1 else "medium",
            pid=one.pid,
            name=one.name,
            group=f"{one.name or one.what} {without_arguments(one.reason)}",
            description=told,
            past=told,
            since=round(one.first, 3),
            last=round(one.last, 3),
            evidence={
                "what": one.what,
                "reason": one.reason,
                "place": one.called_at or one.place,
                "count": one.times,
            },
            count=one.times,
            threshold=limits.anomaly_window,
            setting="anomaly_window",
            hint=f"{missed}. Or {ADVICE}" if missed else ADVICE,
        )


def _describe(one: CrashGroup) -> Incident:
    if one.by is not None:
        failed = sentences.could_not_start(one.by, one.who, one.reason, at=one.place)
        often = f", {sentences.times_text(one.times)}" if one.times > 1 else ""
        return Incident(f"{failed}{often}", one.first, one.last, one.mark, type="failed_start")
    room = LONGEST - len(_describe_crash(one, ""))
    return Incident(_describe_crash(one, clip(one.reason, max(BRIEF, room))), one.first, one.last, one.mark)


def _describe_crash(one: CrashGroup, reason: str) -> str:
    """Return the sentence about a crash; the line of a failed call precedes its reason, which may name other lines."""
    at, called_at = (None, one.called_at.partition(" ")[0]) if one.called_at else (one.place, None)
    ended = sentences.ended(one.who, reason, failed=True, at=at, times=one.times, span=one.last - one.first)
    if called_at is not None and called_at not in reason:
        ended = ended.replace(f": {reason}", f" at {called_at}: {reason}", 1)
    return sentences.story(ended, sentences.not_restarted(None))
