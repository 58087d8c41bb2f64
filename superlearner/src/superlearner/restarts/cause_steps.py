"""The steps of an explanation: each event of a chain of causes, as a sentence and as values."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from otp import sentences
from otp.redaction import source_line
from superlearner.control.events import TraceEvent
from superlearner.control.reasons import is_crash, own_frame, tagged, text_of_reason
from superlearner.control.slots import id_text
from superlearner.control.terms import clip, message_text, plain_pid, safe_text

__all__ = ["BY_OUTSIDE", "OUTSIDE", "Line", "Party", "Role", "Step", "Words"]

MOST_PARTIES: Final = 50
OUTSIDE: Final = "outside"
BY_OUTSIDE: Final = "a signal from outside"

Role = Literal["stopped", "started", "linked", "earlier"]


@dataclass(frozen=True, slots=True)
class Line:
    """A source line; `file` is the last part of its path."""

    file: str
    line: int
    function: str
    source: str | None

    @property
    def place(self) -> str:
        """The line as a part of a sentence."""
        return f"{self.file}:{self.line} in {self.function}"


@dataclass(frozen=True, slots=True)
class Party:
    """Another process involved in a step. `pid` is the one that ended or started, None if it is unknown."""

    role: Role
    name: str
    pid: str | None
    at_ns: int
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a chain of causes; `at_ns` is the node's clock, `pid` its subject.

    `name` is the name of that process. `signal_from` is the pid that ended it with a signal, or `OUTSIDE` for code that
    is no process of the node.
    """

    event: int
    at_ns: int
    kind: str
    pid: str | None
    text: str
    name: str | None = None
    reason: str | None = None
    crash: bool = False
    line: Line | None = None
    signal_from: str | None = None
    strategy: str | None = None
    parties: tuple[Party, ...] = ()
    used: int | None = None
    allowed: Any = None
    window: Any = None

    def told(self, **changes: Any) -> Step:
        """Return a copy with changed fields."""
        return replace(self, **changes)


def number_of(pid: Any) -> str | None:
    """Return a pid as text; None for None."""
    return None if pid is None else plain_pid(pid)


