"""Sockets of `asyncio.start_server` whose process has ended: closes listeners and connections.

asyncio closes neither: the loop keeps a listener open although no code can reach it, so the next process cannot bind
its port.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Container
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from otp.kernel.process import OWNER, Process

if TYPE_CHECKING:
    from otp.kernel.scheduler import Scheduler

__all__ = ["close_listeners", "close_when_cancelled", "is_accepted", "refuse"]

_WITH_HANDLER: Final = asyncio.StreamReaderProtocol
_CLOSES_CONNECTIONS: Final = sys.version_info >= (3, 13)
_HANDLER_ENDED: Final = "StreamReaderProtocol.connection_made.<locals>.callback"


def close_listeners(s: Scheduler, ended: Container[Process]) -> list[Process]:
    """Close the servers of asyncio that processes have opened, and return those processes.

    Connections that have a protocol but no handler are closed as well. uvloop and Windows show neither.
    """
    listened: list[Process] = []
    selector: Any = getattr(s.loop, "_selector", None)
    sockets: Any = selector.get_map() if hasattr(selector, "get_map") else {}
    for key in list(sockets.values()):
        data: Any = key.data  # the handles of reader and writer, unless it is the selector's own socket
        reader = data and data[0]
        if not reader:
            continue
        owner: Any = reader._context.get(OWNER)
        if owner not in ended:
            continue
        if getattr(reader._callback, "__name__", "") == "_accept_connection":
            listened.append(owner)
            reader._args[3].close()
            continue
        transport: Any = getattr(reader._callback, "__self__", None)
        if getattr(transport, "_server", None) is not None and not isinstance(transport.get_protocol(), _WITH_HANDLER):
            transport.close()
    return listened


def _is_acceptance(coro: Any) -> bool:
    """Return whether a coroutine is the one in which asyncio accepts a connection."""
    return getattr(coro, "__name__", "") == "_accept_connection2"


def is_accepted(coro: Any) -> bool:
    """Return whether a coroutine has accepted a connection and is about to get its handler."""
    return _is_acceptance(coro) and coro.cr_frame.f_locals.get("transport") is not None


def refuse(coro: Any) -> bool:
    """Close the socket of a connection that asyncio is about to accept.

    Returns False for other coroutines. asyncio cannot accept it any more: its server is closed.
    """
    if not _is_acceptance(coro):
        return False
    coro.cr_frame.f_locals["conn"].close()
    return True


def close_when_cancelled(task: Any) -> None:
    """Close the connection of a task that is about to be cancelled and accepts or handles one.

    Python 3.13 closes the connection of a handler. Earlier versions leave it open and log an error.
    """
    if not refuse(task.get_coro()) and not _CLOSES_CONNECTIONS:
        for callback, context in task._callbacks or ():
            if getattr(callback, "__qualname__", "") == _HANDLER_ENDED:
                task.remove_done_callback(callback)
                task.add_done_callback(partial(_handler_ended, callback), context=context)


def _handler_ended(callback: Any, task: Any) -> None:
    if task.cancelled():
        variables = dict(zip(callback.__code__.co_freevars, callback.__closure__, strict=True))
        variables["transport"].cell_contents.close()
    else:
        callback(task)
