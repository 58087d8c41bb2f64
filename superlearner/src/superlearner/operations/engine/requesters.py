"""The origin of an end: who requested it, or sent the message that the process was handling, in words for a reader."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, cast

from otp import bounded, sentences
from otp.observer import LastMessages
from otp.observer.view_requests import ViewRequest
from superlearner.control.terms import TooDeep, message_text, term_of_json
from superlearner.operations.context import Context
from superlearner.operations.engine.audit import AuditLog
from superlearner.operations.rights.users import ANONYMOUS, OWNER
from superlearner.restarts.cause_steps import OUTSIDE, MessageKind, Step, name_request
from superlearner.store.rows import AuditRow

__all__ = ["HandledMessage", "LostMessages", "Origin", "Requester", "Requests", "request_of"]

AUDIT_S: Final = 0.05
"""The greatest difference between the clocks of node and audit log, in seconds."""
DELAY_NS: Final = 5_000_000_000
"""The longest time from a request of a view to the end for which only its text names it: a message may wait in the
mailbox, and an end for cleanup."""
VIEW: Final = "view"
"""The interface of a request through `otp.observe`, without the platform."""
INTERFACES: Final = {"rest": "over HTTP", "cli": "from the command line", "page": "from the page", "mcp": "through MCP",
                     "console": "from the console", VIEW: "through otp.observe"}  # fmt: skip
UNNAMED: Final = frozenset({ANONYMOUS.name, OWNER.name})
"""Users that are the person at the machine, signed in or not; their interface tells more than their name."""
WAYS: Final[dict[str, frozenset[MessageKind]]] = {
    "call": frozenset(("call", "message")), "cast": frozenset(("cast", "message")), "send": frozenset(("message",)),
}  # fmt: skip
"""The kinds of a handled message by the parameter `message_type` of the request that sent it."""
STOPS: Final = frozenset({"debug.terminate", "process.terminate_tree", "supervisor.restart", "supervisor.stop"})
"""Operations that request the end of a process without an exit signal from outside."""
ARRIVED: Final = frozenset({"ok", "call_failed", "timeout"})
"""Outcomes of requests whose message reached its process."""


@dataclass(frozen=True, slots=True)
class Requester:
    """The user behind a request of the audit log.

    >>> ada = Requester("ada", "page", "process.kill", 0.0)
    >>> ada.describe_request("ada"), ada.describe_request("bob")
    ('your request from the page (process.kill)', "ada's request from the page (process.kill)")
    >>> Requester("anonymous", "page", "process.kill", 0.0).describe_request(None)
    'a request from the page (process.kill)'
    """

    user: str = field(metadata={"description": "name of the user; `anonymous` without a sign-in"})
    interface: str = field(
        metadata={
            "description": "`page`, `cli`, `rest`, `mcp` or `console`, as reported by the client; `view` if sent "
            "through `otp.observe`"
        }
    )
    operation: str
    at: float = field(metadata={"description": "its time, in seconds since 1970"})

    @property
    def unnamed(self) -> Requester:
        """The same request without the name of its user."""
        return replace(self, user=ANONYMOUS.name)

    @property
    def way(self) -> str:
        """The interface of the request, as a part of a sentence."""
        return INTERFACES.get(self.interface, f"through {self.interface}")

    def _is_of(self, reader: str | None) -> bool:
        """Return whether the reader sent it; it is not known who uses a view."""
        return self.user == reader and self.interface != VIEW

    def describe_request(self, reader: str | None) -> str:
        """Return the request for a reader, None for any, as a part of a sentence."""
        return f"{self.describe_briefly(reader)} ({self.operation})"

    def describe_briefly(self, reader: str | None) -> str:
        """Return the same without the operation, for a sentence that names it."""
        whose = "your" if self._is_of(reader) else "a" if self.user in UNNAMED else f"{self.user}'s"
        return f"{whose} request {self.way}"

    def describe_sender(self, reader: str | None) -> str:
        """Return the clause about a message that it sent.

        >>> cast = Requester("ada", "cli", "process.message", 0.0)
        >>> cast.describe_sender("ada")[:34], cast.describe_sender(None)[:34], cast.unnamed.describe_sender(None)[:30]
        ('that you sent from the command lin', 'that ada sent from the command lin', 'sent from the command line at ')
        """
        who = "you" if self._is_of(reader) else None if self.user in UNNAMED else self.user
        sent = f"sent {self.way} at {datetime.fromtimestamp(self.at):%H:%M:%S}"
        return sent if who is None else f"that {who} {sent}"


@dataclass(frozen=True, slots=True)
class HandledMessage:
    """The message that a process was handling when it ended."""

    kind: MessageKind
    text: str = field(metadata={"description": "the message, redacted"})
    sender: str | None = field(
        default=None, metadata={"description": "who sent it, as a part of a sentence; null if that is not known"}
    )
    requester: Requester | None = field(
        default=None, metadata={"description": "the request that sent it; null if a process did, or it is not known"}
    )

    @property
    def clause(self) -> str:
        """The clause about what the process was doing, with the sender if that is known.

        >>> HandledMessage("cast", "('boom',)", "that ada sent from the page at 10:07:07").clause
        "while it handled the cast ('boom',) that ada sent from the page at 10:07:07"
        """
        return f"while it handled {self.described}"

    @property
    def described(self) -> str:
        """The message and its sender as a part of a sentence."""
        return f"the {self.kind} {self.text}{f' {self.sender}' if self.sender else ''}"


@dataclass(frozen=True, slots=True)
class LostMessages:
    """The messages that waited in the mailbox of a process, and are lost with it."""

    count: int
    first: tuple[str, ...] = field(metadata={"description": "the first of them, redacted"})
    text: str = field(metadata={"description": "both in words"})

    @staticmethod
    def of(last: LastMessages | None) -> LostMessages | None:
        """Return the messages of a process when it ended; None if it had none.

        >>> LostMessages.of(LastMessages(None, "", 3, ("'a'", "'b'"))).text
        "3 messages: 'a', 'b' and 1 more"
        """
        if last is None or not last.lost:
            return None
        shown = f": {sentences.listed(last.first, more=last.lost - len(last.first))}" if last.first else ""
        return LostMessages(last.lost, last.first, f"{last.lost:,} message{'' if last.lost == 1 else 's'}{shown}")


@dataclass(frozen=True, slots=True)
class Origin:
    """A step with what is known of its origin; its text has it."""

    step: Step
    requester: Requester | None = None
    """The request that ended the process."""
    request: str | None = None
    """The same for the reader."""
    handled: HandledMessage | None = None
    lost: LostMessages | None = None


def request_of(ctx: Context) -> str:
    """Return the request of a context for any reader, as a part of a sentence: `ada's request from the page`."""
    return Requester(ctx.user.name, ctx.claims, "", 0.0).describe_briefly(None)


@dataclass(frozen=True, slots=True)
class Requests:
    """The requests about processes of a node.

    A node in another program has an audit log of its own, of the requests that the platform forwarded to it.
    """

    node: str
    audit: AuditLog
    wall: Callable[[int], float]
    """Converts a time of the node's clock to seconds since 1970."""
    views: Sequence[ViewRequest] = ()
    """The newest messages and exit signals sent through views."""

    def find_origin(self, step: Step, reader: str | None, last: LastMessages | None) -> Origin:
        """Return the origin of a step.

        Args:
            step: the step.
            reader: the user who reads it; None if that is not known yet.
            last: the messages of the process when it ended.
        """
        text, requester, request = step.text, None, None
        signalled = step.signal_from == OUTSIDE
        if signalled or step.asked or (step.kind == "exited" and step.signal_from is None and step.line is None):
            asked = (one for one in self._before(step) if one.outcome == "ok")
            entry = next((one for one in asked if signalled or step.asked or one.operation in STOPS), None)
            if entry is not None:
                requester = _requester_of(entry)
            elif signalled:
                ends = (one for one in _sent_before(self.views, step) if _has_ended(one, step))
                requester = next(map(self._viewer, ends), None)
            if requester is not None:
                request = requester.describe_request(reader)
                text = name_request(text, step.reason, request)
        handled = self._find_handled(step, reader, last)
        if handled is not None and handled.sender is not None:
            clause = ", ".join(filter(None, (step.function, handled.clause)))
            text = text.replace(f"{step.doing} at ", f"{clause}, at ").replace(step.doing, clause)
        return Origin(replace(step, text=text), requester, request, handled, LostMessages.of(last))

    def _find_handled(self, step: Step, reader: str | None, last: LastMessages | None) -> HandledMessage | None:
        """Return the message that a process was handling, with its sender if the requests agree on one."""
        if step.message is None:
            return None
        at, kind = self.wall(step.at_ns), step.message_kind
        begun = None if step.begun_ns is None else self.wall(step.begun_ns)
        found = [
            _requester_of(entry)
            for entry in self._before(step, begun)
            if entry.operation == "process.message" and _has_sent(entry, kind, step.message, at)
        ]
        found += [self._viewer(one) for one in _sent_before(self.views, step) if _is_handled(one, step, last)]
        if found and len({(one.user, one.interface) for one in found}) == 1:
            return HandledMessage(kind, step.message, found[0].describe_sender(reader), found[0])
        caller = None if last is None else last.caller
        if found or caller is None or last is None:
            outside = "" if found or last is None else last.outside
            return HandledMessage(kind, step.message, f"from {outside}" if outside else None)
        who = sentences.process_text(last.caller_name or None, f"0.{caller.id}.0")
        there = "" if caller.node == self.node else f" on {caller.node}"
        return HandledMessage(kind, step.message, f"from {who}{there}")

    def _before(self, step: Step, since: float | None = None) -> Iterator[AuditRow]:
        """Yield the requests about the process of a step that may have led to it, the newest first."""
        at = self.wall(step.at_ns)
        known = {step.pid, step.name, *step.asked} - {None}
        named: set[str | None] = {form for one in known for form in (one, f"<{one}>", f"#PID<{one}>")}
        for entry in reversed(self.audit.entries()):
            if entry.at < (at if since is None else since) - AUDIT_S:
                return
            on_node = entry.node in (None, self.node)
            if on_node and entry.at - entry.duration <= at + AUDIT_S and _names(entry.parameters, named):
                yield entry

    def _viewer(self, one: ViewRequest) -> Requester:
        """Return the request of a view: it has no user."""
        return Requester(ANONYMOUS.name, VIEW, f"view.{one.method}", round(self.wall(one.at), 6))


