"""Connections that asyncio accepts, or whose handler it runs, when the process that listens ends."""

from __future__ import annotations

import sys
from functools import partial
from typing import Any, Final

__all__ = ["close_when_cancelled", "is_accepted", "refuse"]

_CLOSES_CONNECTIONS: Final = sys.version_info >= (3, 13)
_HANDLER_ENDED: Final = "StreamReaderProtocol.connection_made.<locals>.callback"


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
