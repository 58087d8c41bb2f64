"""The client functions of a server class that an answer defines: calls, which are awaited, and casts.

>>> from superlearner.course.engine.client import ways_in_words
>>> ways_in_words(["call", "cast"])
'a call, then a cast'
"""

# What learners define has no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

import otp
from otp import GenServer
from superlearner.course.engine.by_hand import ANYTHING, NEAR
from superlearner.course.engine.ends import WAITS, raised
from superlearner.course.engine.values import apart, render
from superlearner.course.engine.verdict import Wrong

if TYPE_CHECKING:
    from superlearner.course.engine.scenario import Scenario

__all__ = ["Client", "Served", "ways_in_words"]

WAYS: Final = {"call": "a call", "cast": "a cast", "info": "a plain message"}


def ways_in_words(ways: Iterable[str]) -> str:
    """Return the messages that a function sends, in words."""
    return ", then ".join(WAYS[way] for way in ways) or "no message"


class Client:
    """A server class of an answer; `Scenario.client` makes it.

    Args:
        s: the scenario.
        name: that of the class.
        calls: the functions that wait for an answer.
        casts: the functions that wait for nothing.
    """

    def __init__(self, s: Scenario, name: str, calls: Sequence[str], casts: Sequence[str]) -> None:
        self.s = s
        self.name = name
        self.server_class: Any = s.need(name)
        if not isinstance(self.server_class, type) or not issubclass(self.server_class, GenServer):
            raise Wrong(f"{s.line_of(name)}expected {name} to be a server, class {name}(GenServer)")
        self.functions = {each: s.member(self.server_class, each) for each in (*calls, *casts)}
        self.casts = frozenset(casts)
        self._seen: dict[str, tuple[list[str], bool, int, int]] = {}

    async def start(self, *args: Any, called: str = "server", by: str = "start") -> Served:
        """Start a server with these arguments, and return it.

        Args:
            args: those of the start function.
            called: the name of the server in sentences and excerpts.
            by: the start function.
        """
        what = f"{self.name}.{by}({', '.join(map(self.s.describe, args))})"
        make = self.s.member(self.server_class, by)
        pid = await (self.s.start_linked if by == "start_link" else self.s.start)(what, make(*args), called)
        return Served(self, pid)

    async def supervised(self, *args: Any, **supervision: Any) -> Served:
        """Start a server as the only child of a supervisor, and return it; arguments as of `Scenario.supervise`."""
        supervisor = await self.s.supervise(self.server_class.child_spec(*args), **supervision)
        (pid,) = (await self.s.children(supervisor)).values()
        return Served(self, pid, supervisor)

    def saw(self, function: str, ways: list[str], waits: bool, since: int) -> None:
        """Account for one use of a function: the messages that it sent, and whether it is awaited."""
        known = self._seen.get(function)
        if known is None or (known[0] == ["cast"] and not known[1]):
            self._seen[function] = ways, waits, since, self.s.mark()

    def kinds(self) -> None:
        """Raise `Wrong` unless each function that was used is a call or a cast as the contract says."""
        for function, (ways, waits, since, until) in self._seen.items():
            wanted = "cast" if function in self.casts else "call"
            if set(ways) != {wanted}:
                self.s.show(since, until)
                waits_for = "nothing: send one cast" if wanted == "cast" else "an answer: send one call"
                raise Wrong(f"`{function}` sends {ways_in_words(ways)}, but its user waits for {waits_for}", "M14")
            if wanted == "cast" and waits:
                say = f"`{function}` has to be awaited, but a cast waits for nothing"
                raise Wrong(f"{say}: write `def {function}`, without `async`", "M14")


class Served:
    """A server of an answer. Its client functions are awaited here, calls and casts.

    `await server.get("a", gives=1)` raises `Wrong` unless the answer is 1 and comes at once. `at` is the number of
    seconds after which it has to come, and `m` the misconception that another value shows.

    Args:
        client: the functions.
        pid: of the server.
        supervisor: its supervisor, if it has one.
    """

    def __init__(self, client: Client, pid: otp.Pid, supervisor: otp.Pid | None = None) -> None:
        self.pid = pid
        self._client = client
        self._s = client.s
        self.supervisor = supervisor

    def __getattr__(self, function: str) -> Callable[..., Awaitable[Any]]:
        """Return a client function of this server."""
        if function not in self._client.functions:
            raise AttributeError(f"expected a function of {sorted(self._client.functions)}, got {function}")

        async def use(*args: Any, gives: Any = ANYTHING, at: float | None = 0.0, m: str | None = None) -> Any:
            return await self._use(function, args, gives, at, m)

        return use

    async def _use(self, function: str, args: tuple[Any, ...], gives: Any, at: float | None, m: str | None) -> Any:
        s, begun, since = self._s, otp.monotonic(), self._s.mark()
        what = f"{function}({', '.join(('server', *map(render, args)))})"
        try:
            made = self._client.functions[function](self.pid, *args)
        except Exception as error:
            raise raised(f"{s.line_of_reason(error)}{what}", error) from None
        cast = function in self._client.casts
        if cast and not inspect.isawaitable(made):
            value = None
        elif cast:
            value = await s.settled(what, made, self.pid)
        else:
            value = await self._answer(what, made, begun + (at or 0))
        ways = [event.data["way"] for event in s.trace.sent(self.pid, since) if event.pid == otp.self()]
        if cast and not ways:
            raise Wrong(f"{what} sends no message to the server: expected one cast")
        self._client.saw(function, ways, inspect.isawaitable(made), since)
        took = otp.monotonic() - begun
        due = "at once" if not at else f"after {at:g} s"
        untimely = Wrong(f"expected an answer to {what} {due}, got it after {took:.3g} s", "P1", WAITS)
        if at is not None and not cast and took > at + NEAR:  # a late answer is often another one as well
            raise untimely
        if gives is not ANYTHING:
            wanted, instead = apart(gives, value)
            s.same(value, gives, f"expected {what} to answer {wanted}, got {instead}", m)
        if at is not None and not cast and took < at - NEAR:
            raise untimely
        return value

    async def _answer(self, what: str, made: Any, due: float) -> Any:
        begun = otp.monotonic()
        try:
            return await self._s.asked(what, made, self.pid)
        except Wrong as wrong:
            now = otp.monotonic()
            if wrong.misconception == "M31" and now < due - NEAR:
                gave_up = f"{what} gave up after {now - begun:g} s, but its answer may take longer"
                raise Wrong(f"{gave_up}: which timeout has the call?") from None
            raise

    async def killed(self) -> Served:
        """Kill the server, and return the one that its supervisor starts in its place."""
        assert self.supervisor is not None
        await self._s.kill(self.pid)
        living = list((await self._s.children(self.supervisor)).values())
        self._s.expect(len(living) == 1 and living[0] != self.pid, "expected a new process after the kill")
        return Served(self._client, living[0], self.supervisor)
