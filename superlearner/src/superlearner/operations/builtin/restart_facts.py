"""A restart in short texts, the same for pages, saved files, commands and tools; and the words for its reader."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from otp import sentences
from superlearner.control.child_requests import ended_by
from superlearner.control.reasons import fell_after
from superlearner.control.slots import max_seconds_of
from superlearner.operations.results.restarts import (
    Crashed,
    Decided,
    Linked,
    Moment,
    MomentEvent,
    MomentFacts,
    Signalled,
    Started,
    Stopped,
)
from superlearner.restarts.drawing import MomentNode

__all__ = [
    "GiveUp",
    "describe_facts",
    "describe_give_ups",
    "describe_others",
    "find_decisive",
    "find_give_ups",
    "find_places",
    "find_requested",
    "is_richer",
    "reword",
    "starts_after_give_up",
]


MOST_FAILURES: Final = 3
"""Stopped processes whose failures to end as asked are shown."""
MOST_LINKED: Final = 10
"""Processes ended by links that are named."""


class Namer(Protocol):
    """The name of a node of a restart; one called by its pid is named by the `pid` that it had then."""

    def __call__(self, id: str, pid: str | None = None) -> str: ...


@dataclass(frozen=True, slots=True)
class GiveUp:
    """A supervisor that gave up.

    Args:
        supervisor: its name.
        reason: why its child ended or failed to start the last time.
        where: the line that raised, if it was a failed start.
        limit: the restarts allowed within a number of seconds; None if unknown.
        text: the give-up as a sentence, with the line that raised.
    """

    supervisor: str
    reason: str
    where: str | None
    limit: tuple[int, float] | None
    text: str


def find_give_ups(moment: Moment) -> list[GiveUp]:
    """Return the supervisors that gave up in a restart, in order: the last one is the highest."""
    nodes = {one.id: one for one in _walk(moment.root)}
    found: dict[str, GiveUp] = {}
    for place, event in enumerate(moment.events):
        if isinstance(event, Decided) and event.what == "give_up":
            found[event.id] = _describe_give_up(event.id, moment, place, nodes)
    return list(found.values())


def starts_after_give_up(moment: Moment) -> bool:
    """Return whether a process was started after the last supervisor gave up."""
    given_up = [place for place, one in enumerate(moment.events) if isinstance(one, Decided) and one.what == "give_up"]
    return bool(given_up) and any(isinstance(one, Started) for one in moment.events[given_up[-1] :])


def describe_give_ups(given_up: Sequence[GiveUp]) -> str:
    """Return the sentence about give-ups of one cause: of the first supervisor, and who gave up after it."""
    first, *above = given_up
    return sentences.story(first.text, fell_after([one.supervisor for one in above]))


def find_decisive(given_up: Sequence[GiveUp]) -> GiveUp:
    """Return the highest give-up whose reason is not just the `shutdown` of a supervisor below it."""
    return next((one for one in reversed(given_up) if one.reason != "shutdown"), given_up[-1])


def _describe_give_up(id: str, moment: Moment, place: int, nodes: dict[str, MomentNode]) -> GiveUp:
    """Return the give-up of a supervisor; `place` is that of its event."""
    before: list[MomentEvent] = moment.events[:place]

    def name(id: str) -> str:
        return nodes[id].name if id in nodes else id.rpartition("/")[2]

    limit = nodes[id].limit if id in nodes else None
    first = next((one for one in before if isinstance(one, Crashed)), None)
    last, reason, where, at = "", "unknown", None, None
    for one in reversed(before):
        if isinstance(one, Crashed) and one.start and one.id.rpartition("/")[0] == id:
            last, reason = sentences.last_straw(name(one.id), one.reason, failed=True, retried=True), one.reason
            lines = (crash.line for crash in reversed(before) if isinstance(crash, Crashed) and crash.start)
            where = at = next((line.place for line in lines if line is not None), None)
            break
        if isinstance(one, Signalled) and one.to == id:
            failed = any(isinstance(end, Crashed) and end.reason == one.reason and end.crash for end in before)
            last, reason = sentences.last_straw(name(one.id), one.reason, failed=failed, retried=False), one.reason
            if moment.line is not None and first is not None and first.reason == reason:
                at = moment.line.place
            break
    if last:
        last += sentences.at_place(at, reason)
    if limit is None:
        return GiveUp(name(id), reason, where, None, f"{name(id)} gave up{f' (last: {last})' if last else ''}")
    allowed, window = limit
    text = sentences.gave_up(name(id), last, allowed=allowed, window=max_seconds_of(window))
    return GiveUp(name(id), reason, where, limit, text)


def find_places(moment: Moment) -> str | None:
    """Return the line that caused a restart, as text; for a deadlock, the lines of all its calls.

    After a failed start, also the line by which the last supervisor gave up.
    """
    ends = [one for one in moment.events if isinstance(one, Crashed) and not one.start]
    found = [one.line.place for one in ends if one.line is not None]
    if not found and moment.line is not None:
        found = [moment.line.place]
    if given_up := find_give_ups(moment):
        found += filter(None, [find_decisive(given_up).where])
    return sentences.listed(list(dict.fromkeys(found))) or None


def find_requested(moment: Moment) -> list[Stopped]:
    """Return the stops of the children that were stopped on request, without those below them; else none."""
    stops = [one for one in moment.events if isinstance(one, Stopped)]
    if not stops or moment.events[0] is not stops[0]:  # a process ended by itself
        return []
    if any(isinstance(one, Crashed) and one.id == stops[-1].by for one in moment.events):  # the supervisor was ending
        return []
    return [one for one in stops if one.by == stops[-1].by]


def describe_facts(moment: Moment, *, stored: bool = False) -> MomentFacts:
    """Return a restart in short texts; `stored`: as it was recorded, perhaps while it went on."""
    if moment.moved:
        what, _, why = moment.summary.partition(": ")
        return MomentFacts(what=what, why=why)
    nodes = {one.id: one for one in _walk(moment.root)}

    def name(id: str, pid: str | None = None) -> str:
        node = nodes.get(id)
        if node is None:
            return pid or id.rpartition("/")[2]
        alone = node.name.removesuffix(node.pid or "")  # a dynamic child without a name is called by its pid
        return f"{alone}{pid}" if pid and alone != node.name else node.name

    first = next((one for one in moment.events if isinstance(one, Crashed)), None)
    requested = find_requested(moment)
    begun = first or next(iter(requested or moment.events), None)
    victim = moment.root.id if begun is None else begun.id
    decided = [one for one in moment.events if isinstance(one, Decided)]
    given_up = find_give_ups(moment)
    starts = [one for one in moment.events if isinstance(one, Started)]
    open_ = "had not been restarted yet when this was recorded" if stored else "has not been restarted yet"
    verb = "was restarted" if starts else open_ if moment.going_on else "ended"
    what = f"{sentences.listed([one.supervisor for one in given_up])} gave up" if given_up else f"{name(victim)} {verb}"
    reason = "unknown" if first is None else first.reason
    killed = f"{name(victim)} was killed{f', by {moment.signal}' if moment.signal else ''}"
    before = None if victim not in nodes else nodes[victim].state
    after = next((one.state for one in starts if one.id == victim), None)
    if after and after == before and "…" not in after:  # the text of a long state is cut
        after = "unchanged"
    line, handled = moment.line, moment.handled
    why = killed if reason == "killed" else reason
    why = ended_by(name(victim), reason, moment.request) if moment.request else why
    failed = next((one for one in reversed(moment.events) if isinstance(one, Crashed) and one.start), None)
    if failed is not None:
        why = f"{why}; {name(failed.id)} did not start: {failed.reason}"
    if requested:
        why = moment.request or "a request"
        again = [name(one.id) for one in starts if one.by == requested[0].by]
        what = f"{sentences.listed(again)} {'was' if len(again) == 1 else 'were'} restarted" if again else (
            f"{name(victim)} was stopped"
        )  # fmt: skip
    return MomentFacts(
        what=what,
        why=why,
        where=find_places(moment),
        source=None if line is None else line.source,
        handling=None if handled is None else handled.described,
        state_before=before,
        state_after=after,
        lost="; ".join(filter(None, (moment.lost and moment.lost.text, moment.lost_beside))) or None,
        supervisor="; ".join(_describe_actions(moment, decided, name, stored=stored)) or None,
        gave_up=describe_give_ups(given_up) if given_up else None,
        budget=_describe_budget(decided, nodes, given_up),
    )


def describe_others(moment: Moment, span: float) -> str | None:
    """Return how many restarts of the same child were near this one; `span` is the time on each side, in seconds."""
    before, after = moment.storm_before, moment.storm - moment.storm_before
    told = [f"{sentences.times_text(before)} before this" if before else "",
            f"{sentences.times_text(after)} after {'it' if before else 'this'}" if after else ""]  # fmt: skip
    first = next((one for one in moment.events if isinstance(one, Crashed)), None)
    who = "" if first is None else next((one.name for one in _walk(moment.root) if one.id == first.id), "")
    said = f"{who} was also restarted" if who else "also restarted"
    return f"{said} {' and '.join(filter(None, told))}, within {span:g} s" if moment.storm else None


def _list_started(events: Sequence[MomentEvent], by: str, name: Namer) -> list[str]:
    """Return the names of the children that a supervisor started, each once."""
    return list(dict.fromkeys(name(one.id, one.pid) for one in events if isinstance(one, Started) and one.by == by))


def _list_other_ends(moment: Moment, by: str, name: Namer) -> Iterator[str]:
    """Yield how children ended after the first end: by links, or found ended when their supervisor stopped them."""
    linked: dict[str, list[str]] = {}
    for one in moment.events:
        if isinstance(one, Linked) and one.to.rpartition("/")[0] == by != one.id:
            linked.setdefault(one.id, []).append(name(one.to))
    for other, names in linked.items():
        shown = sentences.listed(names[:MOST_LINKED], "and", len(names[MOST_LINKED:]))
        yield f"{shown} {'was' if len(names) == 1 else 'were'} linked to {name(other)} and ended with it"
    ends = [one for one in moment.events if isinstance(one, Crashed) and not one.start]
    handled = {one.id for one in moment.events if isinstance(one, Signalled) and one.to == by}
    for one in ends[1:]:
        if one.id not in handled and one.id.rpartition("/")[0] == by:
            yield sentences.ended(f"meanwhile {name(one.id)}", one.reason, failed=one.crash)


def _describe_actions(moment: Moment, decided: list[Decided], name: Namer, *, stored: bool) -> Iterator[str]:
    """Yield what each supervisor did."""
    nothing = (
        ("had started nothing yet" if stored else "has started nothing yet") if moment.going_on else "started nothing"
    )
    for id in dict.fromkeys([one.id for one in decided] or [one.by for one in find_requested(moment)]):
        last = next((one for one in reversed(decided) if one.id == id), None)
        stopped = [name(one.id, one.pid) for one in moment.events if isinstance(one, Stopped) and one.by == id]
        stops = list(dict.fromkeys(stopped))
        gave_up = None if last is None or last.what != "give_up" else last
        fell = next((at for at, one in enumerate(moment.events) if one is gave_up), None)
        before = _list_started(moment.events[:fell], id, name)
        after = [] if fell is None else _list_started(moment.events[fell:], id, name)
        started = f"started {sentences.listed(before)}" if before else ""
        does = [
            started if fell is not None else "",
            "gave up" if fell is not None else "",
            f"stopped {sentences.listed(stops, 'then')}" if stops else "",
            started if fell is None else "",
            f"started {sentences.listed(after)} when it ran again" if after else "",
            "" if last is None else _describe_left(last),
        ]
        clauses = [one for one in does if one] or [nothing]
        yield f"{name(id)}{f' ({last.strategy})' if last is not None and last.strategy else ''} {', '.join(clauses)}"
        yield from _list_other_ends(moment, id, name)
        failed = [one for one in moment.events if isinstance(one, Stopped) and one.by == id and one.failure is not None]
        yield from (f"{name(one.id, one.pid)} {one.failure}" for one in failed[:MOST_FAILURES])


def _describe_left(decided: Decided) -> str:
    """Return what became of a child that its supervisor did not restart at once; "" if it did."""
    after = None if decided.later is None else sentences.elapsed(decided.later)
    match decided.what:
        case "drop":
            return "did not restart it" if after is None else f"did not restart it, but on request after {after}"
        case "pause":
            return "restarts it after a pause" if after is None else f"restarted it after {after}"
        case _:
            return ""


def _describe_budget(decided: list[Decided], nodes: dict[str, MomentNode], given_up: list[GiveUp]) -> str | None:
    if given_up:
        spent = given_up[0].limit
        return None if spent is None else _budget(0, *spent)
    first = next((one for one in decided if one.left is not None), None)
    limit = None if first is None or first.id not in nodes else nodes[first.id].limit
    if first is None or first.left is None or limit is None:
        return None
    return _budget(first.left, *limit)


def _budget(left: int, allowed: int, window: float) -> str | None:
    return sentences.budget(allowed - left, allowed, max_seconds_of(window)) or None


def reword(moment: Moment, reader: str) -> Moment:
    """Return a stored restart in the words for a reader."""
    changes: dict[str, object] = {}
    summary = moment.summary
    if moment.requester is not None:
        changes["request"] = moment.requester.describe_request(reader)
        summary = summary.replace(moment.requester.describe_request(None), moment.requester.describe_request(reader))
    handled = moment.handled
    if handled is not None and handled.requester is not None:
        mine = replace(handled, sender=handled.requester.describe_sender(reader))
        summary = summary.replace(handled.clause, mine.clause)
        changes["handled"] = mine
    return moment.model_copy(update={**changes, "summary": summary})


def is_richer(stored: Moment, drawn: Moment) -> bool:
    """Return whether a stored restart tells more than the same one drawn again: what it needs may have been forgotten.

    States and requests are forgotten before events are, and at once if a service is attached again.
    """
    same = stored.ref == drawn.ref and len(stored.events) >= len(drawn.events)
    return same and _count_facts(stored) > _count_facts(drawn)


def _count_facts(moment: Moment) -> int:
    handled = moment.handled
    known = [moment.requester, moment.lost, moment.lost_beside, moment.line, handled and handled.sender]
    known += [one.state for one in moment.events if isinstance(one, Started)]
    known += [one.state for one in _walk(moment.root)]
    return sum(one is not None for one in known)


def _walk(node: MomentNode) -> Iterator[MomentNode]:
    yield node
    for child in node.children:
        yield from _walk(child)
