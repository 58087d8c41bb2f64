r"""Reads a tree that was drawn as text: with boxes and lines, with slashes, like `tree`, or by indentation.

>>> [root] = read_drawing('''
...        Root
...      /   |   \\
...  Store  Sup  Pool
...        / | \\
...       W1 W2 W3
... ''')
>>> [child.label for child in root.children], [child.label for child in root.children[1].children]
(['Store', 'Sup', 'Pool'], ['W1', 'W2', 'W3'])
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

__all__ = ["Drawn", "read_drawing", "shown_tree"]

LINES: Final = frozenset("│┌┐└┘├┤┬┴┼─|+-/\\▼▲v^*'`.╭╮╰╯━┃")
LABEL: Final = re.compile(r"[A-Za-z?][\w:?.@]*(?: (?:\d+|[A-Z])(?!\w))?(?: {0,3}[(\[][^)\]]*[)\]])?")
LINE: Final = re.compile(r"[A-Za-z?].*[\w)\]?]|[A-Za-z?]")
"""The label of a line that has one label."""
BRANCH: Final = re.compile(r"^[\s│|]*[├└+`|\\]?[─-]+\s*\w")
ARROWS: Final = ("v", "V")
MOST: Final = 200


@dataclass(slots=True, eq=False)
class Drawn:
    """A label of a drawing with the labels below it; `line`, `left` and `right` are its place."""

    label: str
    line: int
    left: int
    right: int
    children: list[Drawn] = field(default_factory=list["Drawn"])


def read_drawing(text: str) -> list[Drawn]:
    """Return the labels of a drawing that have nothing above them, each with its children from left to right."""
    lines = [line.rstrip() for line in text.expandtabs(4).splitlines() if line.strip()][:MOST]
    labels = _labels(lines, LABEL)
    by_line = Counter(label.line for label in labels)
    if any(BRANCH.match(line) for line in lines) or (len(by_line) == len(lines) > 1 and max(by_line.values()) == 1):
        return _by_indentation(_labels(lines, LINE))
    return _by_lines(lines, labels)


def _labels(lines: list[str], pattern: re.Pattern[str]) -> list[Drawn]:
    return [
        Drawn(found.group(), number, found.start(), found.end() - 1)
        for number, line in enumerate(lines)
        for found in pattern.finditer(line)
        if found.group() not in ARROWS
    ]


def shown_tree(roots: list[Drawn], depth: int = 0) -> str:
    """Return how a drawing was read, one label a line."""
    return "\n".join(
        line for root in roots for line in ("  " * depth + root.label, shown_tree(root.children, depth + 1)) if line
    )


def _by_indentation(labels: list[Drawn]) -> list[Drawn]:
    roots: list[Drawn] = []
    above: list[Drawn] = []
    for label in labels:
        while above and above[-1].left >= label.left:
            above.pop()
        (above[-1].children if above else roots).append(label)
        above.append(label)
    return roots


def _by_lines(lines: list[str], labels: list[Drawn]) -> list[Drawn]:
    at = {(label.line, x): label for label in labels for x in range(label.left, label.right + 1)}
    drawn = {
        (y, x): sign
        for y, line in enumerate(lines)
        for x, sign in enumerate(line)
        if sign in LINES and (y, x) not in at
    }
    parents: dict[Drawn, Drawn] = {}
    rest = set(drawn)
    while rest:
        joined = _joined(drawn, rest.pop())
        rest -= joined
        top, bottom = min(joined), max(joined)
        above = {label for y, x in joined if (label := _near(at, y - 1, x, drawn[y, x], up=True))} or _nearest(
            labels, top[0] - 1, top[1]
        )
        below = {label for y, x in joined if (label := _near(at, y + 1, x, drawn[y, x], up=False))} or _nearest(
            labels, bottom[0] + 1, bottom[1]
        )
        if len(above) == 1:
            (parent,) = above
            parents.update({label: parent for label in below if label is not parent})
    for label in labels:
        if label in parents:
            parents[label].children.append(label)
    for label in labels:
        label.children.sort(key=lambda child: child.left)
    return [label for label in labels if label not in parents]


def _joined(drawn: dict[tuple[int, int], str], start: tuple[int, int]) -> set[tuple[int, int]]:
    """Return the signs that are connected with one."""
    found: set[tuple[int, int]] = set()
    todo = [start]
    while todo:
        place = todo.pop()
        if place in found:
            continue
        found.add(place)
        y, x = place
        near = [(y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)]
        if drawn[place] in "/\\":
            near += [(y + 1, x - 1), (y + 1, x + 1), (y - 1, x - 1), (y - 1, x + 1)]
        todo += [each for each in near if each in drawn]
    return found


def _near(at: dict[tuple[int, int], Drawn], y: int, x: int, sign: str, *, up: bool) -> Drawn | None:
    """Return the label that a sign touches in the next line; a slash leads to its own side first."""
    aside = 1 if (sign == "/") == up else -1
    return next((at[y, x + dx] for dx in (0, aside, -aside) if (y, x + dx) in at), None)


def _nearest(labels: list[Drawn], line: int, x: int) -> set[Drawn]:
    """Return the nearest label of a line, for a slash that stands a little apart."""
    found = [label for label in labels if label.line == line]
    return {min(found, key=lambda label: max(label.left - x, x - label.right, 0))} if found else set()
