"""The messages waiting in a mailbox, and removing some of them."""

# Messages have no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args

from otp.bounded import text
from otp.kernel.ends.mailbox import fail, forget, mailbox_of, merge_batch
from otp.kernel.tables.callers import MessageKind, call_of, unwrap_message
from otp.kernel.values.errors import BadArgument
from otp.kernel.values.messages import ExitSignal
from otp.kernel.values.pids import Pid
from otp.kernel.values.process import DEAD, EXITING, RUN, Process, is_sensitive, is_supervisor
from otp.redaction import Redact, is_secret, without_secrets

if TYPE_CHECKING:
    from otp.kernel.steps.node import Node

__all__ = ["MailboxPage", "MessageKind", "MessageView", "SentKind", "check_sent_kind", "drop_messages", "mailbox"]

SentKind: TypeAlias = Literal["call", "cast", "info"]
"""The kinds of messages that may be lost; those of the runtime may not."""

EXAMINED: Final = 10_000
LONGEST_TAG: Final = 40


@dataclass(frozen=True, slots=True)
class MessageView:
    """A waiting message: `position` from 0, the oldest.

    `tag` is its first word, or else its type's name. `sender` is known for calls only. A `system` message is one of the
    runtime: a request of `otp.sys`, or the exit signal of the parent.
    """

    position: int
    kind: MessageKind
    tag: str
    sender: Pid | None
    text: str


@dataclass(frozen=True, slots=True)
class MailboxPage:
    """Some of the `total` messages that match, of `waiting` in all.

    `partial`: only the oldest 10,000 were read, or none, because the process is sensitive.
    """

    messages: tuple[MessageView, ...]
    total: int
    waiting: int
    partial: bool = False


def mailbox(
    node: Node,
    pid: Pid,
    *,
    kind: MessageKind | None = None,
    tag: str | None = None,
    search: str = "",
    offset: int = 0,
    limit: int = 100,
    length: int = 200,
    redact: Redact | None = is_secret,
) -> MailboxPage:
    """Return the waiting messages of a process that match, oldest first, without changing anything.

    Args:
        kind: only calls, casts, infos, or messages of the runtime.
        tag: only messages with this first word: `add` for `("add", 3)`, `stop` for `"stop"`, `int` for 3.
        search: part of the text that is shown; case is ignored.
        offset, limit: the part of the matches to return.
        length: the maximum length of a message in characters.
        redact: the names whose values are hidden; None hides nothing.

    >>> import otp
    >>> from otp import observer
    >>> async def main():
    ...     otp.send(otp.self(), ("add", 3))
    ...     page = observer.mailbox(otp.trace.node_of(otp.self()), otp.self(), tag="add")
    ...     return [message.text for message in page.messages], page.waiting
    >>> otp.run(main)
    (["('add', 3)"], 1)
    """
    _check_kind(kind, get_args(MessageKind), "mailbox")
    p = _alive(node, pid)
    waiting = [] if p is None else mailbox_of(p)
    if p is None or is_sensitive(p):
        return MailboxPage((), 0, len(waiting), bool(waiting))
    found: list[MessageView] = []
    total = 0
    for view in _fitting(p, waiting, kind, tag, search, length, redact):
        if offset <= total < offset + limit:
            found.append(view)
        total += 1
    return MailboxPage(tuple(found), total, len(waiting), len(waiting) > EXAMINED)


