"""The last word of a door: why it closes, as a sentence for its visitors."""

# Reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
import os
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from otp.kernel.ends.call_cycles import seconds_waited
from otp.kernel.ends.wording import error_text, exit_words, name_of_end, name_text, process_name, reason_text
from otp.kernel.values.exception_reasons import place_of_error
from otp.kernel.values.process import EXITING, Process
from otp.kernel.values.reasons import is_clean
from otp.kernel.values.sentences import ended_with, last_straw

if TYPE_CHECKING:
    from otp.kernel.steps.node import Node
    from otp.kernel.tables.tracing import Event

__all__ = ["find_last_word"]

LATEST: Final = 1000
"""The newest events, among which the give-up that ended a process is looked for."""


def find_last_word(node: Node, error: BaseException | None = None) -> str | None:
    """Return why a door closes; None if its node runs on, as far as is known.

    Args:
        node: the node behind it.
        error: the exception that leaves its block.
    """
    known = node.stopped_by if node.ended_by is None else node.ended_by
    if node.life != "open":
        return known or "its node has ended"
    me = node.scheduler.current
    if me is not None and me.runtime is node and me.status == EXITING:
        return _describe_signal(node, me)
    return None if error is None else _describe_error(error, me)


def _describe_error(error: BaseException, me: Process | None) -> str:
    who = _name_task() if me is None else name_text(process_name(me) or me.runtime.describe(me))
    if isinstance(error, SystemExit | KeyboardInterrupt):
        return exit_words(error, who)
    if isinstance(error, asyncio.CancelledError):
        return f"{who} was cancelled, for example by Ctrl-C"
    place = place_of_error(error)
    at = "" if place is None else f" at {os.path.basename(place[0])}:{place[1]}"
    return f"{who} raised {error_text(error)}{at}"


def _name_task() -> str:
    """Return the name of the function that the running task runs."""
    task = asyncio.current_task()
    return name_text(getattr(None if task is None else task.get_coro(), "__qualname__", "its task"))


def _describe_signal(node: Node, me: Process) -> str:
    """Return why an exit signal ended a process."""
    x = me.ensure_ext()
    who, reason, sender = node.describe(me), x.reason[0] if x.reason else "killed", x.sender
    said = reason_text(reason, waited=seconds_waited(sender))
    other = name_of_end(node.tracer, x.cause, sender)
    if other is None:
        by = process_name(sender)
        return f"an exit signal{f' from {by}' if by else ''} ended {who}: {said}"
    newest = islice(node.tracer.newest(), LATEST)
    fall = next((one for one in newest if one.kind == "gave_up" and one.pid is sender), None)
    return ended_with(who, other, said if fall is None else _describe_fall(other, fall))


def _describe_fall(who: str, fall: Event) -> str:
    data: dict[str, Any] = fall.data
    reason = data["reason"]
    child = name_text(data["id"])
    last = last_straw(child, reason_text(reason), failed=not is_clean(reason), retried=data.get("retried", False))
    return f"{who} gave up, because {last}"
