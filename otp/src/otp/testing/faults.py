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
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias

from otp.kernel.death import exit_signal
from otp.kernel.errors import BadArgument
from otp.kernel.node import Node
from otp.kernel.patterns import Is, compile_pattern
from otp.kernel.pids import Pid
from otp.kernel.process import Process
from otp.kernel.scheduler import nanoseconds
from otp.testing.kernel import TestingKernel, testing_kernel

if TYPE_CHECKING:
    from otp.testing.post import Post

__all__ = ["Fault", "Who", "crash", "delay", "drop", "partition"]

Who: TypeAlias = Pid | str | Node | Iterable["Pid | str | Node"] | None
"""A pid, a name, all processes of a node, several of these, or None: any process."""


class Fault:
    """An active fault; `hits` counts the affected messages.

    Leaving its `with` block, or `heal()`, ends it.
    """

    def __init__(
        self,
        kernel: TestingKernel,
        applies: Callable[[Process | None, Process, Any], bool],
        act: Callable[[Process | None, Process, Any], None],
        times: int | None,
    ) -> None:
        self._post: Post = kernel.open_post()
        self._applies = applies
        self._act = act
        self._left = times
        self.hits: int = 0
        self._post.faults.append(self)
        kernel.credit = 0  # it would not see calls on their caller's stack

    def meets(self, sender: Process | None, dest: Process, message: Any) -> bool:
        """Return whether it applies to this message; if so, it has handled it."""
        if not self._applies(sender, dest, message):
            return False
        self.hits += 1
        if self._left is not None:
            self._left -= 1
            if self._left == 0:
                self.heal()
        self._act(sender, dest, message)
        return True

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


def drop(*, sender: Who = None, to: Who = None, matching: Any = None, times: int | None = None) -> Fault:
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
    return _fault("drop", sender, to, matching, times, lambda _sender, _dest, _message: None)


def delay(
    seconds: float, *, sender: Who = None, to: Who = None, matching: Any = None, times: int | None = None
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

    return _fault("delay", sender, to, matching, times, later)


def crash(to: Who, *, sender: Who = None, matching: Any = None, reason: Any = "kill", times: int | None = 1) -> Fault:
    """End the receiver by an exit signal when a matching message reaches it, and lose the message.

    `"kill"` cannot be trapped: the exit reason is `"killed"`.

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

    def end(_sender: Process | None, dest: Process, _message: Any) -> None:
        exit_signal(dest, dest._node._outside, reason, False)

    return _fault("crash", sender, to, matching, times, end)


def partition(one: Who, other: Who) -> Fault:
    """Lose all messages between two groups, in both directions, until it is healed.

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

    def between(sender: Process | None, dest: Process, _message: Any) -> bool:
        return sender is not None and ((a(sender) and b(dest)) or (b(sender) and a(dest)))

    return Fault(kernel, between, lambda _sender, _dest, _message: None, None)


def _fault(
    what: str,
    sender: Who,
    to: Who,
    matching: Any,
    times: int | None,
    act: Callable[[Process | None, Process, Any], None],
) -> Fault:
    kernel = testing_kernel(what)
    if times is not None and times < 1:
        raise BadArgument(f"{what}(times=…): expected a number of at least 1, or None for all, got {times!r}")
    is_sender, is_dest, matches = _member(sender, what), _member(to, what), _matcher(matching)

    def applies(sender: Process | None, dest: Process, message: Any) -> bool:
        return is_dest(dest) and is_sender(sender) and matches(message)

    return Fault(kernel, applies, act, times)


def _member(who: Who, what: str) -> Callable[[Process | None], bool]:
    if who is None:
        return lambda _: True
    if isinstance(who, Pid):
        return lambda p: p is who
    if isinstance(who, Node):
        return lambda p: p is not None and p._node is who
    if isinstance(who, str):
        return lambda p: p is not None and p._node.whereis(who) is p
    if isinstance(who, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
        members = [_member(one, what) for one in who]
        return lambda p: any(member(p) for member in members)
    raise BadArgument(f"{what}: expected a pid, a name, a node or several of them, got {who!r}")


def _matcher(matching: Any) -> Callable[[Any], bool]:
    if matching is None:
        return lambda _: True
    try:
        match = compile_pattern(matching)
    except TypeError:
        match = Is(matching)

    def matches(message: Any) -> bool:
        try:
            return bool(match(message))
        except Exception:  # as in receive: a predicate that raises on a message does not match it
            return False

    return matches
