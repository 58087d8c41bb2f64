"""Why a server has not answered a call, in words: what it does at the time-out."""

# Messages, states and reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from otp.kernel.call_cycles import cycle_of, drawn
from otp.kernel.callers import From
from otp.kernel.states import CALLING, REMOTE

__all__ = ["why_silent"]


def why_silent(frm: From) -> str:
    """Why a server has not answered this call: what it does just now."""
    server = frm._to
    if server._st == REMOTE:
        return f"the server is on node {server.node!r}; it is busy there, or what it answered is still on its way"
    x = server._x
    if x is not None and x.suspended:
        return "the server is suspended (sys.suspend)"
    if x is not None and x.pend and frm in x.pend:
        return "the server took the request and went on with NoReply; does nothing call GenServer.reply(caller, value)?"
    if server._st == CALLING and type(server._val) is From:
        other = server._val._to
        if other is frm.pid:
            return (
                f"the server waits for an answer of {other}, which is the caller: the two wait for each other: "
                f"{drawn([other, server])}"
            )
        cycle = cycle_of(frm)
        if cycle is not None:
            return f"the server waits for the caller in calls of its own: {drawn(cycle)}"
        return f"the server waits for an answer of {other} itself"
    if x is not None and x.frm is frm:
        return "its handle_call is not through; let it return NoReply(state) and answer later, or give more time"
    return "the server is busy with what came before; give it more time, or it less to do"
