"""Supervision trees drawn as text, Graphviz and Mermaid by pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from otp import Pid, sentences
from otp.observer import Budget, ChildView, SupervisorView, Tree
from superlearner.control.terms import clip, plain_pid

__all__ = ["FORMATS", "Drawn", "as_dot", "as_mermaid", "as_text", "draw", "waiting_text"]

Drawn = Literal["text", "dot", "mermaid"]
Notes: TypeAlias = Mapping[Pid, str]
"""Problems of processes, in words."""

NOTHING: Final[Notes] = MappingProxyType({})
MAX_LABEL: Final = 60
NO_ID: Final = "None"
"""The `repr` of the missing id of a dynamic supervisor's child."""


def draw(tree: Tree, form: Drawn, notes: Notes = NOTHING) -> str:
    """Return the tree in one of the forms; the text has notes about processes."""
    return as_text(tree, notes) if form == "text" else FORMATS[form](tree)


def as_text(tree: Tree, notes: Notes = NOTHING) -> str:
    """Return indented lines with branches, like the output of `tree`, with notes about processes."""
    lines: list[str] = []
    for root in tree.roots:
        lines.append(_supervisor_line(root, root.name or plain_pid(root.pid), notes.get(root.pid, "")))
        lines.extend(_branches(root, "", notes))
    if tree.partial:
        lines.append(f"(something is left off: {', '.join(tree.why)})")
    return "\n".join(lines) + "\n"


def as_dot(tree: Tree) -> str:
    """Return a Graphviz graph: supervisors are boxes, stopped children are dashed."""
    lines = ["digraph supervision {", "  rankdir=LR;", '  node [fontname="sans-serif"];']
    for number, label, shape, above in _nodes(tree):
        style = {"supervisor": "shape=box", "worker": "shape=ellipse", "down": "shape=ellipse, style=dashed"}[shape]
        lines.append(f"  n{number} [label={_quoted(label)}, {style}];")
        if above is not None:
            lines.append(f"  n{above} -> n{number};")
    return "\n".join([*lines, "}"]) + "\n"


def as_mermaid(tree: Tree) -> str:
    """Return a Mermaid flowchart: boxes are supervisors, dashed ones are not running."""
    lines = ["flowchart LR"]
    for number, label, shape, above in _nodes(tree):
        words = _mermaid_text(label)
        lines.append(f'  n{number}["{words}"]' if shape == "supervisor" else f'  n{number}(["{words}"])')
        if above is not None:
            lines.append(f"  n{above} {'-.->' if shape == 'down' else '-->'} n{number}")
    return "\n".join(lines) + "\n"


FORMATS: Final = {"dot": as_dot, "mermaid": as_mermaid}


def _branches(above: SupervisorView, indent: str, notes: Notes) -> Iterator[str]:
    rows: list[tuple[str, SupervisorView | None]] = [
        (_child_line(child, notes), child.supervisor) for child in above.children
    ]
    if above.more:
        rows.append((f"… {above.more} more", None))
    for position, (line, below) in enumerate(rows):
        last = position == len(rows) - 1
        yield f"{indent}{'└── ' if last else '├── '}{line}"
        if below is not None:
            yield from _branches(below, f"{indent}{'    ' if last else '│   '}", notes)


def _supervisor_line(view: SupervisorView, called: str, status: str = "") -> str:
    budget = view.budget
    left = sentences.budget(budget.used, budget.max_restarts, budget.max_seconds) or _allowed(budget)
    told = ", ".join(filter(None, (left, status)))
    return f"{_one_line(called)} {plain_pid(view.pid)} {view.strategy}{f' ({told})' if told else ''}"


def _allowed(budget: Budget) -> str:
    """Return the limit of restarts if it is too high to count those left, or if there is none."""
    if budget.max_restarts == "infinity":
        return "unlimited restarts"
    window = "" if budget.max_seconds == "infinity" else f" in {sentences.duration(budget.max_seconds)}"
    return f"{budget.max_restarts:,} restarts allowed{window}"


def _child_line(child: ChildView, notes: Notes) -> str:
    called = _called(child)
    status = _suspended(child) or ("" if child.pid is None else notes.get(child.pid, ""))
    if child.supervisor is not None:
        return _supervisor_line(child.supervisor, called, status)
    pid = child.state if child.pid is None else plain_pid(child.pid)
    shown = pid if called == pid else f"{_one_line(called)} {pid}"
    again = (_restarts(child.restarts) if child.restarts else "",
             f"{child.restarted_along:,} with siblings" if child.restarted_along else "")  # fmt: skip
    told = ", ".join(filter(None, (child.restart, " + ".join(filter(None, again)), status)))
    return f"{shown} {_one_line(child.what)} ({told})"


def _suspended(child: ChildView) -> str:
    """Return that a child is suspended, and how many messages wait; "" if it is not."""
    if child.status != "suspended":
        return ""
    return f"suspended{f': {waiting_text(child.mailbox)}' if child.mailbox else ''}"


def waiting_text(count: int, *, over: bool = False) -> str:
    """Return how many messages wait, or waited if that is `over`.

    >>> waiting_text(1), waiting_text(3_000), waiting_text(1, over=True)
    ('1 message waits', '3,000 messages wait', '1 message waited')
    """
    messages = "1 message" if count == 1 else f"{count:,} messages"
    return f"{messages} {'waited' if over else 'waits' if count == 1 else 'wait'}"


def _restarts(count: float | str) -> str:
    return f"{count} restart" if count == 1 else f"{count} restarts"


def _called(child: ChildView) -> str:
    """Return a child's name, its id, or the pid of a dynamic child without either."""
    if child.name is not None:
        return child.name
    if child.id == NO_ID:
        return child.state if child.pid is None else plain_pid(child.pid)
    return _plain_id(child.id)


def _nodes(tree: Tree) -> Iterator[tuple[int, str, Literal["supervisor", "worker", "down"], int | None]]:
    """Yield number, label, shape and parent's number of each node, roots first."""
    number = 0
    waiting: list[tuple[SupervisorView | ChildView | str, int | None]] = [(root, None) for root in reversed(tree.roots)]
    while waiting:
        item, above = waiting.pop()
        number += 1
        if isinstance(item, str):
            yield number, item, "down", above
            continue
        below = item if isinstance(item, SupervisorView) else item.supervisor
        if below is None:
            assert isinstance(item, ChildView)
            shape = "down" if item.pid is None else "worker"
            yield number, _one_line(_called(item)), shape, above
            continue
        called = _called(item) if isinstance(item, ChildView) else item.name or plain_pid(item.pid)
        yield number, f"{_one_line(called)} ({below.strategy})", "supervisor", above
        if below.more:
            waiting.append((f"… {below.more} more", number))
        waiting.extend((child, number) for child in reversed(below.children))


def _plain_id(id: str) -> str:
    """Return a child id without the quotes that `repr` adds to a string."""
    return id[1:-1] if len(id) > 1 and id[0] == id[-1] == "'" else id


def _one_line(words: str) -> str:
    """Return a label without characters that break a line or reverse its direction."""
    shown = "".join(letter if letter.isprintable() else "·" for letter in words)
    return clip(shown, MAX_LABEL)


def _quoted(words: str) -> str:
    escaped = words.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _mermaid_text(words: str) -> str:
    """Escape entities and HTML, both of which Mermaid interprets in quoted text."""
    plain = set(" _-.()/:,…·'*+=")
    return "".join(letter if letter.isalnum() or letter in plain else f"#{ord(letter)};" for letter in words)
