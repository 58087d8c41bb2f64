"""Agent: a process that keeps a value and runs the functions that read or change it.

>>> import otp
>>> from otp import Agent
>>> async def main():
...     basket = await Agent.start_link(dict, name="basket")
...     await Agent.update("basket", lambda fruits: fruits | {"apples": 3})
...     return await Agent.get(basket, lambda fruits: fruits["apples"])
>>> otp.run(main)
3

Functions run in the agent one after the other; while an async one waits, all others wait. Long work that
needs no exclusive access to the state belongs in the caller, on what `get` returned. A function that raises ends the
agent and the call.

Values are passed by reference: build a new value in `update` (`fruits | {…}`, not `fruits["apples"] = 3`), so that
callers which hold the old one do not see it change.

Source: Elixir's `Agent`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, TypeVar, overload

from otp.behaviours.server.behaviour import impl
from otp.behaviours.server.child_spec import Startable
from otp.behaviours.server.gen_server import GenServer, stop
from otp.kernel.steps.calling import call, cast
from otp.kernel.steps.node import Node
from otp.kernel.steps.starting import start_server
from otp.kernel.tables.callers import From
from otp.kernel.values.errors import BadArgument
from otp.kernel.values.pids import Pid
from otp.kernel.values.results import NoReply, Ok, Reply, Stop

if TYPE_CHECKING:
    from otp.kernel.values.terms import Dest, GivenName, Limit

__all__ = ["Agent"]

T = TypeVar("T")


class Agent(Startable):
    """A process that keeps a value.

    Start it with `start_link` and use it by pid or name.

    >>> import otp
    >>> async def main():
    ...     await Agent.start_link(lambda: 1, name="next number")
    ...     return [await Agent.get_and_update("next number", lambda n: (n, n + 1)) for _ in range(3)]
    >>> otp.run(main)
    [1, 2, 3]

    As a child: `(Agent, fn)`, or `Agent.child_spec(fn, name="basket")`.
    """

    __slots__ = ()

    @classmethod
    async def start_link(cls, fn: Callable[[], Any], *, name: GivenName = None, timeout: Limit = "infinity") -> Pid:
        """Start an agent, linked with the calling process, whose state is what `fn()` returns.

        A failed start ends the caller through the link, even if it catches the error: see `GenServer.start_link`.

        Args:
            fn: a function without arguments, plain or async, run in the agent.
            name: a name to register, or `Registry.via(…)`.
            timeout: seconds `fn` may take; then `StartError("timeout")`.

        Raises:
            StartError: `fn` raised; `.reason` is the agent's exit reason.
            AlreadyStarted: the name is taken.

        Source: Elixir's `Agent.start_link/2`.
        """
        return await _start(cls, fn, name=name, link=True, timeout=timeout)

    @classmethod
    async def start(cls, fn: Callable[[], Any], *, name: GivenName = None, timeout: Limit = "infinity") -> Pid:
        """Start an agent without a link, also from outside a process.

        Otherwise like `start_link`.

        >>> import otp
        >>> async def main():
        ...     return await Agent.get(await Agent.start(lambda: 42), lambda state: state)
        >>> otp.run(main)
        42
        """
        return await _start(cls, fn, name=name, timeout=timeout)

    @classmethod
    async def __otp_start_on__(cls, node: Node, arg: Any = None, *, name: GivenName = None) -> Pid:
        """Start an agent that a node owns."""
        return await _start(cls, arg, name=name, node=node)

    @overload
    @staticmethod
    async def get(agent: Dest, fn: Callable[[Any], Awaitable[T]], timeout: Limit = 5) -> T: ...
    @overload
    @staticmethod
    async def get(agent: Dest, fn: Callable[[Any], T], timeout: Limit = 5) -> T: ...
    @staticmethod
    async def get(agent: Dest, fn: Callable[[Any], Any], timeout: Limit = 5) -> Any:
        """Run `fn(state)` in the agent and return what it returns.

        Raises like `GenServer.call`: `CallTimeout` after `timeout` seconds, `NoProcess`, `ServerDown`.
        Source: Elixir's `Agent.get/3`.

        >>> import otp
        >>> async def main():
        ...     return await Agent.get(await Agent.start_link(lambda: [1, 2]), sum)
        >>> otp.run(main)
        3
        """
        return await call(agent, ("get", _checked(fn, "get(agent, fn)")), timeout)

    @staticmethod
    async def update(agent: Dest, fn: Callable[[Any], Any], timeout: Limit = 5) -> None:
        """Replace the state by `fn(state)`, and return when that is done.

        Raises like `get`. Source: Elixir's `Agent.update/3`.

        >>> import otp
        >>> async def main():
        ...     agent = await Agent.start_link(lambda: 1)
        ...     await Agent.update(agent, lambda n: n + 1)
        ...     return await Agent.get(agent, lambda n: n)
        >>> otp.run(main)
        2
        """
        await call(agent, ("update", _checked(fn, "update(agent, fn)")), timeout)

    @overload
    @staticmethod
    async def get_and_update(agent: Dest, fn: Callable[[Any], Awaitable[tuple[T, Any]]], timeout: Limit = 5) -> T: ...
    @overload
    @staticmethod
    async def get_and_update(agent: Dest, fn: Callable[[Any], tuple[T, Any]], timeout: Limit = 5) -> T: ...
    @staticmethod
    async def get_and_update(agent: Dest, fn: Callable[[Any], Any], timeout: Limit = 5) -> Any:
        """Run `fn(state)`, which returns `(answer, new_state)`, and return the answer.

        Any other result ends the agent with `("bad_return_value", …)`. Raises like `get`.
        Source: Elixir's `Agent.get_and_update/3`.

        >>> import otp
        >>> async def main():
        ...     tickets = await Agent.start_link(lambda: 1)
        ...     return [await Agent.get_and_update(tickets, lambda n: (n, n + 1)) for _ in "ab"]
        >>> otp.run(main)
        [1, 2]
        """
        return await call(agent, ("get_and_update", _checked(fn, "get_and_update(agent, fn)")), timeout)

    @staticmethod
    def cast(agent: Dest, fn: Callable[[Any], Any]) -> None:
        """Replace the state by `fn(state)` later, without waiting.

        A missing agent is not an error.

        Source: Elixir's `Agent.cast/2`.
        """
        cast(agent, ("cast", _checked(fn, "cast(agent, fn)")))

    @staticmethod
    async def stop(agent: Dest, reason: Any = "normal", timeout: Limit = "infinity") -> None:
        """Stop the agent and wait until it and its child tasks have ended; raises like `GenServer.stop`."""
        await stop(agent, reason, timeout)


class _AgentServer(GenServer[Any]):
    """The server of an agent (Elixir's `Agent.Server`)."""

    __slots__ = ()

    @impl
    def init(self, arg: Callable[[], Any]) -> Any:
        return _then(arg(), Ok)

    @impl
    def handle_call(self, request: Any, caller: From, state: Any) -> Any:
        match request:
            case ("get", fn):
                return _then(fn(state), lambda value: Reply(value, state))
            case ("update", fn):
                return _then(fn(state), lambda new: Reply("ok", new))
            case ("get_and_update", fn):
                return _then(fn(state), lambda pair: _both(pair, state))
            case _:
                return super().handle_call(request, caller, state)

    @impl
    def handle_cast(self, request: Any, state: Any) -> Any:
        match request:
            case ("cast", fn):
                return _then(fn(state), NoReply)
            case _:
                return super().handle_cast(request, state)

    @impl
    def code_change(self, old_vsn: Any, state: Any, extra: Any) -> Any:
        return _then(extra(state), Ok) if callable(extra) else Ok(state)


def _both(pair: Any, state: Any) -> Any:
    match pair:
        case (answer, new) if isinstance(pair, tuple):
            return Reply(answer, new)
        case _:
            return Stop(("bad_return_value", pair), state)


def _then(value: Any, result: Callable[[Any], Any]) -> Any:
    """Return the result for a value, or for what an async function will return."""
    return _when(value, result) if isawaitable(value) else result(value)


async def _when(value: Awaitable[Any], result: Callable[[Any], Any]) -> Any:
    return result(await value)


async def _start(cls: type[Agent], fn: Any, **options: Any) -> Pid:
    return await start_server(cls, _checked(fn, "start_link(fn)"), handler=_AgentServer(), **options)


def _checked(fn: Any, what: str) -> Callable[..., Any]:
    if not callable(fn):
        raise BadArgument(f"Agent.{what}: expected a function, got {fn!r:.200}; try lambda: {fn!r:.50}")
    return fn
