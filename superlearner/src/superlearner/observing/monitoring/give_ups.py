"""Explanations of give-ups: all ends that used up a supervisor's restarts, in one clause. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Final

from otp import sentences
from superlearner.control.reasons import fell_after, without_arguments, without_numbers
from superlearner.observing.analytics.history import Book, Entry, History
from superlearner.observing.monitoring.facts import RANKS, AnomalyFinding

__all__ = ["describe_ends", "explain_give_up", "first_of_row", "fold_chains", "kind_of", "name_child"]

FIRST: Final = re.compile(r'(?:"[^"]*"|.)*?(?=[:;] |$)', re.DOTALL)
"""The first clause of a description, with the reason in quotes that it may have."""
WORDS: Final = re.compile(r"[^\s(\[{<'\"]+ ")
"""The beginning of a reason that consists of words, not of one term."""
PAUSE_S: Final = 10.0
"""Seconds without an end that end a crash loop, unless the supervisor's own window is longer."""
MOST_NAMED: Final = 3
"""Children, or reasons, that a clause names; more are counted."""


def name_child(history: History, entry: Entry) -> str:
    """Return the name of the child that an entry is about."""
    return "a child" if entry.child_id is None else history.names.get(entry.child_id, entry.child_id)


def explain_give_up(history: History, gave_up: Entry) -> str:
    """Return why a supervisor gave up: a summary of the ends in its window, or of its failed restarts."""
    ends = [gave_up, *_counted(history, gave_up)]
    own = _own_row(ends)
    earlier = _describe_earlier(history, ends[len(own) :]) if own else ""
    return sentences.story(_explain_last(history, ends, own), earlier)


def _explain_last(history: History, ends: Sequence[Entry], own: Sequence[Entry]) -> str:
    """Return how the child ended with which a supervisor gave up, or its children if they all did."""
    gave_up, child, reason = ends[0], name_child(history, ends[0]), ends[0].reason or "unknown"
    failed = list(
        takewhile(lambda one: (one.event_type, one.child_id) == ("restart_failed", gave_up.child_id), ends[1:])
    )
    tries = len(list(takewhile(lambda one: one.reason == gave_up.reason, failed)))
    if tries > 1 and gave_up.child_id is not None:
        return sentences.tried("it", child, tries, reason, at=failed[0].where or "")
    if failed:
        return sentences.could_not_restart("it", child, reason, at=failed[0].where or "")
    if own:
        return describe_ends(child, own)
    last = sentences.ended(child, reason, failed=gave_up.crash, at=gave_up.where)
    return last if len(ends) == 1 else f"its children ended {_often(ends)} in all; the last end: {last}"


def _describe_earlier(history: History, others: Sequence[Entry]) -> str:
    """Return that earlier ends of other children used up the same restarts; "" without any."""
    if not others:
        return ""
    names = list(dict.fromkeys(name_child(history, one) for one in reversed(others)))
    whose = sentences.listed(names) if len(names) <= MOST_NAMED else "other children"
    ends = "1 earlier end" if len(others) == 1 else f"{len(others):,} earlier ends"
    return f"{ends} of {whose} counted against the same restart limit"


def describe_ends(child: str, ends: Sequence[Entry]) -> str:
    """Return how a child ended repeatedly, from its ends, newest first."""
    last = ends[0]
    reason, often = last.reason or "unknown", _often(ends)
    at = sentences.at_place(last.where, reason)
    if len(ends) == 1:
        return sentences.ended(child, reason, failed=last.crash, at=last.where)
    if len({(one.event_type == "restart_failed", one.reason) for one in ends}) > 1:
        return f"{child} ended {often}{_describe_reasons(ends)}"
    if reason == "killed":
        return f"{child} was killed {often}"
    if last.crash:
        if at and len({one.where for one in ends}) > 1:
            return f"{child} crashed {often}, each time with {_quote(reason)}, the last time{at.removeprefix(',')}"
        return f"{child} crashed {often}, each time with {_quote(reason)}{at}"
    return f"{child} ended {often}, each time with reason {_quote(reason)}"


def _quote(reason: str) -> str:
    """Return a reason for the inside of a sentence: in quotes if it consists of words.

    >>> _quote("there is no process till to call (noproc)"), _quote("ValueError('no paper')")
    ('"there is no process till to call (noproc)"', "ValueError('no paper')")
    """
    return f'"{reason}"' if WORDS.match(reason) else reason


def _describe_reasons(ends: Sequence[Entry]) -> str:
    """Return how often a child ended for each of its reasons, the most frequent first; of many, the newest one."""
    alike: dict[str, list[Entry]] = {}
    for one in ends:
        reason = one.reason or "unknown"
        with_it = "by a kill" if reason == "killed" else f"with {_quote(reason)}{sentences.at_place(one.where, reason)}"
        alike.setdefault(with_it, []).append(one)
    last = next(iter(alike))
    if len(alike) > MOST_NAMED:
        return f", for {len(alike)} different reasons, the last time {last}"
    ordered = sorted(alike.items(), key=lambda one: -len(one[1]))
    told = [
        f"{'the last time' if some == [ends[0]] else sentences.times_text(len(some))} {with_it}"
        for with_it, some in ordered
    ]
    return f": {', '.join(told[:-1])}, and {told[-1]}" if len(told) > 1 else f", each time {last}"


def _often(ends: Sequence[Entry]) -> str:
    return f"{sentences.times_text(len(ends))} in {sentences.elapsed(max(ends[0].at - ends[-1].at, 0.1))}"


