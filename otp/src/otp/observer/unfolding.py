"""A state as a tree of terms, read in parts, as a page expands it."""

# States have no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import islice
from pathlib import PurePath
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from otp._structure import field_names, mro, name_of, stored
from otp.bounded import text
from otp.kernel.tables.callers import HIDDEN_STATE, formatted_state, read_callback_state
from otp.kernel.values.pids import Pid, Ref
from otp.kernel.values.process import DEAD
from otp.kernel.values.reasons import Crash, ExceptionTerm
from otp.kernel.values.results import Result
from otp.redaction import HIDDEN, Redact, hides, is_secret, without_secrets

if TYPE_CHECKING:
    from otp.kernel.steps.node import Node
    from otp.kernel.values.process import Process

__all__ = ["State", "Term", "seen_state", "unfold", "visible_state"]

_LEAVES: Final = (
    *(str, int, float, bytes, bytearray, type, Pid, Ref, Crash, ExceptionTerm, Result),
    *(Enum, PurePath, UUID, FunctionType, BuiltinFunctionType, MethodType, ModuleType),
)
_SETS: Final = (set, frozenset)
_MEMBERS: Final = 500
"""Members returned at once, on all levels together: each takes time of the loop."""
_LENGTH: Final = 300
"""The maximum length of the text of a member; that of the value itself may be longer."""


@dataclass(frozen=True, slots=True)
class State:
    """The visible state of a process. `exact`: it is the state itself, not the result of `format_status`."""

    value: Any
    exact: bool


@dataclass(frozen=True, slots=True)
class Term:
    """A value: the name of its type, a bounded text, and its members.

    `label` is its position in the surrounding value: the key, field or index. `size` counts its members, for text and
    bytes their length; `members` are the requested ones from `start` on. `hidden`: a secret, of which only the label is
    shown. `cut`: `text` is not complete.
    """

    label: str
    type: str
    text: str
    size: int | None = None
    start: int = 0
    members: tuple[Term, ...] = ()
    hidden: bool = False
    cut: bool = False


def seen_state(node: Node, pid: Pid) -> State | None:
    """Return the visible state of a server.

    Returns None for a coroutine, a dead or a sensitive process. No message is sent: it is the state as the last
    callback left it.
    """
    p: Process | None = node.process_table.get(pid.id)
    return None if p is None or p is not pid or p.status == DEAD else visible_state(p)


def visible_state(p: Process) -> State | None:
    """Return the visible state of a process that has not been released; None for a coroutine or a sensitive process."""
    if p.callbacks is None:
        return None
    own = read_callback_state(p)
    value = own if p.state is None else formatted_state(p)
    return None if value is HIDDEN_STATE else State(value, value is own)


def unfold(
    value: object,
    path: Sequence[int] = (),
    *,
    start: int = 0,
    items: int = 100,
    depth: int = 2,
    length: int = 200,
    redact: Redact | None = is_secret,
) -> Term | None:
    """Return a value, or the one at `path` in it, opened `depth` levels deep.

    Returns None if the path is invalid. The result has some hundreds of members in all. A value with too many members
    stays closed: it has a `size` and no `members`, and can be requested by its own path.

    Args:
        value: any object; it is not changed, and none of its own code runs.
        path: positions of members: `(2, 0)` is the first member of the third.
        start: the first member of the value at `path` to return.
        items: how many members of each value, 500 at most.
        depth: how many levels.
        length: the maximum length of a text in characters; for members at most 300.
        redact: returns whether a key or field with this name is hidden; None hides nothing.

    >>> from otp.observer import unfold
    >>> state = {"owner": "ada", "password": "hunter2", "items": [3, 4]}
    >>> [(one.label, one.type, one.text) for one in unfold(state).members]
    [("'owner'", 'str', "'ada'"), ("'password'", 'str', '***'), ("'items'", 'list', '[3, 4]')]
    >>> unfold(state, (2, 1)).text
    '4'
    """
    label, hidden, parents = "", False, [value]
    for step in path:
        found = next(islice(_members(value, redact), step, None), None) if step >= 0 else None
        if found is None or hidden or any(found[1] is parent for parent in parents):
            return None
        label, value, hidden = found
        parents.append(value)
    return _Reader(items, length, redact).term(label, value, hidden, depth, parents[:-1], start, max(length, 1))


