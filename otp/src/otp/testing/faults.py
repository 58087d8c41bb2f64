"""Injected faults: lost or late messages, crashing receivers, groups that cannot reach each other.

```python
>>> import otp
>>> from otp.testing import Scheduler, assert_receive, drop, refute_receive
>>> async def test():
...     with drop(to=otp.self(), matching="ping", times=1):
...         otp.spawn(lambda me: [otp.send(me, "ping"), otp.send(me, "ping")], otp.self())
...         await assert_receive("ping")
...         await refute_receive("ping")
...     return "one was lost"
>>> Scheduler().run(test)
'one was lost'

```

A fault affects messages, casts and the requests of calls, as they are sent. It does not affect replies to calls, nor
the signals of ended processes (`Down`, `ExitSignal`): within one node those are never lost. A fault is active until its
`times` are used up, its `with` block ends, or `heal()`. All of it is part of the program, so a seed repeats it.

`matching` is compared with the value that the sender passed to `call`, `cast` or `send`: a plain value, or a pattern of
`receive`. `kind` narrows it to `"call"`, `"cast"`, `"info"` (all other messages) or `"system"` (requests of `otp.sys`).
`to` and `sender` are pids, names, `(name, node)`, `Registry.via(…)`, nodes (all their processes), or several of these.
The sender of a message from another program is unknown.

With a fault that affects no message, a test passes without testing anything. The run therefore ends with the warning
`UnmatchedFault`, unless the fault is `optional`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast, get_args

from otp.kernel.steps.faults import end_receiver, hold_call
from otp.kernel.steps.node import Node
from otp.kernel.tables.callers import MessageKind, unwrap_message
from otp.kernel.tables.names import is_name_and_node, resolve
from otp.kernel.tables.scheduler import nanoseconds
from otp.kernel.values.bounded import bounded_text
from otp.kernel.values.errors import BadArgument
from otp.kernel.values.messages import Is, compile_pattern
from otp.kernel.values.process import REMOTE, Process
from otp.testing.kernel import TestingKernel, testing_kernel
from otp.testing.mutation import line_of_user

if TYPE_CHECKING:
    from otp.kernel.values.terms import Dest
    from otp.testing.post import Post

__all__ = ["Fault", "UnmatchedFault", "Who", "crash", "delay", "drop", "partition", "warn_of_unmatched"]

Who: TypeAlias = "Dest | Node | Iterable[Dest | Node] | None"
"""A pid, a name, `(name, node)`, all processes of a node, several of these, or None: any process."""

EXAMPLES: Final = 3


class UnmatchedFault(UserWarning):
    """A fault affected no message during the run; the warning names the fault and messages that it passed over.

    `filterwarnings = error::otp.testing.UnmatchedFault` makes it a failure, `optional=True` of the fault prevents it.
    """


class Fault:
    """An active fault; `hits` counts the affected messages.

    Leaving its `with` block, or `heal()`, ends it.
    """

    def __init__(
        self,
        kernel: TestingKernel,
        description: str,
        is_between: Callable[[Process | None, Process], bool],
        applies: Callable[[MessageKind, Any], bool],
        act: Callable[[Process | None, Process, Any], None],
        times: int | None,
        optional: bool,
    ) -> None:
        self._post: Post = kernel.open_post()
        self._description = description
        self._is_between = is_between
        self._applies = applies
        self._act = act
        self._left = times
        self._optional = optional
        self._place = line_of_user() or (__file__, 1)
        self._passed_over = 0
        self._examples: list[str] = []
        self.hits: int = 0
        self._post.faults.append(self)
        self._post.injected.append(self)
        kernel.credit = 0  # it would not see calls on their caller's stack

    def meets(self, sender: Process | None, dest: Process, message: Any) -> bool:
        """Return whether it applies to this message; if so, it has handled it."""
        if not self._is_between(sender, dest):
            return False
        kind, content = unwrap_message(message)
        if not self._applies(kind, content):
            if kind != "system":
                self._passed_over += 1
                if self._passed_over <= EXAMPLES:
                    self._examples.append(f"{kind} {bounded_text(content)}")
            return False
        self.hits += 1
        if self._left is not None:
            self._left -= 1
            if self._left == 0:
                self.heal()
        hold_call(dest, message)
        self._act(sender, dest, message)
        return True

    def unmatched(self) -> str:
        """Return a sentence about a fault that affected no message and is not optional; else nothing."""
        if self.hits or self._optional:
            return ""
        seen = "none was sent between its processes"
        if self._passed_over:
            more = ", …" if self._passed_over > EXAMPLES else ""
            seen = f"{self._passed_over} did not match: {', '.join(self._examples)}{more}"
        return (
            f"{self._description}: expected at least one message to affect, got none; {seen}; "
            "try optional=True if that may happen"
        )

    def warn(self) -> None:
        """Issue the warning `UnmatchedFault` for the line that injected the fault, if it affected nothing."""
        sentence = self.unmatched()
        if sentence:
            warnings.warn_explicit(sentence, UnmatchedFault, *self._place)

    def heal(self) -> None:
        """End the fault. Calling it twice has no effect."""
        if self in self._post.faults:
            self._post.faults.remove(self)

    def __enter__(self) -> Fault:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.heal()


def warn_of_unmatched(faults: Iterable[Fault], failed: BaseException | None = None) -> None:
    """Issue the warnings of a run that has ended; a run that failed gets them as notes on its error."""
    for fault in faults:
        if failed is None:
            fault.warn()
        elif fault.unmatched():
            failed.add_note(fault.unmatched())


def drop(
    *,
    sender: Who = None,
    to: Who = None,
    matching: Any = None,
    kind: MessageKind | None = None,
    times: int | None = None,
    optional: bool = False,
) -> Fault:
    """Lose matching messages from `sender` to `to`, the next `times` of them (None: all).

    >>> import otp
    >>> from otp.testing import Scheduler
    >>> async def test():
    ...     fault = drop(to=otp.self())
    ...     otp.spawn(lambda me: otp.send(me, "lost"), otp.self())
    ...     try:
    ...         await otp.receive(timeout=1)
    ...     except otp.ReceiveTimeout:
    ...         return fault.hits
    >>> Scheduler().run(test)
    1
    """
    return _fault("drop", sender, to, matching, kind, times, optional, lambda _sender, _dest, _message: None)


def delay(
    seconds: float,
    *,
    sender: Who = None,
    to: Who = None,
    matching: Any = None,
    kind: MessageKind | None = None,
    times: int | None = None,
    optional: bool = False,
) -> Fault:
    """Deliver matching messages `seconds` later.

    Messages sent afterwards overtake a late one, unless they are late too. Raises `BadArgument` for an invalid time.

    >>> import otp
    >>> from otp.testing import Scheduler
    >>> async def test():
    ...     with delay(5, to=otp.self()):
    ...         otp.spawn(lambda me: otp.send(me, "late"), otp.self())
    ...         return await otp.receive(), otp.monotonic()
    >>> Scheduler().run(test)
    ('late', 5.0)
    """
    kernel = testing_kernel("delay")
    after = nanoseconds(seconds, "delay(seconds)") or 0

    def later(_sender: Process | None, dest: Process, message: Any) -> None:
        kernel.call_at(kernel.now_ns() + after, lambda _timer: kernel.open_post().hand_over(dest, message))

    return _fault("delay", sender, to, matching, kind, times, optional, later)


def crash(
    to: Who,
    *,
    sender: Who = None,
    matching: Any = None,
    kind: MessageKind | None = None,
    reason: Any = "kill",
    times: int | None = 1,
    optional: bool = False,
) -> Fault:
    """End the receiver by an exit signal when a matching message reaches it, and lose the message.

    `"kill"` cannot be trapped: the exit reason is `"killed"`. The caller of a lost call gets `ServerDown`.

    >>> import otp
    >>> from otp.testing import Scheduler
    >>> async def test():
    ...     victim, ref = otp.spawn_monitor(otp.receive)
    ...     crash(victim, matching="go")
    ...     otp.send(victim, "go")
    ...     return (await otp.receive(ref)).reason
    >>> Scheduler().run(test)
    'killed'
    """

    def end(_sender: Process | None, dest: Process, message: Any) -> None:
        end_receiver(dest, message, reason)

    return _fault("crash", sender, to, matching, kind, times, optional, end)


def partition(
    one: Who, other: Who, *, matching: Any = None, kind: MessageKind | None = None, optional: bool = False
) -> Fault:
    """Lose all (matching) messages between two groups, in both directions, until it is healed.

    Between nodes of one scheduler no connection is lost by this: links and monitors are not notified.

    >>> import otp
    >>> from otp import Agent, CallTimeout
    >>> from otp.testing import Scheduler, start_supervised
    >>> async def test():
    ...     agent = await start_supervised(Agent.child_spec(dict))
    ...     with partition(otp.self(), agent):
    ...         try:
    ...             await Agent.get(agent, len)
    ...         except CallTimeout:
    ...             pass
    ...     return await Agent.get(agent, len), otp.monotonic()
    >>> Scheduler(inline=False).run(test)
    (0, 5.0)
    """
    kernel = testing_kernel("partition")
    a, b = _member(one, "partition"), _member(other, "partition")

    def is_between(sender: Process | None, dest: Process) -> bool:
        return sender is not None and ((a(sender) and b(dest)) or (b(sender) and a(dest)))

    description = _describe("partition", {"matching": matching, "kind": kind}, one, other)
    applies = _filter("partition", matching, kind)
    return Fault(kernel, description, is_between, applies, lambda _sender, _dest, _message: None, None, optional)


def _fault(
    what: str,
    sender: Who,
    to: Who,
    matching: Any,
    kind: MessageKind | None,
    times: int | None,
    optional: bool,
    act: Callable[[Process | None, Process, Any], None],
) -> Fault:
    kernel = testing_kernel(what)
    if times is not None and times < 1:
        raise BadArgument(f"{what}(times=…): expected a number of at least 1, or None for all, got {times!r}")
    is_sender, is_dest = _member(sender, what), _member(to, what)

    def is_between(from_process: Process | None, dest: Process) -> bool:
        return is_dest(dest) and is_sender(from_process)

    description = _describe(what, {"sender": sender, "to": to, "matching": matching, "kind": kind})
    return Fault(kernel, description, is_between, _filter(what, matching, kind), act, times, optional)


def _describe(what: str, options: dict[str, Any], *groups: Any) -> str:
    """Return the call that injected a fault, as text."""
    given = [f"{name}={bounded_text(value)}" for name, value in options.items() if value is not None]
    return f"{what}({', '.join([*map(bounded_text, groups), *given])})"


def _member(who: Any, what: str) -> Callable[[Process | None], bool]:
    if who is None:
        return lambda _: True
    if isinstance(who, Process):
        if who.status != REMOTE:
            return lambda p: p is who
        number, node = who.number, who.runtime.name  # as a message of this program meets it on its own node
        return lambda p: p is who or (p is not None and p.number == number and p.runtime.name == node)
    if isinstance(who, Node):
        return lambda p: p is not None and p.runtime is who
    if isinstance(who, str):
        return lambda p: p is not None and p.runtime.whereis(who) is p
    if is_name_and_node(who):
        name, at = cast("tuple[Any, Any]", who)
        node = at if isinstance(at, str) else at.name
        return lambda p: p is not None and p.runtime.name == node and p.runtime.whereis(name) is p
    if hasattr(who, "whereis"):
        return lambda p: p is not None and _is_named(p, who)
    if isinstance(who, Iterable):
        members = [_member(one, what) for one in cast("Iterable[Any]", who)]
        return lambda p: any(member(p) for member in members)
    raise BadArgument(f"{what}: expected a pid, a name, a node or several of them, got {who!r}")


def _is_named(p: Process, via: Any) -> bool:
    try:
        return resolve(via) is p
    except BadArgument:  # its registry does not run
        return False


def _filter(what: str, matching: Any, kind: MessageKind | None) -> Callable[[MessageKind, Any], bool]:
    """Return whether a message of some kind, and with some content, is affected."""
    if kind is not None and kind not in get_args(MessageKind):
        kinds = ", ".join(map(repr, get_args(MessageKind)))
        raise BadArgument(f"{what}(kind=…): expected {kinds} or None for all, got {kind!r}")
    if matching is None:
        return lambda found, _: kind is None or found == kind
    try:
        match = compile_pattern(matching)
    except TypeError:
        match = Is(matching)

    def applies(found: MessageKind, content: Any) -> bool:
        if kind is not None and found != kind:
            return False
        try:
            return bool(match(content))
        except Exception:  # as in receive: a predicate that raises on a message does not match it
            return False

    return applies