def _counted(history: History, last: Entry) -> list[Entry]:
    """Return the earlier entries that counted against the same supervisor's restart budget, newest first."""
    window = history.window_s if isinstance(history.window_s, int | float) else math.inf
    recent = takewhile(
        lambda one: (
            one.event_type != "gave_up" and one.supervisor_pid == last.supervisor_pid and one.at >= last.at - window
        ),
        (one for one in history.restart_history() if one.number < last.number),
    )
    return [one for one in recent if one.event_type != "restarted_along"]


def _own_row(ends: Sequence[Entry]) -> list[Entry]:
    """Return the ends of the child that ended last if all older ones are of other children; none if they alternate.

    Children of a dynamic supervisor have no id, so that they count as one that alternates.
    """
    child = ends[0].child_id
    own = list(takewhile(lambda one: one.child_id == child, ends))
    alternates = len(own) == 1 < len(ends) or any(one.child_id == child for one in ends[len(own) :])
    return [] if child is None or alternates else own


def first_of_row(history: History, last: Entry) -> Entry:
    """Return the first end of the unbroken row of ends that `last` belongs to, however many windows ago that was.

    Only ends of one child are in it, unless ends of several children together used up the restarts. An end with a
    reason of another kind belongs to it only if it counted against the same budget.
    """
    window = history.window_s if isinstance(history.window_s, int | float) else 0.0
    ends = [last, *(_counted(history, last) if window else ())]
    counted, alone = {one.number for one in ends}, bool(_own_row(ends))
    kind, child = kind_of(last), last.child_id
    for one in history.restart_history():
        if one.number >= last.number or one.event_type == "restarted_along" or (alone and one.child_id != child):
            continue
        if last.at - one.at > max(PAUSE_S, window) or (one.number not in counted and kind_of(one) != kind):
            break
        last = one
    return last


def kind_of(entry: Entry) -> str:
    """Return a reason without what differs each time: the arguments of an exception, and numbers."""
    return without_numbers(without_arguments(entry.reason or ""))


def fold_chains(found: Iterable[AnomalyFinding], book: Book) -> list[AnomalyFinding]:
    """Return findings without those of supervisors whose children only end because they give up themselves.

    The finding about the lowest supervisor, which names the child that fails, says what happened above it.
    """
    found = list(found)
    by_key = {one.key: one for one in found if one.key[0] == "restarts"}
    lowest: dict[tuple[str, str], tuple[str, str]] = {}
    for key, one in by_key.items():
        below = _cause_below(one, book)
        if below is not None and ("restarts", below) in by_key and below != key[1]:
            lowest[key] = "restarts", below
    above: dict[tuple[str, str], list[tuple[int, AnomalyFinding]]] = {}
    for key in lowest:
        low, height = key, 0
        while low in lowest and height < len(lowest):
            low, height = lowest[low], height + 1
        if low not in lowest:
            above.setdefault(low, []).extend((height, one) for one in found if one.key == key)
    dropped = {one.key for some in above.values() for _, one in some}
    return [
        _with_those_above(one, [each for _, each in sorted(above.get(one.key, []), key=lambda at: at[0])], book)
        for one in found
        if one.key not in dropped
    ]


def _cause_below(one: AnomalyFinding, book: Book) -> str | None:
    """Return the name or pid of the one supervisor below whose ends are all that a supervisor handled; else None."""
    history = book.by_pid.get(one.pid or "")
    if history is None:
        return None
    since = one.since - 0.001  # it is rounded
    ends = [each for each in history.restart_history() if each.at >= since and each.event_type != "restarted_along"]
    by_id: dict[str | None, str] = {}  # the pids of earlier processes of a supervisor are not kept
    below: set[str | None] = set()
    for each in ends:  # newest first
        known = book.by_pid.get(each.old_pid or "")
        name = by_id.get(each.child_id) if known is None else known.name or known.pid
        if name is not None and each.child_id is not None:
            by_id[each.child_id] = name
        below.add(name)
    return next(iter(below)) if len(below) == 1 else None


def _first_clause(text: str) -> str:
    """Return the text up to a colon or semicolon outside quotes.

    >>> _first_clause("shop gave up: till crashed"), _first_clause('till crashed twice, each time with "a: b"; shop')
    ('shop gave up', 'till crashed twice, each time with "a: b"')
    """
    found = FIRST.match(text)
    return text if found is None else found[0]


def _with_those_above(one: AnomalyFinding, above: list[AnomalyFinding], book: Book) -> AnomalyFinding:
    """Return a finding with those above it, the lowest first: a give-up after its give-up has no count of its own."""
    if not above:
        return one
    severity = max((one, *above), key=lambda each: RANKS[each.severity]).severity
    fell = [each for each in above if one.evidence.get("give_ups") and each.evidence.get("give_ups")]
    fallen = list(dict.fromkeys(each.past.partition(" gave up")[0] for each in fell))
    down = any((found := book.by_pid.get(each.pid or "")) is not None and found.is_down for each in fell)
    also = f", and {'is' if len(fallen) == 1 else 'are'} not running either" if down else ""
    after = fell_after(fallen)
    others = [each for each in above if each.key not in {one.key for one in fell}]
    words = list(dict.fromkeys(_first_clause(each.description) for each in others))
    past = list(dict.fromkeys(_first_clause(each.past) for each in others))
    return replace(
        one,
        severity=severity,
        description=sentences.story(one.description, f"{after}{also}", *words),
        past=sentences.story(one.past, after, *past),
        evidence={**one.evidence, "above": list(dict.fromkeys(each.name or each.pid for each in above))},
    )
