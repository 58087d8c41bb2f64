"""The server that a platform calls; a process per request on the hidden node."""

# Requests are untyped.
from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import otp
from otp import GenServer, Node, NoReply, Ok, impl
from superlearner.backend.history_buffer import HistoryBuffer
from superlearner.backend.observing import Observing
from superlearner.nodes.kinds import SERVICE, NodeKind
from superlearner.nodes.remote.protocol import Failed, read_request, written
from superlearner.operations.rights.users import NODE_SCOPES, Scope

__all__ = ["Backend", "Observed"]

MOST_WORKING: Final = 200
SWEEP_S: Final = 30.0
log: Final = logging.getLogger(__name__)


class Observed(NamedTuple):
    """The inspected node, the scopes permitted on it, and the record of what it did.

    `evaluates`: whether the node may run Python sent by the platform.
    """

    node: Node
    permissions: frozenset[Scope] = frozenset(NODE_SCOPES)
    history: HistoryBuffer | None = None
    evaluates: bool = False
    kind: NodeKind = SERVICE


class Backend(GenServer[Any]):
    """The server for the requests of `superlearner.nodes.remote`.

    Its argument names the inspected node and the permissions on it.
    Requests it does not understand get an error; no request crashes it, and it never blocks.
    """

    @impl
    def init(self, observed: Observed) -> Ok[Any]:
        otp.send_after(SWEEP_S, self.pid, "sweep")
        return Ok(_Serving(Observing(otp.node(), *observed)))

    @impl
    def handle_call(self, request: Any, caller: otp.From, state: Any) -> NoReply[Any]:
        if len(state.working) < MOST_WORKING:
            _, ref = otp.spawn_monitor(_work, state.observing, request, caller)
            state.working[ref] = caller
        else:
            GenServer.reply(caller, written(Failed("service_unavailable", f"{MOST_WORKING} requests are under way")))
        return NoReply(state)

    @impl
    def handle_cast(self, request: Any, state: Any) -> NoReply[Any]:
        if len(state.working) < MOST_WORKING:
            _, ref = otp.spawn_monitor(_work, state.observing, request, None)
            state.working[ref] = None
        return NoReply(state)

    @impl
    def handle_info(self, message: Any, state: Any) -> NoReply[Any]:
        if type(message) is otp.Down:
            caller = state.working.pop(message.ref, None)
            if caller is not None and message.reason != "normal":
                GenServer.reply(caller, written(Failed("internal_error", "the process that carried it out has ended")))
        elif type(message) is str and message == "sweep":
            state.observing.sweep()
            otp.send_after(SWEEP_S, self.pid, "sweep")
        return NoReply(state)


class _Serving:
    """The state of the server, with the caller of each working process."""

    __slots__ = ("observing", "working")

    def __init__(self, observing: Observing) -> None:
        self.observing = observing
        self.working: dict[otp.Ref, otp.From | None] = {}


async def _work(observing: Observing, request: object, caller: otp.From | None) -> None:
    """Execute one request."""
    later: list[Callable[[], object]] = []
    try:
        answer = written(await observing.answer(read_request(request), later))
    except ValueError as error:
        answer = written(Failed("malformed_request", str(error)))
    except Exception as error:
        log.exception("a request was not answered; this is a bug in SuperLearner, please report it")
        answer = written(Failed("internal_error", repr(error)[:500]))
    if caller is not None:
        GenServer.reply(caller, answer)
    if later:
        await asyncio.sleep(0)  # the turn of the loop in which the answer gets into the connection
        await asyncio.sleep(0)  # one to spare: a connection may pass it on
        for do in later:
            do()
