"""The number of restarts of a child, as far as the events in memory tell, and the words for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from otp import sentences
from superlearner.control.clock import Clock, time_text
from superlearner.control.events import TraceEvent, facts_of, is_again, is_along, is_restart
from superlearner.control.slots import DYNAMIC
from superlearner.control.terms import message_text
from superlearner.control.tree import supervisor_state
from superlearner.operations.results.errors import WhyRepeats
from superlearner.restarts.cause_steps import Step
from superlearner.restarts.memory import Memory

__all__ = ["count_repeats", "describe_before", "describe_repeats"]

AFTER_AN_END: Final = ("child_restarted", "gave_up")
LOOP: Final = 5  # restarts from which on their number is shown
SHORT_S: Final = 120  # up to which it is shown how long they took


def count_repeats(memory: Memory, causes: Sequence[Step], clock: Clock) -> WhyRepeats | None:
    """Return how often the child of the last step was restarted, as far as the events in memory tell."""
    events = (memory.by_seq.get(step.event) for step in reversed(causes))
    last = next((event for event in events if event is not None and event.kind in AFTER_AN_END), None)
    if last is None:
        return None
    reason = facts_of(last).reason
    of_it = [event for event in memory.doings.get(last.pid, ()) if event.data.get("id") == last.data["id"]]
    all_of_it = list(filter(is_again, of_it))
    facts = [facts_of(one if is_restart(one) else memory.ends.get(one.data["old"], one)) for one in all_of_it]
    kills = sum(one.reason == "killed" for one in facts)
    alike = [event for event, one in zip(all_of_it, facts, strict=True) if one.reason == reason]
    ends = [end for event in alike if (end := memory.ends.get(event.data["old"])) is not None]
    handled = Counter(message_text(end.data["message"], 80) for end in ends if end.data.get("message"))
    message, times = handled.most_common(1)[0] if handled else (None, 0)
    if 0 < times == len(ends):  # the end of the oldest may have left the memory before its restart
        times = len(alike)
    child = memory.child(last)
    return WhyRepeats(
        name=None if child is None else memory.name(child),
        killed=reason == "killed",
        reason=reason,
        count=len(all_of_it),
        crashes=sum(one.crash for one in facts) - kills,
        kills=kills,
        with_siblings=max(_count_along(last), sum(map(is_along, of_it))),
        since=clock.wall(all_of_it[0].at) if all_of_it else None,
        until=clock.wall(all_of_it[-1].at) if all_of_it else None,
        alike=len(alike),
        of=len(all_of_it),
        message=message,
        times=times,
    )


def _count_along(last: TraceEvent) -> int:
    """Return how often a child was restarted with a sibling, by the table of its supervisor; 0 if that has ended."""
    state = supervisor_state(last.pid)
    found = () if state is None or state.strategy in DYNAMIC else state.children
    return next((one.restarted_along for one in found if one.id == last.data["id"]), 0)


def describe_before(name: str, times: int) -> str:
    """Return how often a process was restarted in earlier runs of its program; "" if never.

    Stored lines do not name the siblings that were restarted with the process that ended, so those are not counted.
    """
    if not times:
        return ""
    often = sentences.times_text(times)
    return f"{name} was restarted {often} before this run of its program, not counting restarts with a sibling"


def describe_repeats(repeats: WhyRepeats) -> str:
    """Return how often a child was restarted, since when and while it handled which message; "" if that is seldom."""
    name = repeats.name or "it"
    before = describe_before(name, repeats.before)
    if repeats.count < LOOP or repeats.since is None or repeats.until is None:
        return before if repeats.before >= LOOP else ""
    took, alike = max(1, round(repeats.until - repeats.since)), repeats.alike
    since = f"since {time_text(repeats.since)}{f', within {took} s' if took <= SHORT_S else ''}"
    same, kinds = f" for this reason {since}", _describe_kinds(repeats)
    if kinds or repeats.count > alike:
        newest = f"the newest {alike:,}" if alike == repeats.of else f"{alike:,} of the newest {repeats.of:,}"
        if repeats.of == repeats.count:
            newest = f"{alike:,} of them"
        told = not (kinds and repeats.reason == "killed")  # else their number is among the kinds
        same = f" {since}{kinds}" + (f"; {newest} for this reason" if alike > 1 and told else "")
    told = f"{name} was restarted {sentences.times_text(repeats.count)}{same}"
    if along := repeats.with_supervisor:
        told += f"; {along:,} of these times together with a supervisor that had given up"
    if alike >= LOOP and repeats.times >= 2 * alike / 3:  # else the messages differ, or there are none
        times = "each time" if repeats.times == alike else sentences.times_text(repeats.times)
        told += f", {times} while it handled {repeats.message}"
    if more := repeats.with_siblings:
        told += f"; {sentences.times_text(more)} more with a sibling"
    return "\n".join(filter(None, (told, before)))


def _describe_kinds(repeats: WhyRepeats) -> str:
    """Return after how many crashes, kills and other ends the restarts were; "" if all are of one kind."""
    numbers = {
        ("crash", "crashes"): repeats.crashes,
        ("kill", "kills"): repeats.kills,
        ("other end", "other ends"): repeats.count - repeats.crashes - repeats.kills,
    }
    kinds = [f"{count:,} {one if count == 1 else more}" for (one, more), count in numbers.items() if count > 0]
    return f", after {sentences.listed(kinds)}" if len(kinds) > 1 else ""
