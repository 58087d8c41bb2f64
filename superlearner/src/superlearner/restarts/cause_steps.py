"""The steps of an explanation: each event of a chain of causes, as a sentence and as values."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Final, Literal, NamedTuple

from otp import sentences
from otp.redaction import source_line
from superlearner.control.child_requests import ended_by
from superlearner.control.events import TraceEvent, facts_of
from superlearner.control.failures import Place, failed_child, unwrapped
from superlearner.control.handled import describe_doing, describe_function
from superlearner.control.reasons import callers_of, fell_after, own_frame, place_text
from superlearner.control.source_lines import CodeLine, excerpt
from superlearner.control.terms import clip, message_text, safe_text
from superlearner.control.wrong_results import place_of_call, place_of_event, unwrapped_start

__all__ = [
    "BY_OUTSIDE",
    "ON_REQUEST",
    "OUTSIDE",
    "Attempt",
    "MessageKind",
    "Party",
    "Role",
    "Step",
    "WhyLine",
    "Words",
    "find_line",
    "line_of_call",
    "line_of_end",
    "line_of_start",
    "lines_of",
    "name_request",
    "start_failure",
    "summary_of",
]

MOST_PARTIES: Final = 50
MOST_CALLERS: Final = 3
MOST_FAILURES: Final = 3
"""Stopped children whose failures to end as asked are shown."""
OUTSIDE: Final = "outside"
BY_OUTSIDE: Final = "a signal from outside"
ON_REQUEST: Final = ": it was asked to"
"""The end of the sentence about a stop on request."""

Role = Literal["stopped", "started", "linked", "earlier"]
MessageKind = Literal["call", "cast", "message"]
KINDS: Final[dict[str, MessageKind]] = {"handle_call": "call", "handle_cast": "cast"}
"""The kind of a message by the callback that handles it; others handle any message."""


@dataclass(frozen=True, slots=True)
class WhyLine:
    """The line at which a crash happened; `source` is null if the file cannot be read.

    `around` are that line and two above and below it; `callers` the places of the program that led to it, as
    `shop.py:33 in handle_cast`, innermost first.
    """

    file: str
    line: int
    function: str
    source: str | None
    around: tuple[CodeLine, ...] = ()
    callers: tuple[str, ...] = ()

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
    is no process of the node; `signal` says it in words. `times` is the number of failed restarts that it sums. For the
    end of a process, `doing` is the clause about what it did, `function` that about the function of a state machine,
    `message` the message that it was handling, and `begun_ns` the time of its start.
    For a stop on request, `asked` are the texts by which the request may have named the child or its supervisor.
    """

    event: int
    at_ns: int
    kind: str
    pid: str | None
    text: str
    name: str | None = None
    reason: str | None = None
    crash: bool = False
    line: WhyLine | None = None
    signal_from: str | None = None
    signal: str | None = None
    strategy: str | None = None
    parties: tuple[Party, ...] = ()
    used: int | None = None
    allowed: Any = None
    window: Any = None
    times: int = 1
    doing: str = ""
    function: str = ""
    message: str | None = None
    message_kind: MessageKind = "message"
    begun_ns: int | None = None
    asked: frozenset[str] = frozenset()


