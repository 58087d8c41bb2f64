"""GenServer: a process that keeps a state and answers requests, one at a time.

Five lines are a server:

>>> import otp
>>> from otp import GenServer, Ok, Reply, impl
>>> class Counter(GenServer[int]):
...     @impl
...     def init(self, arg):
...         return Ok(arg)
...
...     @impl
...     def handle_call(self, request, caller, state):
...         return Reply(state, state + 1)
>>> async def main():
...     counter = await Counter.start_link(41)
...     await GenServer.call(counter, "next")
...     return await GenServer.call(counter, "next")
>>> otp.run(main)
42

State is passed in and returned; `self` holds none. `async def` callbacks may wait; meanwhile the server is busy, as in
Erlang. Source: Erlang/OTP, stdlib, `gen_server`; Elixir's `GenServer`.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any, Final, Generic, TypeAlias, TypeVar, overload

from otp.behaviours.server.behaviour import Behaviour, advise_callback, callback, find_misplaced, optional_callback
from otp.behaviours.server.child_spec import Startable
from otp.behaviours.server.multi_call import abcast, multi_call
from otp.behaviours.server.positional import positional
from otp.behaviours.server.request import Request
from otp.kernel.ends.mailbox import reply as send_reply
from otp.kernel.steps import calling
from otp.kernel.steps.calls import system_call
from otp.kernel.steps.starting import start_server
from otp.kernel.tables.callers import UNSET, From
from otp.kernel.tables.child_tasks import find_leftover
from otp.kernel.tables.names import resolve
from otp.kernel.tables.scheduler import nanoseconds, spend
from otp.kernel.values.bounded import bounded_text, close_quote
from otp.kernel.values.errors import BadArgument, CallExit, Exit
from otp.kernel.values.messages import unwatch, watch_anywhere
from otp.kernel.values.pids import Pid, Ref
from otp.kernel.values.process import DEAD
from otp.kernel.values.reasons import same, starts_with
from otp.kernel.values.results import Ignore, NoReply, Ok, Reply, Stop

if TYPE_CHECKING:
    from otp.kernel.steps.node import Node
    from otp.kernel.values.terms import Dest, GivenName, Limit, Name

__all__ = ["GenServer"]

S = TypeVar("S")
R = TypeVar("R")

InitResult: TypeAlias = "Ok[S] | Stop[S] | Ignore"
CallResult: TypeAlias = "Reply[S] | NoReply[S] | Stop[S]"
MessageResult: TypeAlias = "NoReply[S] | Stop[S]"
MultiReplies: TypeAlias = "tuple[list[tuple[Node | str, Any]], list[Node | str]]"

logger: logging.Logger = logging.getLogger("otp")

MESSAGE: Final = 60
"""Characters of a message in the error about a missing callback, which events keep whole then."""


class GenServer(Behaviour, Startable, Generic[S]):
    """The base class of servers; only `init` is required.

    A callback gets the state and returns the next one: `self` holds none.

    >>> import otp
    >>> from otp import GenServer, NoReply, Ok, Reply, impl
    >>> class Stack(GenServer[list]):
    ...     @impl
    ...     def init(self, things):
    ...         return Ok(things)
    ...
    ...     @impl
    ...     def handle_call(self, request, caller, things):
    ...         match request, things:
    ...             case "pop", [*rest, top]:
    ...                 return Reply(top, rest)
    ...             case "pop", []:
    ...                 return Reply(None, things)
    ...
    ...     @impl
    ...     def handle_cast(self, thing, things):
    ...         return NoReply([*things, thing])
    >>> async def main():
    ...     await Stack.start_link(["cup"], name="stack")
    ...     GenServer.cast("stack", "plate")
    ...     return [await GenServer.call("stack", "pop") for _ in range(3)]
    >>> otp.run(main)
    ['plate', 'cup', None]
    """

    __slots__ = ()

    @positional
    @callback
    def init(self, arg: Any) -> InitResult[S] | Awaitable[InitResult[S]]:
        """Create the state: `Ok(state)`, `Stop(reason)` or `Ignore()`. Runs in the new process."""
        raise NotImplementedError

    @positional
    @optional_callback
    def handle_call(self, request: Any, caller: From, state: S) -> CallResult[S] | Awaitable[CallResult[S]]:
        """Answer a call: `Reply(value, state)`, `NoReply(state)` (reply later) or `Stop(reason, state, reply=…)`."""
        raise BadArgument(
            f"{type(self).__name__} got the call {_brief(request)}, but has no handle_call; "
            f"{advise_callback(type(self), 'handle_call')}"
        )

    @positional
    @optional_callback
    def handle_cast(self, request: Any, state: S) -> MessageResult[S] | Awaitable[MessageResult[S]]:
        """Handle a cast: `NoReply(state)` or `Stop(reason, state)`."""
        raise BadArgument(
            f"{type(self).__name__} got the cast {_brief(request)}, but has no handle_cast; "
            f"{advise_callback(type(self), 'handle_cast')}"
        )

    @positional
    @optional_callback
    def handle_info(self, message: Any, state: S) -> MessageResult[S] | Awaitable[MessageResult[S]]:
        """Handle any other message, such as `Timeout()` or `ExitSignal`; by default it is logged and dropped."""
        advice = find_misplaced(type(self), "handle_info")
        more = f"; {advice}" if advice else ""
        logger.warning("%s got the unexpected message %s%s", type(self).__name__, bounded_text(message), more)
        return NoReply(state)

    @positional
    @optional_callback
    def handle_continue(self, term: Any, state: S) -> MessageResult[S] | Awaitable[MessageResult[S]]:
        """Continue after `then=Continue(term)`, before any message."""
        raise BadArgument(
            f"{type(self).__name__} returned then=Continue({_brief(term)}), but has no handle_continue; "
            f"{advise_callback(type(self), 'handle_continue')}"
        )

    @positional
    @optional_callback
    def terminate(self, reason: Any, state: S) -> Any:
        """Clean up before the end; not called for a fatal signal unless the process traps exits."""
        return None

    @positional
    @optional_callback
    def code_change(self, old_vsn: Any, state: Any, extra: Any) -> Ok[S] | Awaitable[Ok[S]]:
        """Convert the state of an older version to this one: `Ok(new_state)`; raise to refuse."""
        return Ok(state)

    @positional
    @optional_callback
    def format_status(self, state: S) -> Any:
        """Return what debuggers and crash reports may show of the state."""
        return state

    @positional
    @optional_callback
    def handoff(self, state: S) -> Any:
        """Return the term that `take_over` gets when a `DistributedSupervisor` moves the server to another member.

        Called after the messages before it; no message follows. See `otp.cluster.DistributedSupervisor`.
        """
        return None

    @positional
    @optional_callback
    def take_over(self, arg: Any, term: Any) -> InitResult[S] | Awaitable[InitResult[S]]:
        """Create the state from the term of `handoff`, instead of `init`: `Ok(state)`, `Stop(reason)` or `Ignore()`."""
        return self.init(arg)

    _beyond_otp = frozenset({"handoff", "take_over"})

    for _callback in (terminate, handoff, take_over):
        _callback.__otp_default__ = True  # pyright: ignore[reportFunctionMemberAccess]
    del _callback

    # Starting

    @classmethod
    def start_link(
        cls, arg: Any = None, *, name: GivenName = None, timeout: Limit = "infinity"
    ) -> Coroutine[Any, Any, Pid]:
        """Start the server linked with the calling process and wait for its `init`.

        A failed start ends the caller through the link, even if it catches the error, as in Erlang: to handle a
        `StartError`, use `start`, or trap exits and receive the `ExitSignal`.

        Returns the pid (or `Ignore()` if `init` returned it). Raises `StartError(reason)`; `AlreadyStarted(pid)` if the
        name is taken, which sends no signal.
        """
        return start_server(cls, arg, name=name, link=True, timeout=timeout)

    @classmethod
    def start(cls, arg: Any = None, *, name: GivenName = None, timeout: Limit = "infinity") -> Coroutine[Any, Any, Pid]:
        """Start the server without a link; also from outside a process. The caller can handle a `StartError`."""
        return start_server(cls, arg, name=name, timeout=timeout)

    @classmethod
    def start_monitor(
        cls, arg: Any = None, *, name: GivenName = None, timeout: Limit = "infinity"
    ) -> Coroutine[Any, Any, tuple[Pid, Ref]]:
        """Start the server, monitored by the calling process; return (pid, ref)."""
        return start_server(cls, arg, name=name, monitor=True, timeout=timeout)

    # The client side

    if TYPE_CHECKING:

        @overload
        @staticmethod
        async def call(dest: Dest, request: Request[R], timeout: Limit = ...) -> R: ...
        @overload
        @staticmethod
        async def call(dest: Dest, request: Any, timeout: Limit = ...) -> Any: ...
        @staticmethod
        async def call(dest: Dest, request: Any, timeout: Limit = UNSET) -> Any:
            """Send `request` and wait for the reply (5 s by default)."""

        @staticmethod
        def cast(dest: Dest, request: Any) -> str:
            """Send `request` without waiting; always returns `"ok"`, even if the server does not exist."""
            ...

    else:
        call = staticmethod(calling.call)
        cast = staticmethod(calling.cast)

    @overload
    @staticmethod
    async def multi_call(name: Name, request: Any, /, *, timeout: Limit = ...) -> MultiReplies: ...
    @overload
    @staticmethod
    async def multi_call(
        nodes: Iterable[Node | str] | None, name: Name, request: Any, /, *, timeout: Limit = ...
    ) -> MultiReplies: ...
    @overload
    @staticmethod
    async def multi_call(
        nodes: Iterable[Node | str] | None, name: Name, request: Any, timeout: Limit, /
    ) -> MultiReplies: ...

    @staticmethod
    async def multi_call(*args: Any, timeout: Limit = "infinity") -> MultiReplies:
        """Call the servers named `name` on several nodes at once: `multi_call(nodes, name, request, timeout)`.

        Args:
            nodes: nodes or their names; omitted or None: all reachable nodes, the own one first.
            name: the registered name, the same on each node.
            request: the request for `handle_call`.
            timeout: seconds to wait for all of them; `"infinity"` by default, as in OTP.

        Returns `(replies, bad_nodes)`: pairs `(node, value)`, and the nodes without a reply (no such node, no process
        with the name, the server ended, out of time), each as it was given and in that order. Late replies are dropped.

        >>> import asyncio, otp
        >>> from otp import GenServer, Ok, Reply, impl
        >>> class Disk(GenServer[int]):
        ...     @impl
        ...     def init(self, free):
        ...         return Ok(free)
        ...
        ...     @impl
        ...     def handle_call(self, request, caller, free):
        ...         return Reply(free, free)
        >>> async def main():
        ...     async with otp.Node("a") as a, otp.Node("b") as b, otp.Node("c"):
        ...         await a.start(Disk, 10, name="disk")
        ...         await b.start(Disk, 20, name="disk")
        ...         return await GenServer.multi_call("disk", "free")
        >>> asyncio.run(main())
        ([('a', 10), ('b', 20)], ['c'])

        Difference from OTP: the caller's own server is a bad node at once, where OTP waits until the time-out.
        Source: `gen_server:multi_call/2,3,4`.
        """
        if len(args) == 4:
            return await multi_call(args[:3], args[3])
        return await multi_call(args, timeout)

    @overload
    @staticmethod
    def abcast(name: Name, request: Any, /) -> str: ...
    @overload
    @staticmethod
    def abcast(nodes: Iterable[Node | str] | None, name: Name, request: Any, /) -> str: ...
    @staticmethod
    def abcast(*args: Any) -> str:
        """Cast to the servers named `name` on several nodes: `abcast(nodes, name, request)`; returns `"abcast"`.

        Without `nodes`, or with None, to all reachable nodes. Source: `gen_server:abcast/2,3`.

        >>> import otp
        >>> async def main():
        ...     return GenServer.abcast("nobody", "hello")
        >>> otp.run(main)
        'abcast'
        """
        return abcast(args)

    @staticmethod
    def reply(caller: From, value: Any) -> None:
        """Reply to a call later, from any process; a late or second reply is dropped."""
        if not isinstance(caller, From):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise BadArgument(f"GenServer.reply(caller, value): expected the caller of handle_call, got {caller!r}")
        s = caller.to.runtime.scheduler
        if not s.owned():
            s.check_thread(
                "GenServer.reply(caller, value)", "node.call_from_thread(f()), where `async def f()` does it"
            )
        send_reply(caller, value)

    @staticmethod
    async def stop(dest: Dest, reason: Any = "normal", timeout: Limit = "infinity") -> None:
        """Stop a server and wait until it and its child tasks have ended.

        `terminate` runs.

        Raises `Exit` with the bare reason: `"noproc"`, `"timeout"`, or the other reason with which the server ended.
        """
        await stop(dest, reason, timeout)


async def stop(dest: Dest, reason: Any = "normal", timeout: Limit = "infinity") -> None:
    """Stop any behaviour and wait for its end. See `GenServer.stop`."""
    p = resolve(dest, "stop(dest)")
    if p is None or p.status == DEAD:
        await spend()
        raise Exit("noproc")
    s = p.runtime.scheduler
    s.check_thread("stop(dest)", "node.call_from_thread(GenServer.stop(dest))")
    if s.current is p:
        await spend()
        raise Exit(("calling_self", ("sys", "terminate", [dest, reason, timeout])))
    limit = nanoseconds(timeout, "stop(timeout=…)", infinite=True)
    deadline = None if limit is None else s.now_ns() + limit
    ended = s.loop.create_future()
    ref = watch_anywhere(p, lambda why: ended.done() or ended.set_result(why))
    try:
        try:
            await system_call(p, ("terminate", reason), "infinity" if limit is None else limit / 1e9)
        except CallExit as failed:
            if failed.cause_reason == "timeout":
                raise Exit("timeout") from None
            if starts_with(failed.cause_reason, "nodedown"):
                raise Exit((failed.cause_reason, ("sys", "terminate", [dest, reason, timeout]))) from None
        left = None if deadline is None else max(0, deadline - s.now_ns()) / 1e9
        actual = await _within(s, ended, left)
    finally:
        unwatch(ref)
    await _wait_for_tasks(s, p, deadline)
    if not same(actual, reason):
        raise Exit(actual)


async def _wait_for_tasks(s: Any, p: Any, deadline: int | None) -> None:
    import asyncio

    left = find_leftover(s, p)
    if left is not None:
        await asyncio.wait([left.ended()], timeout=None if deadline is None else max(0, deadline - s.now_ns()) / 1e9)


async def _within(s: Any, future: Any, seconds: float | None) -> Any:
    import asyncio

    try:
        async with asyncio.timeout(seconds):
            return await future
    except TimeoutError:
        raise Exit("timeout") from None


def _brief(message: Any) -> str:
    return close_quote(bounded_text(message, MESSAGE))