def _sent_before(views: Sequence[ViewRequest], step: Step) -> Iterator[ViewRequest]:
    """Yield what views sent to the process of a step before its end, the newest first."""
    return (one for one in reversed(views) if one.at <= step.at_ns and one.pid.strip("<>") == step.pid)


def _has_ended(one: ViewRequest, step: Step) -> bool:
    """Return whether a view sent the exit signal of a step; a process that traps exits survives others."""
    return one.method == "exit" and one.sent == step.reason and _is_recent(one, step)


def _is_handled(one: ViewRequest, step: Step, last: LastMessages | None) -> bool:
    """Return whether a view sent the message of a step; a call has a caller, other messages have only their text."""
    if last is not None and last.caller is not None:
        return one.caller is last.caller
    same = one.sent is not None and step.message is not None and _is_same(one.sent, step.message)
    return same and step.message_kind in WAYS.get(one.method, ()) and _is_recent(one, step)


def _is_recent(one: ViewRequest, step: Step) -> bool:
    return one.at >= step.at_ns - DELAY_NS


def _requester_of(entry: AuditRow) -> Requester:
    return Requester(entry.user, entry.claims or entry.door, entry.operation, round(entry.at - entry.duration, 6))


def _names(parameters: object, named: set[str | None]) -> bool:
    """Return whether a parameter of the request names the process."""
    if isinstance(parameters, dict):
        return any(_names(value, named) for value in cast("dict[str, object]", parameters).values())
    if isinstance(parameters, list):
        return any(_names(value, named) for value in cast("list[object]", parameters))
    return isinstance(parameters, str) and parameters in named


def _has_sent(entry: AuditRow, kind: MessageKind, text: str, at: float) -> bool:
    """Return whether a request sent a message of this text, and no call that was over before this time.

    A call that timed out is not over: its message may still wait. Secrets are redacted in both texts.
    """
    found: object = entry.parameters
    given = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
    if kind not in WAYS.get(given.get("message_type", "send"), ()):
        return False
    over = given.get("message_type") == "call" and entry.outcome != "timeout" and entry.at < at - AUDIT_S
    if over or entry.outcome not in ARRIVED:
        return False
    try:
        term = term_of_json(given.get("message"))
    except TooDeep:
        return False
    return _is_same(bounded.text(term), text)


def _is_same(sent: str, text: str) -> bool:
    """Return whether the text of a message that was sent is that of the one that was handled."""
    return _comparable(message_text(sent, len(text) + 2)) == _comparable(text)


def _comparable(text: str) -> str:
    """Return a text in which a redacted value looks the same before and after JSON."""
    return text.replace("'***'", "***")
