"""Explanations of give-ups: all ends that used up a supervisor's restarts, in one clause. Pure."""

from __future__ import annotations

import math
from itertools import takewhile
from typing import Final

from otp import sentences
from superlearner.observing.analytics.history import Entry, History

__all__ = ["explain_give_up", "first_of_row", "name_child"]

PAUSE_S: Final = 10.0
"""Seconds without an end that end a crash loop, unless the supervisor's own window is longer."""


def name_child(history: History, entry: Entry) -> str:
    """Return the name of the child that an entry is about."""
    return "a child" if entry.child_id is None else history.names.get(entry.child_id, entry.child_id)


def explain_give_up(history: History, gave_up: Entry) -> str:
    """Return why a supervisor gave up: a summary of the ends in its window, or of its failed restarts."""
    before = [one for one in history.restart_history() if one.number < gave_up.number]
    child, reason = name_child(history, gave_up), gave_up.reason or "unknown"
    alike = ("restart_failed", gave_up.child_id, gave_up.reason)
    tries = len(list(takewhile(lambda one: (one.event_type, one.child_id, one.reason) == alike, before)))
    if tries > 1 and gave_up.child_id is not None:
        return sentences.tried("it", child, tries, reason)
    if before and (before[0].event_type, before[0].child_id) == alike[:2]:
        return sentences.could_not_restart("it", child, reason)
    ends = [gave_up, *_counted(history, gave_up, before)]
    last = sentences.ended(child, reason, failed=gave_up.crash)
    if len(ends) == 1:
        return last
    often = f"{sentences.times_text(len(ends))} in {max(gave_up.at - ends[-1].at, 0.1):.1f} s"
    if gave_up.child_id is None or len({one.child_id for one in ends}) > 1:  # dynamic children have no id
        return f"its children ended {often} in all; the last end: {last}"
    if len({(one.event_type == "restart_failed", one.reason) for one in ends}) > 1:
        return f"{child} ended {often}, the last time with {reason}"
    if reason == "killed":
        return f"{child} was killed {often}"
    if gave_up.crash:
        return f"{child} crashed {often}, each time with {reason}"
    return f"{child} ended {often}, each time with reason {reason}"


def _counted(history: History, gave_up: Entry, before: list[Entry]) -> list[Entry]:
    """Return the earlier entries that counted against the same supervisor's restart budget."""
    window = history.window_s if isinstance(history.window_s, int | float) else math.inf
    recent = takewhile(
        lambda one: (
            one.event_type != "gave_up"
            and one.supervisor_pid == gave_up.supervisor_pid
            and one.at >= gave_up.at - window
        ),
        before,
    )
    return [one for one in recent if one.event_type != "restarted_along"]


def first_of_row(history: History, last: Entry) -> Entry:
    """Return the first end of the unbroken row of ends that `last` belongs to, however many windows ago that was."""
    pause = max(PAUSE_S, history.window_s if isinstance(history.window_s, int | float) else 0.0)
    for one in history.restart_history():
        if one.number < last.number and one.event_type != "restarted_along":
            if last.at - one.at > pause:
                break
            last = one
    return last