class _Reader:
    def __init__(self, items: int, length: int, redact: Redact | None) -> None:
        self.items = min(max(items, 0), _MEMBERS)
        self.left = _MEMBERS
        self.length = min(max(length, 1), _LENGTH)
        self.redact = redact

    def term(
        self, label: str, value: Any, hidden: bool, depth: int, parents: list[Any], start: int = 0, length: int = 0
    ) -> Term:
        kind = name_of(type(value))
        if hidden:
            return Term(label, kind, HIDDEN, hidden=True)
        if any(value is parent for parent in parents):
            return Term(label, kind, "<cycle>")
        size = _size(value)
        length = length or self.length
        leaf = _is_leaf(value)
        shown = self.written(value, length)
        within: tuple[Term, ...] = ()
        if depth > 0 and size and not leaf and (many := max(0, min(size - start, self.items))) <= self.left:
            self.left -= many
            found = islice(_members(value, self.redact), start, start + self.items)
            around = [*parents, value]
            within = tuple(self.term(name, one, secret, depth - 1, around) for name, one, secret in found)
        long = size is not None and leaf and size > length
        return Term(label, kind, shown, size, start, within, cut=long or (leaf and shown.endswith("…")))

    def written(self, value: Any, length: int) -> str:
        bases = mro(type(value))
        if str in bases:  # `text` cuts after the quotes; a long text is shown to its full length
            if self.redact is None:
                return repr(str.__getitem__(value, slice(0, length)))
            return repr(without_secrets(value, length + 1)[:length])
        return text(value, length=length, depth=3, items=20, redact=self.redact)


def _is_leaf(value: Any) -> bool:
    bases = mro(type(value))
    return any(kind in bases for kind in _LEAVES) or _size(value) is None


def _size(value: Any) -> int | None:
    """Return how many members or characters a value has; None if neither applies."""
    bases: Any = mro(type(value))
    for kind in (str, bytes, bytearray):
        if kind in bases:
            return kind.__len__(value)
    if any(kind in bases for kind in _LEAVES):
        return None
    for kind in (dict, list, tuple, set, frozenset, deque):
        if kind in bases:
            return kind.__len__(value)
    found = sum(1 for _ in islice(_attributes(value), 10_000))
    return found or None


def _members(value: Any, redact: Redact | None) -> Iterator[tuple[str, Any, bool]]:
    """Yield the members of a value: label, member, and whether it is hidden."""
    kind: Any = type(value)
    bases = mro(kind)
    if any(one in bases for one in _LEAVES):
        return
    if dict in bases:
        for key, member in dict.items(value):
            yield text(key, length=200, redact=redact), member, hides(redact, key, member)
    elif names := field_names(kind):
        for name, member in zip(names, tuple.__iter__(value), strict=False):
            yield name, member, hides(redact, name, member)
    elif tuple in bases:
        size = tuple.__len__(value)
        tag = tuple.__getitem__(value, 0) if size > 1 else None
        hidden = hides(redact, tag, tuple.__getitem__(value, 1) if size == 2 else None)
        for number, member in enumerate(tuple.__iter__(value)):
            yield str(number), member, hidden and number > 0
    elif list in bases or deque in bases:
        base: Any = list if list in bases else deque
        for number, member in enumerate(base.__iter__(value)):
            yield str(number), member, False
    elif any(one in bases for one in _SETS):
        base = set if set in bases else frozenset
        for member in base.__iter__(value):
            yield "", member, False
    else:
        for name, member in _attributes(value):
            yield name, member, hides(redact, name, member)


def _attributes(value: Any) -> Iterator[tuple[str, Any]]:
    return (pair for pair in stored(value, type(value)) if pair[0][:2] != "__")
