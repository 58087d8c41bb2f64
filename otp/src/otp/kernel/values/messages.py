"""Messages that the runtime itself sends: immutable, made for `match`."""

# Messages, states and reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, NamedTuple, final

from otp.kernel.values.elsewhere import elsewhere
from otp.kernel.values.pids import Pid, Ref
from otp.kernel.values.process import REMOTE, Process

if TYPE_CHECKING:
    from otp.kernel.values.terms import Monitored


class Down(NamedTuple):
    """The end of a monitored process, or `"noproc"` if it did not exist.

    `item` is the pid, or `(name, node)` for a monitor by name.
    """

    ref: Ref
    item: Monitored
    reason: Any


class ExitSignal(NamedTuple):
    """An exit signal, as a process that traps exits receives it (Erlang's `{'EXIT', Pid, Reason}`)."""

    pid: Pid
    reason: Any


@final
class Timeout:
    """The expiry of the `timeout=` of a callback's result, for `handle_info`. All instances are equal."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Timeout)

    def __hash__(self) -> int:
        return hash(Timeout)

    def __repr__(self) -> str:
        return "Timeout()"


class TimerFired(NamedTuple):
    """The expiry of a timer of `start_timer` (Erlang's `{timeout, Ref, Msg}`)."""

    ref: Ref
    message: Any


class NodeUp(NamedTuple):
    """A node joined. `incarnation` is the creation of its `NodeId`; messages about the same name are equal.

    >>> NodeUp("b", 7) == NodeUp("b"), NodeUp("b") == NodeDown("b")
    (True, False)
    """

    node: str
    incarnation: int = 0

    def __eq__(self, other: object) -> bool:
        return type(other) is NodeUp and other.node == self.node

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((NodeUp, self.node))


class NodeDown(NamedTuple):
    """A node was lost. `incarnation` is the creation of its `NodeId`; messages about the same name are equal."""

    node: str
    incarnation: int = 0

    def __eq__(self, other: object) -> bool:
        return type(other) is NodeDown and other.node == self.node

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((NodeDown, self.node))


# Monitors: notifications of the end of a process.
#
# Most processes have no monitor or one, so `Process.monitored_by` is `None`, one `Monitor`, or a dict of them; a dict
# for each would cost more than everything else at the end of a process.


class Monitor(Ref):
    """The reference of a monitor: its owner (a process or a runtime function), its target and the target's name."""

    __slots__ = ("item", "target", "watcher")
    item: Any
    target: Process | None
    watcher: Process | Callable[[Any], object]


def watch(p: Process, watcher: Process | Callable[[Any], object], item: Any = None) -> Monitor:
    """Notify `watcher` of the end of `p`, a local process: by a `Down`, or a call with the reason."""
    node = p.runtime
    n = node.next_ref_number
    node.next_ref_number = n + 1
    ref = Monitor(node, n)
    ref.watcher = watcher
    ref.target = p
    ref.item = item
    mons = p.monitored_by
    if mons is None:
        p.monitored_by = ref
    elif type(mons) is dict:
        mons[ref] = None
    else:
        p.monitored_by = {mons: None, ref: None}
    return ref


def watch_anywhere(p: Process, watcher: Process | Callable[[Any], object], item: Any = None) -> Monitor:
    """Like `watch`, for a process that may be remote; a local one is not checked twice."""
    ref = watch(p, watcher, item)
    if p.status == REMOTE:
        elsewhere(p).monitor(ref)
    return ref


def unwatch(ref: Monitor) -> None:
    """Remove a monitor; no effect if its process has ended."""
    p = ref.target
    if p is not None:
        mons = p.monitored_by  # like `forget_monitor`, without the call
        if mons is ref:
            p.monitored_by = None
        elif type(mons) is dict:
            mons.pop(ref, None)
        if p.status == REMOTE:
            elsewhere(p).demonitor(ref)


def forget_monitor(p: Process, ref: Monitor) -> None:
    """Remove a monitor from the table of the process that it watches."""
    mons = p.monitored_by
    if mons is ref:
        p.monitored_by = None
    elif type(mons) is dict:
        mons.pop(ref, None)


def watchers_of(p: Process) -> tuple[Process, ...]:
    """Return the processes that monitor `p`, once per monitor; waits of the runtime are left out."""
    mons = p.monitored_by
    if mons is None:
        return ()
    refs = tuple(mons) if type(mons) is dict else (mons,)
    return tuple(ref.watcher for ref in refs if isinstance(ref.watcher, Process))


def monitors_of(p: Process) -> tuple[Any, ...]:
    """Return the targets of the monitors of `p`, in order of creation: pids, or `(name, node)`."""
    x = p.ext
    return () if x is None or not x.monitors else tuple(ref.item for ref in x.monitors)


# Patterns for `receive(matching=…)`: predicates, types, refs and pattern objects.
#
# A pattern object is *pure*: it depends on nothing but the message, so a mailbox remembers how far it has searched. A
# pattern that holds a mutable value, such as a list, is not pure, nor is a subclass, and checks every message again.


def matches(match: Callable[[Any], Any], message: Any) -> bool:
    """Return whether a predicate accepts a message.

    One that raises, even `CancelledError`, does not. It may run on the sender's stack. `KeyboardInterrupt`,
    `SystemExit` and `RecursionError`, which may be the sender's, are passed on.
    """
    try:
        return bool(match(message))
    except (KeyboardInterrupt, SystemExit, RecursionError):
        raise
    except BaseException:
        return False


class _Pattern:
    """A predicate. A `pure` one always gives the same result for a message, so a scan need not ask again."""

    __slots__ = ()


def _is_fixed(value: Any) -> bool:
    """Return whether a value always compares in the same way."""
    kind = type(value)
    if kind is tuple:
        return all(map(_is_fixed, value))
    return kind in _FIXED or isinstance(value, (Pid, Ref, type, Enum))


_FIXED: Final = frozenset[type]([str, int, float, bool, bytes, complex, type(None), type(...)])


class Tag(_Pattern):
    """A pattern for tuples that begin with these elements: `Tag("done")` matches `("done", …)`.

    >>> Tag("done", 1)(("done", 1, "x"))
    True
    """

    __slots__ = ("_length", "_single", "elements", "pure", "word")

    def __init__(self, *elements: Any) -> None:
        if not elements:
            raise TypeError('Tag() needs at least one element, as in Tag("done")')
        self.elements: tuple[Any, ...] = elements
        self._length = len(elements)
        self._single = first = elements[0]
        # A scan may compare it itself
        self.word: str | None = first if len(elements) == 1 and type(first) is str else None
        self.pure: bool = type(self) is Tag and (self.word is not None or _is_fixed(elements))

    def __call__(self, message: Any) -> bool:
        if not isinstance(message, tuple) or len(message) < self._length:  # pyright: ignore[reportUnknownArgumentType]
            return False
        if self._length == 1:
            return bool(message[0] == self._single)
        return bool(message[: self._length] == self.elements)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and isinstance(other, Tag) and self.elements == other.elements

    def __hash__(self) -> int:
        return hash(self.elements)

    def __repr__(self) -> str:
        return f"Tag({', '.join(map(repr, self.elements))})"


class Is(_Pattern):
    """A pattern for a value, or for instances of a type with the given attribute values.

    >>> Is(complex, real=1.0)(1 + 2j), Is("go")("go")
    (True, True)
    """

    __slots__ = ("attributes", "pure", "value")

    def __init__(self, value: Any, **attributes: Any) -> None:
        if attributes and not isinstance(value, type):
            raise TypeError(f"Is(type, attribute=value): expected a type first, got {value!r}")
        self.value: Any = value
        self.attributes: dict[str, Any] = attributes
        self.pure: bool = type(self) is Is and _is_fixed((value, *attributes.values()))

    def __call__(self, message: Any) -> bool:
        if not isinstance(self.value, type):
            return bool(message == self.value)
        if not isinstance(message, self.value):
            return False
        try:
            return all(getattr(message, name) == value for name, value in self.attributes.items())
        except AttributeError:
            return False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Is) and self.value == other.value and self.attributes == other.attributes

    def __hash__(self) -> int:
        return hash(("Is", tuple(self.attributes)))

    def __repr__(self) -> str:
        attributes = "".join(f", {name}={value!r}" for name, value in self.attributes.items())
        name = self.value.__name__ if isinstance(self.value, type) else repr(self.value)
        return f"Is({name}{attributes})"


