"""A restart in short texts, the same for pages, saved files, commands and tools; and the words for its reader."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from otp import sentences
from superlearner.operations.results.restarts import Crashed, Decided, Moment, MomentFacts, Started, Stopped
from superlearner.restarts.drawing import MomentNode

__all__ = ["describe_facts", "reword"]


def describe_facts(moment: Moment) -> MomentFacts:
    """Return a restart in short texts."""
    nodes = {one.id: one for one in _walk(moment.root)}

    def name(id: str) -> str:
        return nodes[id].name if id in nodes else id.rpartition("/")[2]

    first = next((one for one in moment.events if isinstance(one, Crashed)), None)
    victim = first.id if first is not None else moment.events[0].id if moment.events else moment.root.id
    decided = [one for one in moment.events if isinstance(one, Decided)]
    fallen = next((one.id for one in decided if one.what == "give_up"), None)
    starts = [one for one in moment.events if isinstance(one, Started)]
    verb = "was restarted" if starts else "has not been restarted yet" if moment.going_on else "ended"
    what = f"{name(victim)} {verb}" if fallen is None else f"{name(fallen)} gave up"
    reason = "unknown" if first is None else first.reason
    killed = f"{name(victim)} was killed{f' by {moment.request}' if moment.request else ''}"
    before = None if victim not in nodes else nodes[victim].state
    line, handled = moment.line, moment.handled
    return MomentFacts(
        what=what,
        why=killed if reason == "killed" else reason,
        where=None if line is None else line.place,
        source=None if line is None else line.source,
        handling=None if handled is None else handled.described,
        state_before=before,
        state_after=next((one.state for one in starts if one.id == victim), None),
        lost=None if moment.lost is None else moment.lost.text,
        supervisor="; ".join(_describe_actions(moment, decided, name)) or None,
        budget=_describe_budget(decided, nodes),
    )


def _describe_actions(moment: Moment, decided: list[Decided], name: Callable[[str], str]) -> Iterator[str]:
    """Yield what each supervisor did."""
    for id in dict.fromkeys(one.id for one in decided):
        last = [one for one in decided if one.id == id][-1]
        stops = [name(one.id) for one in moment.events if isinstance(one, Stopped) and one.by == id]
        starts = list(dict.fromkeys(name(one.id) for one in moment.events if isinstance(one, Started) and one.by == id))
        does = [
            "gave up" if last.what == "give_up" else "",
            f"stopped {sentences.listed(stops, 'then')}" if stops else "",
            f"started {sentences.listed(starts)}" if starts else "",
            _describe_left(last),
        ]
        clauses = [one for one in does if one] or ["has started nothing yet"]
        yield f"{name(id)}{f' ({last.strategy})' if last.strategy else ''} {', '.join(clauses)}"


def _describe_left(decided: Decided) -> str:
    """Return what became of a child that its supervisor did not restart at once; "" if it did."""
    after = None if decided.later is None else f"{decided.later:.1f} s"
    match decided.what:
        case "drop":
            return "did not restart it" if after is None else f"did not restart it, but on request after {after}"
        case "pause":
            return "starts it again after a pause" if after is None else f"started it again after {after}"
        case _:
            return ""


def _describe_budget(decided: list[Decided], nodes: dict[str, MomentNode]) -> str | None:
    first = next((one for one in decided if one.left is not None), None)
    limit = None if first is None or first.id not in nodes else nodes[first.id].limit
    if first is None or first.left is None or limit is None:
        return None
    return sentences.budget(limit[0] - first.left, *limit) or None


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


def _walk(node: MomentNode) -> Iterator[MomentNode]:
    yield node
    for child in node.children:
        yield from _walk(child)
