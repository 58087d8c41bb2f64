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
from dataclasses import dataclass, field
from typing import Final

__all__ = ["Drawn", "describe_drawing", "read_drawing"]

LINES: Final = frozenset("│┌┐└┘├┤┬┴┼─|+-/\\▼▲v^*'`.╭╮╰╯━┃")
LABEL: Final = re.compile(r"[A-Za-z?][\w:?.@]*(?: (?:\d+|[A-Z])(?!\w))?(?: {0,3}[(\[][^)\]]*[)\]])?")
LINE: Final = re.compile(r"[A-Za-z?].*[\w)\]?]|[A-Za-z?]")
"""The label of a line that has one label."""
BRANCH: Final = re.compile(r"^[\s│|]*[├└+`|\\]?[─-]+\s*\w")
SIGNS: Final = re.compile(rf"[\sV{re.escape(''.join(LINES))}]+")
"""A line that has no label."""
COMMENT: Final = re.compile(r"\s#(?!\d).*")
BRACKETS: Final = re.compile(r"[(\[]([^)\]]*)[)\]]?")
WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
ARROWS: Final = ("v", "V")
NAMED_ARROW: Final = re.compile(r".*[─-]\s+[vV]", re.S)
"""A line whose label looks like an arrow, and is a name: a branch with a space leads to it."""
MOST: Final = 100
"""Lines of a drawing."""
LONGEST: Final = 20_000
"""Characters of a drawing."""


@dataclass(slots=True, eq=False)
class Drawn:
    """A label of a drawing with the labels below it; `line`, `left` and `right` are its place."""

    label: str
    line: int
    left: int
    right: int
    children: list[Drawn] = field(default_factory=list["Drawn"])

    @property
    def name(self) -> str:
        """Return the label without what is in brackets.

        >>> Drawn("Worker Sup (one_for_one)", 0, 0, 23).name
        'Worker Sup'
        """
        return BRACKETS.sub("", self.label).strip()

    @property
    def words(self) -> list[str]:
        """Return the words of the name in small letters, without numbers and single letters behind them.

        >>> Drawn("StateStore_2 (one)", 0, 0, 17).words
        ['state', 'store']
        """
        words = [word.lower() for word in WORD.findall(self.name)]
        while len(words) > 1 and (len(words[-1]) == 1 or words[-1].isdecimal()):
            words.pop()
        return words

    @property
    def remarks(self) -> list[str]:
        """Return what is in brackets, text by text."""
        return [found.strip() for found in BRACKETS.findall(self.label)]


def read_drawing(text: str) -> list[Drawn]:
    r"""Return the labels of a drawing that have nothing above them, each with its children from left to right.

    Raises `ValueError` for a drawing that is too large.

    >>> [root] = read_drawing("Root  # on top\n  Worker Sup (one_for_one)\n  Store")
    >>> [child.label for child in root.children]
    ['Worker Sup (one_for_one)', 'Store']
    """
    if len(text) > LONGEST:
        raise ValueError(f"expected a drawing of at most {LONGEST:,} characters, got {len(text):,}")
    whole = [COMMENT.sub("", line).rstrip() for line in text.expandtabs(4).splitlines()]
    lines = [line for line in whole if line]
    if len(lines) > MOST:
        raise ValueError(f"expected a drawing of at most {MOST} lines, got {len(lines)}")
    has_signs = any(SIGNS.fullmatch(line) and line.strip() not in ARROWS for line in lines)
    if any(BRANCH.match(line) for line in lines) or not has_signs:
        labels = _labels(lines, LINE)
        return _by_indentation([each for each in labels if not has_signs or not _is_arrow(each, lines)])
    labels = [each for each in _labels(lines, LABEL) if each.label not in ARROWS]
    return _by_lines(lines, _of_two_words(lines, labels))


def _labels(lines: list[str], pattern: re.Pattern[str]) -> list[Drawn]:
    return [
        Drawn(found.group(), number, found.start(), found.end() - 1)
        for number, line in enumerate(lines)
        for found in pattern.finditer(line)
    ]


def _is_arrow(label: Drawn, lines: list[str]) -> bool:
    """Return whether a label is an arrow between the lines of a drawing, and no name."""
    return label.label in ARROWS and NAMED_ARROW.fullmatch(lines[label.line]) is None


def describe_drawing(roots: list[Drawn], depth: int = 0) -> str:
    """Return how a drawing was read, one label a line."""
    return "\n".join(
        line
        for root in roots
        for line in ("  " * depth + root.label, describe_drawing(root.children, depth + 1))
        if line
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
        above = {label for y, x in joined if (label := _find_label(at, y - 1, x, drawn[y, x], up=True))} or _nearest(
            labels, top[0] - 1, top[1]
        )
        below = {label for y, x in joined if (label := _find_label(at, y + 1, x, drawn[y, x], up=False))} or _nearest(
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


def _of_two_words(lines: list[str], labels: list[Drawn]) -> list[Drawn]:
    """Return the labels, those joined that are words of one name: a space apart, with a line to only one of them."""
    found: list[Drawn] = []
    for label in labels:
        last = found[-1] if found else None
        if last is None or last.line != label.line or label.left - last.right != 2 or last.label[-1] in ")]":
            found.append(label)
            continue
        led = [_is_led_to(lines, each) for each in (last, label)]
        between = lines[label.line - 1][last.right + 1 : last.right + 2].strip() if label.line else " "
        if all(led) or last.words == label.words or not (any(led) or between):
            found.append(label)
        else:
            found[-1] = Drawn(f"{last.label} {label.label}", label.line, last.left, label.right)
    return found


def _is_led_to(lines: list[str], label: Drawn) -> bool:
    """Return whether a line of the drawing that is not horizontal ends above a label."""
    above = lines[label.line - 1] if label.line else ""
    aside = {label.left - 1: "\\", label.right + 1: "/"}
    return any(
        sign in LINES and sign not in "-─━" and aside.get(x, sign) == sign
        for x, sign in enumerate(above)
        if label.left - 1 <= x <= label.right + 1
    )


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


def _find_label(at: dict[tuple[int, int], Drawn], y: int, x: int, sign: str, *, up: bool) -> Drawn | None:
    """Return the label that a sign touches in the next line; a slash leads to its own side first."""
    aside = 1 if (sign == "/") == up else -1
    return next((at[y, x + dx] for dx in (0, aside, -aside) if (y, x + dx) in at), None)


def _nearest(labels: list[Drawn], line: int, x: int) -> set[Drawn]:
    """Return the nearest label of a line, for a slash that stands a little apart."""
    found = [label for label in labels if label.line == line]
    return {min(found, key=lambda label: max(label.left - x, x - label.right, 0))} if found else set()
