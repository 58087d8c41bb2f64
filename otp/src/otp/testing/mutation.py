"""Detection of changed messages: they are passed by reference, so a change after sending reaches the receiver.

A testing scheduler compares messages when they are sent and handled, and fails the run with `MessageMutated`.

```python
>>> import otp
>>> from otp.testing import Scheduler
>>> async def main():
...     basket = ["tea"]
...     me = otp.self()
...     async def shop():
...         otp.send(me, ("basket", basket))
...         basket.append("milk")
...     otp.spawn(shop)
...     return await otp.receive()
>>> Scheduler().run(main)
Traceback (most recent call last):
    ...
otp.testing.mutation.MessageMutated: <0.3.0> changed a message to <0.2.0> after sending it: ...

```

It checks mutable containers of the standard library and dataclasses, at any depth; other objects are compared by
identity.
"""

from __future__ import annotations

import dataclasses
import os.path
import sys
from collections import deque
from typing import Any, Final

from otp.kernel.tables.callers import unwrap_message
from otp.kernel.values.bounded import bounded_text
from otp.kernel.values.pids import Pid, Ref
from otp.kernel.values.reasons import is_ours

__all__ = ["Fingerprints", "MessageMutated", "fingerprint", "line_of_user", "type_of"]

_MUTABLE: Final = (list, dict, set, bytearray, deque)
_ATOMS: Final = frozenset({str, int, float, bool, bytes, complex, type(None), Pid, Ref})
KEPT: Final = 10_000
AS_SENT: Final = "the message as it was sent"
"""The text of a message that was not kept."""
_TESTING: Final = os.path.join(os.path.dirname(__file__), "")


class MessageMutated(AssertionError):
    """A message that was changed between sending and handling.

    Send a copy, or a tuple. `sender`, `receiver` and `message` identify it.
    """

    def __init__(self, sender: Any, receiver: Any, before: str, message: Any, where: str = "") -> None:
        sent = f"after sending it at {where}" if where else "after sending it"
        super().__init__(
            f"{sender} changed a message to {receiver} {sent}: expected {before}, got "
            f"{bounded_text(message)}; try sending a copy, or a tuple"
        )
        self.sender = sender
        self.receiver = receiver
        self.message = message


def type_of(value: Any) -> Any:
    """Return the type of an unknown value."""
    return type(value)  # pyright: ignore[reportUnknownVariableType]


def _can_change(value: Any) -> bool:
    kind = type_of(value)
    if kind in _ATOMS:
        return False
    if issubclass(kind, (tuple, frozenset)):  # not isinstance: a hostile object may raise in it
        for part in value:  # noqa: SIM110 - half of the time of `any`, for each message of a run
            if type(part) not in _ATOMS and _can_change(part):
                return True
        return False
    return issubclass(kind, _MUTABLE) or dataclasses.is_dataclass(kind)


def fingerprint(value: Any) -> object:
    """Return a hashable fingerprint that changes with the containers of `value`.

    Returns None if it is immutable.

    >>> fingerprint(("a", 1)) is None, fingerprint(["a"]) == fingerprint(["a"]), fingerprint([1]) == fingerprint([2])
    (True, True, False)
    """
    return _picture(value, set()) if _can_change(value) else None


def _picture(value: Any, seen: set[int]) -> object:
    kind = type_of(value)
    if kind in _ATOMS:
        return (kind, value)
    identity = id(value)
    if identity in seen:
        return "…"
    parts: list[Any]
    if issubclass(kind, dict):
        parts = [part for item in value.items() for part in item]
    elif issubclass(kind, bytearray):
        return (kind, bytes(value))
    elif issubclass(kind, (list, tuple, deque)):
        parts = list(value)
    elif issubclass(kind, (set, frozenset)):
        members: frozenset[object] = frozenset(_picture(part, seen) for part in value)
        return (type_of(value), members)
    elif dataclasses.is_dataclass(kind):
        parts = [getattr(value, field.name, None) for field in dataclasses.fields(kind)]
    else:
        return identity
    seen.add(identity)
    picture: tuple[object, ...] = (type_of(value), *(_picture(part, seen) for part in parts))
    seen.discard(identity)
    return picture


def _place() -> str:
    """Return the user's line that sends, as `shop.py:12`; empty if there is none."""
    found = line_of_user()
    return "" if found is None else f"{os.path.basename(found[0])}:{found[1]}"


def line_of_user() -> tuple[str, int] | None:
    """Return file and line of the user's code on the stack, None if there is none."""
    frame = sys._getframe(2)  # pyright: ignore[reportPrivateUsage]
    while frame is not None:
        file = frame.f_code.co_filename
        if not is_ours(file) and not file.startswith(_TESTING):
            return file, frame.f_lineno
        frame = frame.f_back
    return None


class Fingerprints:
    """The fingerprints of messages in transit or in a mailbox.

    Args:
        describes: keep the text of each message and its line for `MessageMutated`, which takes longer than the rest.
    """

    def __init__(self, *, describes: bool = True) -> None:
        self._describes = describes
        self._known: dict[tuple[int, int], tuple[Any, object, Any, str, str]] = {}

    def sent(self, sender: Any, receiver: Any, message: Any) -> None:
        """Store the fingerprint of a message."""
        content = unwrap_message(message)[1]
        picture = fingerprint(content)
        if picture is None:
            return
        if len(self._known) >= KEPT:  # messages that were dropped, or taken unnoticed
            self._known.clear()
        text, place = (bounded_text(content), _place()) if self._describes else (AS_SENT, "")
        self._known[id(message), id(receiver)] = (message, picture, sender, text, place)

    def handled(self, receiver: Any, message: Any) -> MessageMutated | None:
        """Return the error for a message that was changed before it is handled, or None."""
        if not self._known:
            return None
        known = self._known.pop((id(message), id(receiver)), None)
        if known is None:
            return None
        content = unwrap_message(message)[1]
        if fingerprint(content) == known[1]:
            return None
        return MessageMutated(known[2], receiver, known[3], content, known[4])