class AnyOf:
    """A pattern that matches if any of the given ones does; takes what `receive(matching=…)` takes."""

    __slots__ = ("patterns", "pure")

    def __init__(self, *patterns: Any) -> None:
        self.patterns: tuple[Callable[[Any], object], ...] = tuple(compile_pattern(pattern) for pattern in patterns)
        self.pure: bool = all(getattr(pattern, "pure", False) for pattern in self.patterns)

    def __call__(self, message: Any) -> bool:
        return any(matches(pattern, message) for pattern in self.patterns)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AnyOf) and self.patterns == other.patterns

    def __hash__(self) -> int:
        return hash(self.patterns)

    def __repr__(self) -> str:
        return f"AnyOf({', '.join(map(repr, self.patterns))})"


class OfRef(_Pattern):
    """A pattern for messages of a reference: its Down, its TimerFired, a tuple that starts with it."""

    __slots__ = ("ref", "since")
    pure: Final = True

    def __init__(self, ref: Ref) -> None:
        self.ref: Ref = ref
        self.since: Any = None  # set while a process waits for it: see `since_of`

    def __call__(self, message: Any) -> bool:
        return isinstance(message, tuple) and len(message) > 0 and message[0] is self.ref  # pyright: ignore[reportUnknownArgumentType]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OfRef) and self.ref is other.ref

    def __hash__(self) -> int:
        return hash(self.ref)


