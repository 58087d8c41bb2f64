"""Assertions about a test's mailbox: a message arrives, another does not, these are all.

```python
>>> import otp
>>> from otp.testing import Scheduler, assert_receive, mailbox, refute_receive
>>> async def test():
...     otp.send_after(0.5, otp.self(), ("done", 42))
...     await refute_receive(otp.Tag("done"))
...     return await assert_receive(otp.Tag("done")), mailbox()
>>> Scheduler().run(test)
(('done', 42), [])

```

Source: Elixir's `ExUnit.Assertions`, `assert_receive/3`, `refute_receive/3`.
"""

from __future__ import annotations

from collections import deque
from typing import Any, TypeVar, overload

from otp.kernel.ends.mailbox import mailbox_of, merge_batch, receive
from otp.kernel.tables.scheduler import current_process, nanoseconds, thread_current
from otp.kernel.values.bounded import bounded_text
from otp.kernel.values.errors import BadArgument, NotProcessMain, ReceiveTimeout
from otp.kernel.values.messages import Is, compile_pattern, matches
from otp.kernel.values.process import Process
from otp.testing.idle import settle

T = TypeVar("T")

__all__ = ["assert_receive", "flush", "mailbox", "refute_receive"]

SHOWN = 20


@overload
async def assert_receive(matching: type[T], timeout: float = 1.0) -> T: ...
@overload
async def assert_receive(matching: Any, timeout: float = 1.0) -> Any: ...
async def assert_receive(matching: Any, timeout: float = 1.0) -> Any:
    """Take and return the oldest matching message; the others stay, in order.

    Everything runs until idle first, so that messages in transit have arrived.

    Args:
        matching: a pattern of `receive`, or a plain value that the message has to equal. None: any message.
        timeout: seconds to wait, virtual ones under a testing scheduler.

    Raises `AssertionError` with the mailbox if none arrives, `BadArgument` for an invalid time.

    >>> from otp.testing import Scheduler
    >>> import otp
    >>> async def test():
    ...     otp.send(otp.self(), "hello")
    ...     return await assert_receive("hello")
    >>> Scheduler().run(test)
    'hello'
    """
    me = _process("assert_receive")
    _seconds(timeout, "assert_receive")
    await settle()
    try:
        return await receive(_pattern(matching), timeout)
    except ReceiveTimeout:
        pass
    raise AssertionError(
        f"assert_receive: expected a message that matches {matching!r:.200} within {timeout} s, got none; "
        f"{_listed(mailbox_of(me))}"
    )


async def refute_receive(matching: Any, timeout: float = 0) -> None:
    """Check that no message matches, once all is idle, nor within `timeout` seconds.

    `matching` as in `assert_receive`. Raises `AssertionError` with the message, which is then removed.

    >>> from otp.testing import Scheduler
    >>> async def test():
    ...     await refute_receive("goodbye", timeout=3600)
    ...     return "silence"
    >>> Scheduler().run(test)
    'silence'
    """
    _process("refute_receive")
    _seconds(timeout, "refute_receive")
    await settle()
    try:
        message = await receive(_pattern(matching), timeout)
    except ReceiveTimeout:
        return
    raise AssertionError(
        f"refute_receive: expected no message that matches {matching!r:.200} within {timeout} s, "
        f"got {bounded_text(message)}"
    )


def mailbox() -> list[Any]:
    """Take all messages that have arrived, oldest first. Write `await wait_all_idle()` before it.

    >>> from otp.testing import Scheduler
    >>> import otp
    >>> async def test():
    ...     otp.send(otp.self(), 1)
    ...     otp.send(otp.self(), 2)
    ...     return mailbox(), mailbox()
    >>> Scheduler().run(test)
    ([1, 2], [])
    """
    return flush()


@overload
def flush(matching: type[T]) -> list[T]: ...
@overload
def flush(matching: Any = None) -> list[Any]: ...
def flush(matching: Any = None) -> list[Any]:
    """Take the matching messages that have arrived, oldest first; None: all. The others stay.

    >>> from otp.testing import Scheduler
    >>> import otp
    >>> async def test():
    ...     for message in (1, "a", 2):
    ...         otp.send(otp.self(), message)
    ...     return flush(int), mailbox()
    >>> Scheduler().run(test)
    ([1, 2], ['a'])
    """
    me = _process("flush")
    merge_batch(me)
    waiting: list[Any] = list(me.mailbox or ())
    matches = [matching is None or _matches(matching, message) for message in waiting]
    kept = [message for message, taken in zip(waiting, matches, strict=True) if not taken]
    me.mailbox = deque(kept) if kept else None
    if me.ext is not None:
        me.ext.mark = 0
    return [message for message, taken in zip(waiting, matches, strict=True) if taken]


def _pattern(matching: Any) -> Any:
    if matching is None:
        return None
    try:
        return compile_pattern(matching)
    except TypeError:
        return Is(matching)


def _matches(matching: Any, message: Any) -> bool:
    return matches(_pattern(matching), message)


def _process(what: str) -> Process:
    me = thread_current()
    if me is not None:
        return me
    owner = current_process(what, "outside a process there is no mailbox")
    raise NotProcessMain(f"{what}() belongs to the main coroutine of {owner}; a child task has no mailbox")


def _seconds(timeout: Any, what: str) -> None:
    if nanoseconds(timeout, f"{what}(timeout=…)") is None:
        raise BadArgument(f"{what}(timeout=…): expected a time in seconds, got {timeout!r}")


def _listed(messages: list[Any]) -> str:
    if not messages:
        return "the mailbox is empty"
    lines = [f"\n  {bounded_text(message)}" for message in messages[:SHOWN]]
    more = f"\n  and {len(messages) - SHOWN} more" if len(messages) > SHOWN else ""
    count = "one message" if len(messages) == 1 else f"{len(messages)} messages"
    return f"the mailbox holds {count}:{''.join(lines)}{more}"
