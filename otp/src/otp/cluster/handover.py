"""The hand-over of a server's state to another member: `handoff` here, `take_over` there."""

# States, terms and reasons have no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from inspect import isawaitable
from typing import Any

from otp.behaviours.server.child_spec import ChildSpec
from otp.behaviours.supervisor.argument_copy import copy_arguments
from otp.cluster.travelling import check_travels
from otp.kernel.steps.calls import system_call
from otp.kernel.steps.system import Refused
from otp.kernel.values.errors import CallExit
from otp.kernel.values.handed import has_own
from otp.kernel.values.process import Process

__all__ = ["MOVED", "finish", "finishes_in_order"]

MOVED = ("shutdown", "moved")
"""The exit reason of a child that moves to another member."""


def finishes_in_order(pid: Any, spec: ChildSpec) -> bool:
    """Return whether a child can handle the messages in its mailbox before it moves: a server that is no supervisor."""
    callbacks = pid.callbacks if isinstance(pid, Process) else None
    return callbacks is not None and not callbacks.supervisor and spec.shutdown != "brutal_kill"


async def finish(pid: Any, timeout: float) -> tuple[tuple[Any, ...], str]:
    """End a server after the messages in its mailbox with `("shutdown", "moved")`.

    Returns `(term,)` from its `handoff`, or `()` and why there is none; that is empty if it has no `handoff`. A server
    that takes longer than `timeout` seconds runs on.
    """
    try:
        answer = await system_call(pid, ("finish", _hand_over, MOVED), timeout)
    except CallExit as error:
        return (), f"its handoff took longer than {timeout:g} s" if error.cause_reason == "timeout" else "it ended"
    if isinstance(answer, Refused):
        return (), f"its handoff failed: {answer.error!r:.500}"
    return answer, ""


async def _hand_over(handler: Any, state: Any) -> tuple[Any, ...]:
    if not has_own(handler, "handoff"):
        return ()
    term = handler.handoff(state)
    if isawaitable(term):
        term = await term
    check_travels(term)
    return copy_arguments((term,))  # `terminate` may change the state
