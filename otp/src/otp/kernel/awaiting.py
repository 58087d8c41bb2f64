"""Waiting for a registered name of a node, or for a key of a registry.

The events of a node report its registered names. A `via` object that supports waiting has a method `__otp_watch__(node,
settle) -> stop`, which calls `settle` with the first process that has the name.
"""

# Names are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from otp.kernel.errors import BadArgument
from otp.kernel.kept import bounded_text
from otp.kernel.names import check_name, find_node, is_name_and_node
from otp.kernel.scheduler import nanoseconds
from otp.kernel.spending import spend
from otp.kernel.states import DEAD

if TYPE_CHECKING:
    from otp.kernel.node import Node
    from otp.kernel.pids import Pid
    from otp.kernel.tracing import Event

__all__ = ["Settle", "wait_registered", "watch_end"]

_WHAT = "node.wait_registered(name)"


Settle: TypeAlias = "Callable[[Pid | BadArgument], None]"
"""Ends a wait: with the holder of the name, or with the error that says why there will be none."""


async def wait_registered(node: Node, name: Any, timeout: Any) -> Pid:
    """Wait until a process has the name; see `Node.wait_registered`."""
    limit = nanoseconds(timeout, "wait_registered(timeout=…)", infinite=True)
    node._check_life(_WHAT, also_after=True)
    node._s.check_thread(_WHAT, "node.call_from_thread(node.wait_registered(name))")
    other = find_node(name[1], _WHAT) if is_name_and_node(name) else None
    if other is not None and other is not node:
        if type(other) is not type(node):
            raise BadArgument(f"{_WHAT}: node {name[1]!r} is elsewhere; expected a node of this event loop, try there")
        return await wait_registered(other, name[0], timeout)
    if other is not None:
        name = name[0]
    future: asyncio.Future[Pid] = node._s.loop.create_future()

    def settle(found: Pid | BadArgument) -> None:
        if future.done():
            return
        if isinstance(found, BadArgument):
            future.set_exception(found)
        else:
            future.set_result(found)

    stop = _watch(node, name, settle)
    if future.done():
        await spend()
    try:
        async with asyncio.timeout(None if limit is None or future.done() else limit / 1e9):
            return await future
    except TimeoutError:
        raise TimeoutError(f"no process took the name {name!r} within {timeout} s") from None
    finally:
        stop()


def _watch(node: Node, name: Any, settle: Settle) -> Callable[[], None]:
    """Report the first holder of a name; call the result to stop."""
    watch = None if isinstance(name, (str, type)) else getattr(name, "__otp_watch__", None)
    if watch is not None:
        return watch(node, settle)
    if hasattr(name, "whereis") and not isinstance(name, type):
        raise BadArgument(f"{_WHAT}: expected a name or Registry.via(…), got {bounded_text(name)}")
    check_name(name, _WHAT)
    found = node._names.get(name)
    if found is not None and found._st != DEAD:
        settle(found)
        return _nothing

    def seen(event: Event) -> None:
        if event.data["name"] == name and event.pid is not None:
            settle(event.pid)

    return watch_end(node, settle, seen)


def watch_end(node: Node, settle: Settle, seen: Callable[[Event], None] | None = None) -> Callable[[], None]:
    """Report the end of a node, and until then each new name to `seen`; call the result to stop."""

    def ended() -> None:
        settle(BadArgument(f"{_WHAT}: node {node.name!r} is closed; no process can take a name there"))

    if node._life == "closed":
        ended()
        return _nothing
    subscription = node.subscribe(seen or _nothing, kinds={"registered"} if seen else ())
    subscription.on_node_end = ended
    return subscription.close


def _nothing(_event: Event | None = None) -> None:
    """Do nothing."""
