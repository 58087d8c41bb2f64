"""Requests answered by a node itself: starting allowed functions, and looking up names.

Source: Erlang/OTP, `erlang:spawn_request/5`, `erpc`; here the functions are restricted.
"""

# Messages and reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from inspect import isawaitable
from typing import Any

from otp.bounded import text
from otp.distribution import signals
from otp.distribution.arriving import monitored
from otp.distribution.remote_node import RemoteNode
from otp.distribution.remote_pid import RemoteProcess
from otp.kernel.ends.mailbox import reply
from otp.kernel.steps.starting import spawn_on
from otp.kernel.tables.callers import Failed, From
from otp.kernel.values.errors import BadArgument
from otp.kernel.values.process import DEAD

__all__ = ["answer", "function_named"]


def function_named(target: str) -> Callable[..., Any]:
    """Return the function named by `"module:function"`, importing its module.

    Raises `BadArgument` if no function has this name.
    """
    module, _, name = target.partition(":")
    try:
        found: Any = import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError) as error:
        raise BadArgument(f"expected a function as 'module:function', got {target!r}: {error}") from None
    if not callable(found):
        raise BadArgument(f"expected a function as 'module:function', got {target!r}, which is {text(found)}")
    return found


def answer(peer: RemoteNode, number: int, caller: RemoteProcess | None, request: Any) -> None:
    """Answer a call of another node to this node itself."""
    node, door = peer.home, peer.door
    if door is None:
        return
    match request:
        case ("whereis", name):
            try:
                found = door.whois(name)
            except TypeError:
                found = None
            peer.answer(number, None if found is None or found.status == DEAD else found)
        case ("rpc" | "spawn", str(target), *_) if target not in door.spawnable:
            peer.answer(number, Failed(("not_spawnable", target)))
        case ("rpc", str(target), tuple(arguments)):
            frm = peer.borrowed(number, caller, None, request)
            p = spawn_on(node, None, _run, (frm, function_named(target), arguments), {})
            frm.to = p
            p.ensure_ext().unanswered = {frm: None}  # so that its end fails the caller
        case ("spawn", str(target), tuple(arguments), bool(linked), int() | None as watched) if caller is not None:
            p = spawn_on(node, None, function_named(target), arguments, {})
            if linked:
                peer.tie(p, caller)
                peer.tell(signals.Link(p.number, caller.number), p.number)
            if watched is not None:
                monitored(peer, p, caller.number, watched)
            peer.answer(number, p)
        case _:
            peer.answer(number, Failed(("undef", text(request))))


async def _run(frm: From, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    result = function(*arguments)
    if isawaitable(result):
        result = await result
    reply(frm, result)
