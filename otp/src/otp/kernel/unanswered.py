"""Explanations of why a server has not replied to a call, made at the time-out."""

# Messages, states and reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from otp.kernel.call_cycles import cycle_of, drawn
from otp.kernel.callers import From
from otp.kernel.states import CALLING, INJECTED, REMOTE

__all__ = ["why_silent"]


def why_silent(frm: From) -> str:
    """Explain why a server has not replied to this call, by what it is doing now."""
    server = frm._to
    if server._st == REMOTE:
        return f"the server is on node {server.node!r}; it is busy there, or its reply is still on its way"
    x = server._x
    if x is not None and x.suspended:
        return "the server is suspended (sys.suspend)"
    if x is not None and x.pend and x.pend.get(frm) == INJECTED:
        return "an injected fault lost or delayed the request"
    if x is not None and x.pend and frm in x.pend:
        return "the server took the request and went on with NoReply; does nothing call GenServer.reply(caller, value)?"
    if server._st == CALLING and type(server._val) is From:
        other = server._val._to
        if other is frm.pid:
            return (
                f"the server waits for a reply of {other}, which is the caller: the two wait for each other: "
                f"{drawn([other, server])}"
            )
        cycle = cycle_of(frm)
        if cycle is not None:
            return f"the server waits, through its own calls, for the caller: {drawn(cycle)}"
        return f"the server itself waits for a reply of {other}"
    if x is not None and x.frm is frm:
        return "its handle_call has not finished; return NoReply(state) and reply later, or allow more time"
    return "the server is busy with earlier messages; allow more time, or reduce its load"
