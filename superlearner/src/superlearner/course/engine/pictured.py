"""Observers for pictures of a run: of the callbacks of a server, and of a mailbox with the pattern that is waited for.

Both are taken while the run happens: callbacks where they are called, messages where they are sent and received.
"""

# Messages, states and results are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

import pprint
import types
from collections.abc import Callable
from typing import Any, Final, Literal, Protocol

import otp
from otp.trace import Event, node_of, subscribe
from superlearner.course.engine.outcome import CourseCallback, CourseMailboxStep, CourseQueued
from superlearner.course.engine.trace import Trace

__all__ = ["Mailbox", "watched"]


class Traced(Protocol):
    """The trace of a run, with its names."""

    trace: Trace

    def called(self, pid: Any) -> str:
        """Return the name of a process."""
        ...

    def worded(self, text: str) -> str:
        """Return a text with names in the place of numbers."""
        ...


WIDTH: Final = 34
"""Characters of a line of a state."""

WAYS: Final[dict[str, Literal["start", "call", "cast", "info", "stop"]]] = {
    "init": "start", "handle_call": "call", "handle_cast": "cast", "handle_info": "info", "terminate": "stop",
}  # fmt: skip
CALLBACKS: Final = tuple(WAYS)


def watched(server: type[Any], traced: Traced, steps: list[CourseCallback]) -> type[Any]:
    """Return a subclass of a server whose callbacks, which wait for nothing, are noted in `steps`."""

    def noting(name: str, callback: Callable[..., Any]) -> Callable[..., Any]:
        def around(self: Any, *given: Any) -> Any:
            before = None if name == "init" else traced.worded(state_text(given[-1]))
            of = traced.called(given[1].pid) if name == "handle_call" else sender(traced, given[0])
            result = callback(self, *given)
            after = before if name == "terminate" else traced.worded(state_text(result.state))
            step = CourseCallback(
                now(), name, WAYS[name], of, traced.worded(repr(given[0])), before, traced.worded(repr(result)), after
            )
            steps.append(step)
            return result

        return around

    own = {name: noting(name, getattr(server, name)) for name in CALLBACKS if hasattr(server, name)}
    return types.new_class(server.__name__, (server,), exec_body=lambda names: names.update(own))


def sender(traced: Traced, message: Any) -> str | None:
    """Return who sent a message to the running process; None if it did not come as a message of its own."""
    sent = [event for event in traced.trace.sent(otp.self()) if event.data["term"] is message]
    return traced.called(sent[-1].pid) if sent else None


def state_text(state: Any) -> str:
    """Return a state as text, a line for each part of a larger one.

    >>> state_text({"name": "Ann", "memory": {"colour": "blue"}}).splitlines()
    ["{'name': 'Ann',", " 'memory': {'colour': 'blue'}}"]
    """
    return pprint.pformat(state, width=WIDTH, sort_dicts=False)


def now() -> float:
    """Return the seconds of the run's clock."""
    return round(otp.monotonic(), 3)


class Mailbox:
    """The mailbox of a process, observed from now on.

    Args:
        traced: the trace of the run, which has the names.
        of: the process; it receives with `receive`.
    """

    def __init__(self, traced: Traced, of: otp.Pid) -> None:
        self.steps: list[CourseMailboxStep] = []
        self._traced = traced
        self._of = of
        self._queue: list[tuple[Any, CourseQueued]] = []
        self._pattern: Callable[[Any], bool] | None = None
        self._says: str | None = None
        subscribe(node_of(of), self._take, kinds={"sent", "received"})

    @property
    def messages(self) -> list[Any]:
        """Return the messages that wait."""
        return [message for message, _ in self._queue]

    async def receive(self, pattern: Callable[[Any], bool], says: str, timeout: float) -> Any:
        """Receive a message that matches, as the observed process; `says` shows the pattern.

        Raises `TimeoutError`.
        """
        self._pattern, self._says = pattern, says
        self._add("waits")
        try:
            return await otp.receive(pattern, timeout=timeout)
        except TimeoutError:
            self._add("gives up")
            raise
        finally:
            self._pattern = self._says = None

    def _take(self, event: Event) -> None:
        data = event.data
        if event.kind == "sent" and data.get("to") == self._of:
            text = self._traced.worded(data["message"])
            self._queue.append((data["term"], CourseQueued(text, self._traced.called(event.pid), "waiting")))
            self._add("arrives", new=len(self._queue) - 1)
        elif event.kind == "received" and event.pid == self._of:
            place = next((place for place, (term, _) in enumerate(self._queue) if term is data["term"]), None)
            if place is not None:
                self._add("takes", taken=place)
                del self._queue[place]

    def _add(self, kind: Literal["waits", "arrives", "takes", "gives up"], new: int = -1, taken: int = -1) -> None:
        def state(place: int, message: Any) -> Literal["waiting", "new", "passed", "taken"]:
            if place == taken:
                return "taken"
            if place == new:
                return "new"
            tried = self._pattern is not None and (taken < 0 or place < taken)
            return "passed" if tried and self._pattern is not None and not self._pattern(message) else "waiting"

        queue = tuple(
            CourseQueued(one.text, one.of, state(place, message)) for place, (message, one) in enumerate(self._queue)
        )
        self.steps.append(CourseMailboxStep(now(), kind, self._says, queue))