def drop_messages(
    node: Node,
    pid: Pid,
    *,
    kind: SentKind | None = None,
    tag: str | None = None,
    search: str = "",
    limit: int | None = None,
) -> int:
    """Remove the oldest matching messages from the mailbox of a process.

    Returns how many. A caller whose call is dropped gets a `CallExit` with the reason `"dropped"` at once. Messages of
    the runtime stay. Without a filter all others are dropped; with one the oldest 10,000 are searched. Erlang has no
    such function.

    Raises `BadArgument` for a supervisor, whose messages keep its tree consistent, for the running process, and for
    messages of the runtime as `kind`.

    >>> import otp
    >>> from otp import observer
    >>> async def main():
    ...     for message in (("add", 1), "stop", ("add", 2)):
    ...         otp.send(otp.self(), message)
    ...     helper = otp.spawn_monitor(
    ...         lambda me: observer.drop_messages(otp.trace.node_of(me), me, tag="add"), otp.self()
    ...     )
    ...     await otp.receive(helper[1])
    ...     return otp.process_info(otp.self(), "messages")
    >>> otp.run(main)
    ('stop',)
    """
    check_sent_kind(kind, "drop_messages")
    p = _alive(node, pid)
    if p is None:
        return 0
    if is_supervisor(p):
        raise BadArgument(f"drop_messages: expected no supervisor, got {p}, whose messages keep its tree right")
    if p.status == RUN:
        raise BadArgument(
            f"drop_messages: expected a waiting process, got {p}, which is running; call it from another process"
        )
    post = node.scheduler.post
    if post is not None:  # a deterministic run may not have delivered yet
        post.asked(p)
    merge_batch(p)
    waiting = p.mailbox
    if not waiting:
        return 0
    if kind is None and tag is None and not search:
        chosen = {i for i, message in enumerate(waiting) if kind_of_message(p, message) != "system"}
    else:
        views = _fitting(p, list(waiting), kind, tag, search, 200, is_secret)
        chosen = {view.position for view in views if view.kind != "system"}
    chosen = set(sorted(chosen)[:limit])
    dropped = [message for i, message in enumerate(waiting) if i in chosen]
    kept = [message for i, message in enumerate(waiting) if i not in chosen]
    waiting.clear()  # in place: some processes have a list, others a deque
    waiting.extend(kept)
    if p.ext is not None:
        p.ext.mark = 0  # a selective receive starts its search again
    for message in dropped:
        frm = call_of(message)
        if frm is not None:
            forget(frm)
            fail(frm, "dropped")
    return len(dropped)


def check_sent_kind(kind: str | None, what: str) -> None:
    """Raise `BadArgument` for a kind of messages that are never lost."""
    if kind == "system":
        raise BadArgument(
            f"{what}: expected a kind that can be lost ({_listed(get_args(SentKind))}), got 'system'; messages of the "
            "runtime are exempt, try otp.sys.suspend(pid) to hold a process"
        )
    _check_kind(kind, get_args(SentKind), what)


def _check_kind(kind: Any, kinds: tuple[str, ...], what: str) -> None:
    if kind is not None and kind not in kinds:
        raise BadArgument(f"{what}: expected {_listed(kinds)} or None as kind, got {text(kind)}")


def _listed(kinds: tuple[str, ...]) -> str:
    return ", ".join(map(repr, kinds))


def _alive(node: Node, pid: Pid) -> Process | None:
    p = node.process_table.get(pid.id)
    return None if p is None or p is not pid or p.status in (DEAD, EXITING) else p


def _fitting(
    p: Process,
    waiting: list[Any],
    kind: MessageKind | None,
    tag: str | None,
    search: str,
    length: int,
    redact: Redact | None,
) -> Iterator[MessageView]:
    for position in range(min(len(waiting), EXAMINED)):
        view = view_if_it_fits(p, waiting[position], kind, tag, search, length, redact, position)
        if view is not None:
            yield view


def view_if_it_fits(
    p: Process,
    message: Any,
    kind: MessageKind | None,
    tag: str | None,
    search: str,
    length: int = 200,
    redact: Redact | None = is_secret,
    position: int = 0,
) -> MessageView | None:
    """Return a message to `p` as it is shown, None if it does not match."""
    found, content = _unwrap(p, message)
    if kind is not None and found != kind:
        return None
    word = _tag(content, redact)
    if tag is not None and word != tag:
        return None
    shown = text(content, length=length, redact=redact)
    if search and search.casefold() not in shown.casefold():
        return None
    frm = call_of(message)
    return MessageView(position, found, word, None if frm is None or found != "call" else frm.pid, shown)


def kind_of_message(p: Process, message: Any) -> MessageKind:
    """Return how a message was sent."""
    return _unwrap(p, message)[0]


def _unwrap(p: Process, message: Any) -> tuple[MessageKind, Any]:
    """Return how a message was sent, and what its sender passed; the exit signal of the parent is of the runtime."""
    if type(message) is ExitSignal and message.pid is p.parent:
        return "system", message
    return unwrap_message(message)


def _tag(content: Any, redact: Redact | None) -> str:
    """Return the word that identifies a message: the first of a tuple, the text itself, else the type."""
    first = content[0] if type(content) is tuple and content else content
    if type(first) is str:
        return first[:LONGEST_TAG] if redact is None else without_secrets(first, 10 * LONGEST_TAG)[:LONGEST_TAG]
    kind: Any = type(content)
    return type.__dict__["__name__"].__get__(kind)