class Words:
    """The builder of steps.

    Args:
        called: returns the name of a process.
        outside: returns whether a pid is that of code outside any process; the second is the signalled process.
        begun: returns when a process started, None if that is not known.
        child: returns the process that an event of a supervisor is about, None if it is not known.
    """

    def __init__(
        self,
        called: Callable[[Any], str],
        outside: Callable[[Any, Any], bool],
        begun: Callable[[Any], int | None],
        child: Callable[[TraceEvent], Any],
    ) -> None:
        self.child = child
        self.called = called
        self.outside = outside
        self.begun = begun

    def ended(self, event: TraceEvent) -> Step:
        """Return the step for the end of a process: the first cause known to the node."""
        data, facts, line = event.data, facts_of(event), line_of_end(event) or line_of_call(event)
        message, sender, callback = data.get("message"), data.get("sender"), data.get("callback")
        shown = None if message is None else message_text(message, 200)
        doing = describe_doing(data)
        signal_from = by = None
        if sender is not None:
            signal_from, name = OUTSIDE if self.outside(sender, event.pid) else facts.sender, self.called(sender)
            name = f"<{name}>" if name == facts.sender else name
            by = BY_OUTSIDE if signal_from == OUTSIDE else f"a signal from {name}"
        text = sentences.ended(
            self._describe_process(event), facts.reason, failed=facts.crash,
            doing=doing, at=None if line is None else line.place, by=by,
        )  # fmt: skip
        return self._step(
            event, "exited", text, reason=facts.reason, crash=facts.crash, line=line, signal_from=signal_from,
            doing=doing, function=describe_function(data), message=shown if callback else None,
            message_kind=KINDS.get(callback or "", "message"), begun_ns=self.begun(event.pid), signal=by,
        )  # fmt: skip

    def linked(self, event: TraceEvent, other: TraceEvent) -> Step:
        """Return the step for an end caused by the end of a linked process."""
        facts, cause, name = facts_of(event), facts_of(other), self.called(other.pid)
        text = sentences.ended_with(self._describe_process(event), name, facts.reason)
        party = Party("linked", name, cause.pid, other.at, cause.reason)
        return self._step(event, "linked", text, reason=facts.reason, crash=facts.crash, parties=(party,))

    def stopped(
        self,
        stops: Sequence[TraceEvent],
        first: str | None = None,
        strategy: str | None = None,
        why: str | None = None,
        because: str = "",
    ) -> Step:
        """Return the step for children that a supervisor stopped, in this order, after the end of the child `first`."""
        parties = tuple(
            Party("stopped", self._child(stop), facts_of(stop).child, stop.at, facts_of(stop).reason)
            for stop in stops[:MOST_PARTIES]
        )
        several = len(stops) > 1
        if why is None:
            why = "it restarts all its children together" if strategy == "one_for_all" else (
                f"{'they were' if several else 'it was'} started after {first}"
            )  # fmt: skip
        text = sentences.stopped(
            self.called(stops[0].pid), [party.name for party in parties],
            strategy=strategy, why=why, more=len(stops) - len(parties),
        )  # fmt: skip
        names = [party.name if several else "it" for party in parties]
        failures = [facts_of(stop).stop_failed(name) for stop, name in zip(stops, names, strict=False)]
        shown = sentences.story(text + because, *[one for one in failures if one][:MOST_FAILURES])
        return self._step(stops[0], "stopped", shown, strategy=strategy, parties=parties)

    def stopped_because(self, stop: TraceEvent, state: str) -> Step:
        """Return the step for a child that a supervisor stopped because of its own `state`."""
        return self.stopped([stop], why="", because=f" because {self.called(stop.pid)} {state}")

    def stopped_on_request(self, stop: TraceEvent) -> Step:
        """Return the step for a child that a supervisor stopped on request."""
        facts, step = facts_of(stop), self.stopped([stop], why="", because=ON_REQUEST)
        asked = {facts.id, facts.pid, facts.child, self.called(stop.pid), self._child(stop)} - {None, ""}
        return replace(step, asked=frozenset(one for one in asked if one))

    def restarted(self, event: TraceEvent, lead: TraceEvent | None, group: Sequence[TraceEvent]) -> Step:
        """Return the step for a restarted child and those that the strategy restarts with it."""
        by = self.called(event.pid)
        parties = tuple(self._started(one) for one in group[:MOST_PARTIES])
        if lead is None:
            return self._step(event, "child_restarted", sentences.restarted(by, self._new(event)), parties=parties)
        strategy, budget, first = lead.data["strategy"], budget_of(lead), facts_of(lead).child
        along = [sentences.process_text(one.name, one.pid) for one in parties if one.pid != first]
        text = sentences.restarted(
            by, self._new(lead), strategy=strategy, along=along, more=len(group) - len(parties), **budget
        )
        return self._step(lead, "child_restarted", text, strategy=strategy, parties=parties, **budget)

    def started(self, event: TraceEvent) -> Step:
        """Return the step for a child that a supervisor started."""
        text = sentences.started(self.called(event.pid), self._new(event))
        return self._step(event, "child_started", text, parties=(self._started(event),))

    def failed(self, event: TraceEvent, times: int) -> Step:
        """Return the step for failed restarts that are alike; `event` is the last of them."""
        facts, line = facts_of(event), line_of_start(event)
        by, child = self.called(event.pid), self._child(event)
        if times == 1:
            text = sentences.could_not_restart(by, child, facts.reason, **budget_of(event))
        else:
            text = Attempt.of(event).tried(by, child, times)
        return self._step(event, "restart_failed", text, reason=facts.reason, crash=True, line=line, times=times)

    def gave_up(self, event: TraceEvent, before: Sequence[TraceEvent], times: int) -> Step:
        """Return the step for a supervisor without a restart left.

        `before` are the restarts within its window, `times` the failed restarts that the step before it sums.
        """
        facts, budget, retried = facts_of(event), budget_of(event), event.data.get("retried", False)
        last = "" if times > 1 else sentences.last_straw(
            self._child(event), facts.reason, failed=facts.crash, retried=retried
        )  # fmt: skip
        text = sentences.gave_up(self.called(event.pid), last, allowed=budget["allowed"], window=budget["window"])
        earlier = tuple(
            Party("earlier", self._child(one), facts_of(one).old, one.at, facts_of(one).reason)
            for one in before[-MOST_PARTIES:]
        )
        return self._step(event, "gave_up", text, reason=facts.reason, crash=True, parties=earlier, **budget)

    def ended_with_child(self, event: TraceEvent, child: TraceEvent) -> Step:
        """Return the step for a supervisor that ended because a significant child of it did."""
        name = self._child(child)
        text = f"{self._describe_process(event)} stopped its children and ended: its significant child {name} had ended"
        return self._step(event, "exited", text, reason=facts_of(event).reason)

    # Parts

    def _step(self, event: TraceEvent, kind: str, text: str, **more: Any) -> Step:
        return Step(event.seq, event.at, kind, facts_of(event).pid, text, self.called(event.pid), **more)

    def _describe_process(self, event: TraceEvent) -> str:
        return sentences.process_text(self.called(event.pid), facts_of(event).pid)

    def _started(self, event: TraceEvent) -> Party:
        return Party("started", self._child(event), facts_of(event).child, event.at)

    def _new(self, event: TraceEvent) -> str:
        """Return the name and pid of a child that was just started."""
        return sentences.process_text(self._child(event), facts_of(event).child)

    def _child(self, event: TraceEvent) -> str:
        """Return the name of a child in its supervisor's event: that of its process, else its id."""
        pid, id = self.child(event), facts_of(event).id
        return id or "its child" if pid is None else self.called(pid)


