"""The newest messages and exit signals sent through views, which have no sender pid."""

# Messages have no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import contextlib
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from otp.bounded import text
from otp.kernel.ends.wording import reason_text
from otp.kernel.values.errors import BadArgument
from otp.kernel.values.process import is_sensitive
from otp.kernel.values.reasons import is_word
from otp.observer.queries import find

if TYPE_CHECKING:
    from otp.kernel.steps.node import Node
    from otp.kernel.values.pids import Pid

__all__ = ["ViewRequest", "note_request", "view_requests"]

KEPT: Final = 100
SENT: Final = {"send": "message", "cast": "request", "call": "request", "exit": "reason"}
"""The methods that send something, each with the name of that argument."""


@dataclass(frozen=True, slots=True)
class ViewRequest:
    """A message or an exit signal that a `ViewServer` was asked to send.

    Attributes:
        at: the node's clock, in ns.
        method: `send`, `cast`, `call` or `exit`.
        pid: the process as text.
        sent: the message, or the reason that the signal gives a process, as text; None for a message to a
            sensitive process.
        caller: the process that calls for the view; None if it sends no call.
    """

    at: int
    method: str
    pid: str
    sent: str | None
    caller: Pid | None = None


def note_request(node: Node, method: str, arguments: dict[str, Any], worker: Pid) -> None:
    """Keep a request of a view, if it sends something to a process; `worker` is the process that carries it out."""
    if method not in SENT:
        return
    with contextlib.suppress(BadArgument):  # there is no such process: the request fails
        process = find(node, arguments["pid"])
        kept: deque[ViewRequest] | None = node.tracer.view_requests
        if kept is None:
            kept = node.tracer.view_requests = deque(maxlen=KEPT)
        what = arguments.get(SENT[method], "kill")
        if method == "exit":
            sent = reason_text("killed" if is_word(what, "kill") else what)
        else:
            sent = None if is_sensitive(process) else text(what)
        caller = worker if method == "call" else None
        kept.append(ViewRequest(node.tracer.clock(), method, str(process), sent, caller))


def view_requests(node: Node) -> tuple[ViewRequest, ...]:
    """Return the newest requests sent through views to processes of a node, oldest first.

    >>> import otp
    >>> from otp.observer import ViewServer, view_requests
    >>> async def main():
    ...     server = await ViewServer.start_link(("read", "operate"))
    ...     await otp.GenServer.call(server, ("send", {"pid": str(otp.self()), "message": "hello"}))
    ...     return [(one.method, one.sent) for one in view_requests(otp.node())]
    >>> otp.run(main)
    [('send', "'hello'")]
    """
    return tuple(node.tracer.view_requests or ())
