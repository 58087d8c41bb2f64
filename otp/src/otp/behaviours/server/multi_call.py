"""Requests to the servers that have one name on several nodes.

The nodes of one event loop are reached here; remote nodes are found by `names.find_node`.
Source: Erlang/OTP, stdlib, `gen_server:multi_call/2,3,4` and `abcast/2,3`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from otp.kernel.ends.mailbox import forget
from otp.kernel.steps.calling import cast
from otp.kernel.steps.calls import send_call
from otp.kernel.tables.callers import Failed, From, new_call, new_outside_caller
from otp.kernel.tables.names import check_name, find_node, nodes_here
from otp.kernel.tables.scheduler import nanoseconds, spend, thread_current
from otp.kernel.values.errors import BadArgument
from otp.kernel.values.process import DEAD, EXITING, Process

if TYPE_CHECKING:
    from otp.kernel.steps.node import Node

__all__ = ["abcast", "multi_call"]


async def multi_call(what: tuple[Any, ...], timeout: Any) -> tuple[list[tuple[Any, Any]], list[Any]]:
    """Call all at once; return the replies and the nodes without one, both in the order of the nodes."""
    nodes, name, request = _arguments("multi_call", what)
    limit = nanoseconds(timeout, "multi_call(timeout=…)", infinite=True)
    calls: list[tuple[Any, From | None]] = []
    try:
        for node in nodes:
            server = _server(node, name, "multi_call(nodes, name, request)")
            calls.append((node, None if server is None else _send_request(server, request)))
        waits: list[Any] = [frm.waiter.ensure_ext().fut for _, frm in calls if frm is not None]
        if waits:
            await asyncio.wait(waits, timeout=None if limit is None else limit / 1e9)
        else:
            await spend()
        replies: list[tuple[Any, Any]] = []
        bad: list[Any] = []
        for node, frm in calls:
            future: Any = None if frm is None else frm.waiter.ensure_ext().fut
            if future is None or not future.done() or type(future.result()) is Failed:
                bad.append(node)
            else:
                replies.append((node, future.result()))
        return replies, bad
    finally:
        for _, frm in calls:
            if frm is not None:
                _give_up(frm)


def abcast(what: tuple[Any, ...]) -> str:
    """Cast to all; a missing server is not an error."""
    nodes, name, request = _arguments("abcast", what)
    for node in nodes:
        server = _server(node, name, "abcast(nodes, name, request)")
        if server is not None:
            cast(server, request)
    return "abcast"


def _arguments(function: str, what: tuple[Any, ...]) -> tuple[list[Any], Any, Any]:
    """Return (nodes, name, request) from (name, request) or (nodes, name, request), as in Erlang."""
    nodes: Any = None
    if len(what) == 3:
        nodes, name, request = what
    elif len(what) == 2:
        name, request = what
    else:
        raise TypeError(f"{function}: expected (name, request) or (nodes, name, request), got {len(what)} arguments")
    try:
        if isinstance(name, Process):
            raise BadArgument
        check_name(name, function)
    except BadArgument:
        raise BadArgument(
            f"{function}: expected a name registered on each node, got {name!r}; for a single pid use GenServer.call"
        ) from None
    if nodes is None:
        return nodes_here(f"{function}(name, request)"), name, request
    if isinstance(nodes, (str, bytes)) or not isinstance(nodes, Iterable):
        raise BadArgument(f"{function}: expected a list of nodes or of their names, got {nodes!r}; try [{nodes!r}]")
    return list(nodes), name, request  # pyright: ignore[reportUnknownArgumentType]


def _server(node: Any, name: Any, what: str) -> Process | None:
    found: Node | None = find_node(node, what)
    server = None if found is None or found.life == "closed" else found.names.get(name)
    return None if server is None or server.status == DEAD or server.status == EXITING else server


def _send_request(server: Process, request: Any) -> From | None:
    """Return the request that was sent, with a stand-in as caller; None for a request to itself."""
    if server is thread_current():
        return None
    frm = new_call(new_outside_caller(server), request, server)
    send_call(server, frm)
    return frm


def _give_up(frm: From) -> None:
    """Drop any later reply to the request."""
    stub = frm.waiter
    stub.status = DEAD
    stub.ext = None
    forget(frm)
