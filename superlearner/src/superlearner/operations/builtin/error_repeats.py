"""The number of restarts of a child, as far as the events in memory tell, and the words for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from otp import sentences
from superlearner.control.clock import Clock, time_text
from superlearner.control.events import facts_of, is_restart
from superlearner.control.terms import message_text
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
    all_of_it = [
        event for event in memory.doings.get(last.pid, ()) if is_restart(event) and event.data["id"] == last.data["id"]
    ]
    kills = sum(facts_of(event).reason == "killed" for event in all_of_it)
    alike = [event for event in all_of_it if facts_of(event).reason == reason]
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
        crashes=sum(facts_of(event).crash for event in all_of_it) - kills,
        kills=kills,
        since=clock.wall(all_of_it[0].at) if all_of_it else None,
        until=clock.wall(all_of_it[-1].at) if all_of_it else None,
        alike=len(alike),
        of=len(all_of_it),
        message=message,
        times=times,
    )


def describe_before(name: str, times: int) -> str:
    """Return how often a process was restarted in earlier runs of its program; "" if never."""
    return f"{name} was restarted {sentences.times_text(times)} before this run of its program" if times else ""


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
