"""Diagram of message traffic: processes in a ring, and weighted lines.

Everything here is a pure function of the counts and of the process descriptions.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

__all__ = ["FOLD_ABOVE", "MOST_NODES", "OUTSIDE", "TopologyEdge", "Member", "TopologySpot", "picture"]

FOLD_ABOVE: Final = 30
"""Number of talking processes above which they are grouped by supervisor."""
MOST_NODES: Final = 60
OUTSIDE: Final = "outside"
OTHERS: Final = "others"
CENTRE: Final = 500.0
RADIUS: Final = 390.0


@dataclass(frozen=True, slots=True)
class Member:
    """A process in the diagram: pid, name, class, and its supervisor or other group."""

    pid: str | None
    name: str | None
    what: str
    group: str
    group_name: str
    supervisor: bool = False


@dataclass(frozen=True, slots=True)
class TopologySpot:
    """A node of the diagram: a process, or several of a supervisor; x, y: 0–1000."""

    key: str
    pid: str | None = field(metadata={"description": "of the process; of the supervisor that stands for its children"})
    name: str
    what: str
    group: str = field(metadata={"description": "what `unfold` takes to show the processes behind it one by one"})
    processes: int = field(metadata={"description": "how many this stands for"})
    sent: int
    received: int
    x: float = field(metadata={"description": "from 0 to 1000"})
    y: float


@dataclass(frozen=True, slots=True)
class TopologyEdge:
    """Messages from one node of the diagram to another, or to itself."""

    source: str
    target: str
    messages: int


def picture(
    pairs: Mapping[tuple[str, str], int], members: Mapping[str, Member], unfold: Collection[str] = ()
) -> tuple[list[TopologySpot], list[TopologyEdge], bool]:
    """Return nodes in a ring, lines (heaviest first), and whether nodes are grouped.

    Args:
        pairs: messages by keys of `members`.
        members: descriptions of the processes.
        unfold: groups whose processes are shown individually.

    >>> till = Member("0.7.0", "till", "Till", "0.5.0", "shop")
    >>> spots, lines, folded = picture({("0.7.0", "0.8.0"): 5}, {"0.7.0": till, "0.8.0": replace(till, pid="0.8.0")})
    >>> [(spot.name, spot.sent, spot.received, round(spot.y)) for spot in spots], lines[0].messages, folded
    ([('till', 5, 0, 110), ('till', 0, 5, 890)], 5, False)
    """
    keys = {key for pair in pairs for key in pair}
    folded = len(keys) > FOLD_ABOVE
    place = {key: _place(members[key], key, folded, unfold) for key in keys}
    lines: Counter[tuple[str, str]] = Counter()
    for (source, target), messages in pairs.items():
        lines[place[source], place[target]] += messages
    kept = _busiest(lines)
    if kept is not None:
        shortened: Counter[tuple[str, str]] = Counter()
        for (source, target), messages in lines.items():
            shortened[source if source in kept else OTHERS, target if target in kept else OTHERS] += messages
        lines = shortened
        place = {key: where if where in kept else OTHERS for key, where in place.items()}
    spots = _spots(place, members, lines)
    found = [TopologyEdge(source, target, messages) for (source, target), messages in lines.most_common()]
    return spots, found, folded


def _place(member: Member, key: str, folded: bool, unfold: Collection[str]) -> str:
    if not folded or key == OUTSIDE or member.group in unfold:
        return key
    return f"under {member.group}"


def _busiest(lines: Counter[tuple[str, str]]) -> set[str] | None:
    """Return the nodes to show if there are too many; None if all are shown."""
    weights: Counter[str] = Counter()
    for (source, target), messages in lines.items():
        weights[source] += messages
        weights[target] += messages
    if len(weights) <= MOST_NODES:
        return None
    return {key for key, _ in weights.most_common(MOST_NODES)} | ({OUTSIDE} & weights.keys())


def _spots(
    place: Mapping[str, str], members: Mapping[str, Member], lines: Counter[tuple[str, str]]
) -> list[TopologySpot]:
    inside: dict[str, list[str]] = {}
    for key, where in place.items():
        inside.setdefault(where, []).append(key)
    sent: Counter[str] = Counter()
    received: Counter[str] = Counter()
    for (source, target), messages in lines.items():
        sent[source] += messages
        received[target] += messages
    spots = [
        replace(_spot(where, keys, members), sent=sent[where], received=received[where])
        for where, keys in inside.items()
    ]
    spots.sort(key=lambda spot: (spot.key == OTHERS, spot.key == OUTSIDE, _order(spot.group), _order(spot.pid or "")))
    return [_at(spot, number, len(spots)) for number, spot in enumerate(spots)]


def _spot(where: str, keys: list[str], members: Mapping[str, Member]) -> TopologySpot:
    first = members[keys[0]]
    if where == OTHERS:
        shown = None, "others", "", "", len(keys)
    elif where == keys[0]:
        shown = first.pid, first.name or f"{first.what} {first.pid}", first.what, first.group, 1
    else:
        shown = first.group if first.group[:1].isdigit() else None, first.group_name, "", first.group, len(keys)
    return TopologySpot(where, *shown, 0, 0, CENTRE, CENTRE)


def _order(pid: str) -> tuple[int, ...]:
    parts = pid.split(".")
    return tuple(int(part) for part in parts) if all(part.isdigit() for part in parts) else (1 << 60,)


def _at(spot: TopologySpot, number: int, count: int) -> TopologySpot:
    angle = 2 * math.pi * number / max(count, 1) - math.pi / 2
    radius = 0.0 if count == 1 else RADIUS
    return replace(spot, x=round(CENTRE + radius * math.cos(angle), 1), y=round(CENTRE + radius * math.sin(angle), 1))