class _OfType(_Pattern):
    __slots__ = ("type",)
    pure: Final = True

    def __init__(self, type_: type) -> None:
        self.type = type_

    def __call__(self, message: Any) -> bool:
        return isinstance(message, self.type)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _OfType) and self.type is other.type

    def __hash__(self) -> int:
        return hash(self.type)


def compile_pattern(matching: Any) -> Callable[[Any], Any]:
    """Return the predicate of what `receive(matching=…)` accepts; a plain value is a `TypeError` with a fix."""
    if isinstance(matching, (_Pattern, AnyOf)):
        return matching  # type: ignore[return-value]  # pyright: ignore[reportReturnType]
    if isinstance(matching, type):
        return _OfType(matching)
    if isinstance(matching, Ref):
        return OfRef(matching)
    if callable(matching):
        return matching
    raise TypeError(
        f"receive(matching=…): expected a predicate, a type, a Ref or a pattern, got {matching!r}; "
        f"try Is({matching!r}), Tag({matching!r}) or lambda message: message == {matching!r}"
    )


# Messages that arrived since a reference was made: older ones cannot belong to it.
#
# Erlang's receive optimisation: waiting for the reply to a new request does not search the messages that were there
# before. `Ext.match` and `Ext.mark` record how far the last pattern has searched; a `Since` replaces that pattern and
# stores it. A mark of 0 means that messages were taken from the front, so the position is unknown.


CLOSE: Final = 256  # an older place this near serves a new reference as well

VALID: Final = 1


class Since:
    """A mark in the mailbox: messages before `place` are older than refs of `node` from `number` on."""

    __slots__ = ("match", "node", "number", "place", "searched")

    def __init__(self, ref: Ref, place: int, match: Any, searched: int) -> None:
        self.node: Any = ref.runtime
        self.number: int = ref.number
        self.place: int = place
        self.match: Any = match  # the last pattern, and how far it has searched
        self.searched: int = searched

    def is_before(self, ref: Ref) -> bool:
        """Return whether `ref` was made after this mark."""
        return ref.runtime is self.node and ref.number >= self.number


def since_of(x: Any) -> Since | None:
    """Return the valid `Since`, or None."""
    last = x.match
    if x.mark:
        if type(last) is Since:
            return last
        if type(last) is OfRef:
            return last.since
    return None


def note_ref(x: Any, ref: Ref, waiting: int) -> None:
    """Note that a process made a reference while `waiting` messages were in its mailbox."""
    since = since_of(x)
    if since is None:
        x.match = Since(ref, waiting, x.match if type(x.match) is not Since else None, x.mark)
        x.mark = VALID
    elif waiting - since.place > CLOSE:
        since.node, since.number, since.place = ref.runtime, ref.number, waiting


def keep_search(x: Any, since: Since | None, match: Any, place: int, *, is_found: bool) -> None:
    """Note that a search for `match` ended at `place`, with a message or at the end of the mailbox."""
    if since is None:
        x.match = match
        x.mark = place
        return
    is_placed = type(match) is OfRef and since.is_before(match.ref)
    if not is_placed:
        since.match, since.searched = match, place
    if is_found:
        if place < since.place:
            since.place -= 1
        if is_placed and place < since.searched:
            since.searched -= 1
        x.match = since
        x.mark = VALID
        return
    x.match = match  # an arriving message is compared with it
    x.mark = place
    if type(match) is OfRef:
        match.since = since


def forget_place(x: Any, since: Since | None, place: int) -> None:
    """Note that the message at `place` was taken out of the mailbox other than by a search."""
    if since is None:
        x.mark = 0
        return
    if place < since.place:
        since.place -= 1
    if type(x.match) is not Since:
        x.mark -= place < x.mark
    elif place < since.searched:
        since.searched -= 1