def name_request(text: str, reason: str | None, request: str) -> str:
    """Return the text of a step that a request caused, with the request.

    >>> name_request("till crashed: weird, by a signal from outside", "weird", "a request over HTTP")
    "till was ended by a request over HTTP with reason 'weird'"
    >>> name_request("till was killed, by a signal from outside", "killed", "a request over HTTP")
    'till was killed, by a request over HTTP'
    >>> name_request("shop ended: shutdown", "shutdown", "a request over HTTP")
    "shop was ended by a request over HTTP with reason 'shutdown'"
    """
    asked = text.endswith(by := f", by {BY_OUTSIDE}") or BY_OUTSIDE not in text
    if reason is not None and reason != "killed" and asked:
        for how in ("crashed", "ended"):
            who, said, more = text.removesuffix(by).partition(f" {how}: {reason}")
            if said:
                return f"{ended_by(who, reason, request)}{more}"
    return text.replace(f"by {BY_OUTSIDE}", f"by {request}").replace(ON_REQUEST, f" by {request}")


def lines_of(steps: Iterable[Step]) -> list[str]:
    """Return the sentences of steps: of supervisors that give up in a row, only the first has its limit."""
    told: list[str] = []
    for fall, group in groupby(steps, lambda step: step.kind == "gave_up"):
        some = list(group)
        above = [one.name or one.pid or "" for one in some[1:]] if fall else []
        told += [*(one.text for one in (some[:1] if fall else some)), *filter(None, (fell_after(above),))]
    return told


def summary_of(steps: Iterable[Step]) -> str:
    """Return the sentences of steps as one text."""
    return "; ".join(lines_of(steps))


def budget_of(event: TraceEvent) -> dict[str, Any]:
    """Return the restarts that count, and the limit, as an event reports them."""
    return {key: event.data[key] for key in ("used", "allowed", "window")}


def start_failure(event: TraceEvent) -> Any:
    """Return why the start of a child failed, without the exit that reported it."""
    return unwrapped_start(event.data["reason"])


class Attempt(NamedTuple):
    """A restart that failed; attempts that are equal failed in the same way."""

    supervisor: str
    id: str | None
    reason: str
    function: str = ""
    at: str = ""

    @staticmethod
    def of(event: TraceEvent) -> Attempt:
        """Return the attempt that an event of the kind `restart_failed` reports."""
        facts, failure = facts_of(event), start_failure(event)
        attempt, frame = Attempt(facts.pid, facts.id, facts.reason), own_frame(unwrapped(failure)[-1])
        if frame is None:
            return attempt
        raised = "" if failed_child(failure) else function_name(frame[2])  # else the reason names the child
        return attempt._replace(function=raised, at=safe_text(f"{os.path.basename(frame[0])}:{frame[1]}"))

    def tried(self, by: str, child: str, times: int) -> str:
        """Return the sentence about several equal attempts."""
        return sentences.tried(by, child, times, self.reason, function=self.function, at=self.at)


def function_name(qualified: str) -> str:
    """Return the name of a function without its class, as text for readers."""
    return safe_text(qualified.rpartition(".")[2])


def line_of_end(event: TraceEvent) -> WhyLine | None:
    """Return the line that ended a process: it crashed there, made a failed call, or returned a wrong result."""
    found = find_line(event.data["reason"])
    return found or _line_at(place_of_event(event.kind, event.seq, event.pid, event.cause, event.data), ())


def line_of_call(event: TraceEvent) -> WhyLine | None:
    """Return the line of the call whose failure ended a process: no mistake if its server had crashed."""
    return _line_at(place_of_call(event.data), ())


def line_of_start(event: TraceEvent) -> WhyLine | None:
    """Return the line at which a start failed, in the child or in a process below it."""
    found = find_line(unwrapped(start_failure(event))[-1])
    return found or _line_at(place_of_event(event.kind, event.seq, event.pid, event.cause, event.data), ())


def find_line(reason: Any) -> WhyLine | None:
    """Return the line in the user's code at which a crash happened, with its text if the file can be read."""
    return _line_at(own_frame(reason), callers_of(reason)[:MOST_CALLERS])


def _line_at(place: Place | None, callers: Sequence[Place]) -> WhyLine | None:
    if place is None:
        return None
    file, line, function = place
    source = clip(source_line(file, line), 200) or None
    shown = tuple(safe_text(place_text(one)) for one in callers)
    return WhyLine(safe_text(os.path.basename(file)), line, function_name(function), source, excerpt(file, line), shown)