class Words:
    """The builder of steps.

    Args:
        called: returns the name of a process.
        outside: returns whether a pid is that of code outside any process.
    """

    def __init__(self, called: Callable[[Any], str], outside: Callable[[Any], bool]) -> None:
        self.called = called
        self.outside = outside

    def ended(self, event: TraceEvent) -> Step:
        """Return the step for the end of a process: the first cause known to the node."""
        data, number = event.data, number_of(event.pid)
        reason, message, line = data["reason"], data.get("message"), line_of(data["reason"])
        shown = None if message is None else message_text(message, 200)
        sender, signal_from, by = data.get("sender"), None, None
        if sender is not None:
            signal_from = OUTSIDE if self.outside(sender) else plain_pid(sender)
            by = BY_OUTSIDE if signal_from == OUTSIDE else f"a signal from {self.called(sender)}"
        text = sentences.ended(
            self._who(event), text_of_reason(reason), failed=is_crash(reason),
            doing=sentences.handling(shown, data.get("callback")), at=None if line is None else line.place, by=by,
        )  # fmt: skip
        return Step(
            event.seq, event.at, "exited", number, text, self.called(event.pid), text_of_reason(reason),
            is_crash(reason), line, signal_from,
        )  # fmt: skip

    def linked(self, event: TraceEvent, other: TraceEvent) -> Step:
        """Return the step for an end caused by the end of a linked process."""
        number, name = number_of(event.pid), self.called(other.pid)
        reason = text_of_reason(event.data["reason"])
        text = sentences.ended_with(self._who(event), name, reason)
        party = Party("linked", name, number_of(other.pid), other.at, text_of_reason(other.data["reason"]))
        return Step(
            event.seq, event.at, "linked", number, text, self.called(event.pid), reason, is_crash(event.data["reason"]),
            parties=(party,),
        )  # fmt: skip

    def stopped(
        self, stops: Sequence[TraceEvent], first: str | None, strategy: str | None, why: str | None = None
    ) -> Step:
        """Return the step for children that a supervisor stopped, in this order, after the end of the child `first`."""
        one = stops[0]
        parties = tuple(
            Party("stopped", self._child(stop), number_of(stop.data.get("child")), stop.at, text_of_reason(reason))
            for stop in stops[:MOST_PARTIES]
            for reason in (stop.data["reason"],)
        )
        several = len(stops) > 1
        if why is None:
            why = "it restarts all its children together" if strategy == "one_for_all" else (
                f"{'they were' if several else 'it was'} started after {first}"
            )  # fmt: skip
        text = sentences.stopped(
            self.called(one.pid), [party.name for party in parties],
            strategy=strategy, why=why, more=len(stops) - len(parties),
        )  # fmt: skip
        return self._of_supervisor(one, "stopped", text, strategy=strategy, parties=parties)

    def restarted(self, event: TraceEvent, lead: TraceEvent | None, group: Sequence[TraceEvent]) -> Step:
        """Return the step for a restarted child and those that the strategy restarts with it."""
        by = self.called(event.pid)
        parties = tuple(
            Party("started", self._child(one), number_of(one.data.get("child")), one.at) for one in group[:MOST_PARTIES]
        )
        if lead is None:
            text = sentences.restarted(by, self._new(event))
            return self._of_supervisor(event, "child_restarted", text, parties=parties)
        data, first = lead.data, number_of(lead.data.get("child"))
        along = [sentences.process_text(one.name, one.pid) for one in parties if one.pid != first]
        text = sentences.restarted(
            by, self._new(lead), strategy=data["strategy"], along=along, more=len(group) - len(parties),
            used=data["used"], allowed=data["allowed"], window=data["window"],
        )  # fmt: skip
        return self._of_supervisor(lead, "child_restarted", text, strategy=data["strategy"], parties=parties).told(
            used=data["used"], allowed=data["allowed"], window=data["window"]
        )

    def started(self, event: TraceEvent) -> Step:
        """Return the step for a child that a supervisor started."""
        child = number_of(event.data.get("child"))
        text = sentences.started(self.called(event.pid), self._new(event))
        parties = (Party("started", self._child(event), child, event.at),)
        return self._of_supervisor(event, "child_started", text, parties=parties)

    def failed(self, event: TraceEvent) -> Step:
        """Return the step for a failed restart."""
        tag, rest = tagged(event.data["reason"])
        cause = rest[0] if tag == "EXIT" and len(rest) == 1 else event.data["reason"]
        reason = text_of_reason(event.data["reason"])
        who = "its child" if event.data.get("id") is None else id_text(event.data["id"])
        budget = {key: event.data.get(key) for key in ("used", "allowed", "window")}
        text = sentences.could_not_restart(self.called(event.pid), who, reason, **budget)
        step = self._of_supervisor(event, "restart_failed", text)
        return step.told(reason=reason, crash=True, line=line_of(cause))

    def gave_up(self, event: TraceEvent, before: Sequence[TraceEvent]) -> Step:
        """Return the step for a supervisor without a restart left; `before` are the restarts within its window."""
        data = event.data
        earlier = tuple(self._earlier(one) for one in before[-MOST_PARTIES:])
        last = sentences.last_straw(
            self._child(event), text_of_reason(data["reason"]), failed=is_crash(data["reason"]),
            retried=data.get("retried", False),
        )  # fmt: skip
        text = sentences.gave_up(
            self.called(event.pid), last, used=data["used"], allowed=data["allowed"], window=data["window"]
        )
        step = self._of_supervisor(event, "gave_up", text, parties=earlier)
        return step.told(
            reason=text_of_reason(data["reason"]), crash=True, used=data["used"], allowed=data["allowed"],
            window=data["window"],
        )  # fmt: skip

    def ended_with_child(self, event: TraceEvent, child: TraceEvent) -> Step:
        """Return the step for a supervisor that ended because a significant child of it did."""
        name = self._child(child)
        text = f"{self._who(event)} stopped its children and ended: its significant child {name} had ended"
        return self._of_supervisor(event, "exited", text).told(reason=text_of_reason(event.data["reason"]))

    # Parts

    def _of_supervisor(
        self,
        event: TraceEvent,
        kind: str,
        text: str,
        *,
        strategy: str | None = None,
        parties: tuple[Party, ...] = (),
    ) -> Step:
        number, name = number_of(event.pid), self.called(event.pid)
        return Step(event.seq, event.at, kind, number, text, name, strategy=strategy, parties=parties)

    def _who(self, event: TraceEvent) -> str:
        name = event.data.get("name")
        return sentences.process_text(event.data.get("what") if name is None else name, number_of(event.pid))

    def _earlier(self, event: TraceEvent) -> Party:
        """Return the end that led to a restart."""
        old, reason = number_of(event.data.get("old")), text_of_reason(event.data["reason"])
        return Party("earlier", self._child(event), old, event.at, reason)

    def _new(self, event: TraceEvent) -> str:
        """Return the name and pid of a child that was just started."""
        return sentences.process_text(self._child(event), number_of(event.data.get("child")))

    def _child(self, event: TraceEvent) -> str:
        """Return the name of a child in its supervisor's event."""
        given = event.data.get("id")
        return id_text(given) if given is not None else self.called(event.data.get("child"))


def line_of(reason: Any) -> Line | None:
    """Return the line in the user's code at which a crash happened, with its text if the file can be read."""
    frame = own_frame(reason)
    if frame is None:
        return None
    file, line, function = frame
    source = clip(source_line(file, line), 200) or None
    return Line(safe_text(os.path.basename(file)), line, safe_text(function.rpartition(".")[2]), source)
