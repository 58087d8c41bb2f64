"""Functions of an answer that are called in a process of their own, and an inbox that keeps what is sent to it.

`call = s.caller().call("get", store, "a")` calls `get(store, "a")` of the answer; `await call.returns(1)` then raises
`Wrong` unless it returns 1 at once. The process stays, so its mailbox, monitors and links can be compared with those
before, and the next function is called in the same process.
"""

# What learners define has no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

import asyncio
import inspect
from types import CoroutineType
from typing import TYPE_CHECKING, Any

import otp
from otp.testing import RealIONotSimulated
from superlearner.control.missing_awaits import function_name
from superlearner.course.engine.by_hand import ANYTHING, LATE, NEAR
from superlearner.course.engine.ends import raised as fault_of
from superlearner.course.engine.values import apart, render, same
from superlearner.course.engine.verdict import Wrong

if TYPE_CHECKING:
    from superlearner.course.engine.scenario import Scenario

__all__ = ["Called", "Caller", "Inbox"]


class Called:
    """A call of a function of the answer, and what became of it.

    Args:
        caller: the process in which it runs.
        said: the call in sentences.
    """

    def __init__(self, caller: Caller, said: str) -> None:
        self.said = said
        self.done = False
        self.value: Any = None
        self.error: BaseException | None = None
        self._caller = caller
        self._s = caller.s
        self._begun = otp.monotonic()
        self._ended = 0.0

    def end(self, value: Any = None, error: BaseException | None = None) -> None:
        """Account for the end of the call."""
        self.done, self.value, self.error, self._ended = True, value, error, otp.monotonic()

    async def returns(
        self,
        value: Any = ANYTHING,
        at: float = 0.0,
        m: str | None = None,
        late: str | None = None,
        never: str | None = None,
        raised: str | None = None,
    ) -> Any:
        """Return what it returns; raise `Wrong` unless it is this value at this time.

        Args:
            value: the expected value.
            at: seconds after the call; 0 is at once.
            m: the misconception that another value shows; by default that of the step.
            late: that of a call that returns too late.
            never: that of a call that does not return at all.
            raised: that of a call that raises an exception.
        """
        await self._wait(at, late, never)
        if isinstance(self.error, Wrong):
            raise self.error
        if isinstance(self.error, otp.ServerDown):
            reason = self.error.cause_reason
            raise self._s.end_of(f"{self.said}: the server ended: ", reason)
        if self.error is not None:
            said = f"{self._s.line_of_reason(self.error)}{self.said}"
            raise fault_of(said, self.error, self._error(), raised)
        for part in self.value if type(self.value) is tuple else (self.value,):
            if inspect.iscoroutine(part):
                raise self._not_awaited(part)
        if value is not ANYTHING and not same(self.value, value):
            wanted, instead = apart(value, self.value)
            said = f"expected {self.said} to return {wanted}, got {instead}"
            self._s.same(self.value, value, self._s.worded(said), m)
        self._early(at)
        return self.value

    async def raises(
        self,
        kind: type[BaseException],
        at: float = 0.0,
        m: str | None = None,
        late: str | None = None,
        *,
        early: bool = False,
    ) -> Any:
        """Return the exception that it raises; raise `Wrong` unless it is one of this kind, at this time.

        Args:
            kind: the class of the exception.
            at: seconds after the call; 0 is at once.
            m: the misconception of a call that does not raise it; by default that of the step.
            late: the misconception of a call that ends too late.
            early: it may also raise before that.
        """
        await self._wait(at, late, late)
        if isinstance(self.error, Wrong):
            raise self.error
        if not isinstance(self.error, kind):
            self._expect_simulated()
            line = "" if self.error is None else self._s.line_of_reason(self.error)
            self._s.expect(False, f"{line}expected {self.said} to raise {kind.__name__}, but it {self._became()}", m)
        if not early:
            self._early(at)
        return self.error

    async def waits(self, say: str = "", m: str | None = None) -> None:
        """Raise `Wrong` if it has ended by now."""
        await self._s.settle()
        self._expect_simulated()
        self._s.expect(not self.done, say or f"expected {self.said} to wait, but it {self._became()}", m)

    async def _wait(self, at: float, late: str | None, never: str | None) -> None:
        """Wait until it should have ended; raise `Wrong` if it has not, or if its process has."""
        wait = self._begun + at - otp.monotonic()
        await (self._s.advance(wait + NEAR) if at and wait > -NEAR else self._s.settle())
        if self.done:
            return
        due = f"after {at:g} s" if at else "at once"
        self._caller.lives(self.said)
        await self._s.advance(LATE)
        self._caller.lives(self.said)
        if not self.done:
            raise Wrong(f"expected {self.said} to end {due}, but it still waits after {LATE + at:g} s", never)
        raise Wrong(f"expected {self.said} to end {due}, got it after {self._ended - self._begun:.3g} s", late)

    def _expect_simulated(self) -> None:
        """Raise `Wrong` if the call really slept, or used a thread."""
        if isinstance(self.error, RealIONotSimulated):
            raise fault_of(f"{self._s.line_of_reason(self.error)}{self.said}", self.error)

    def _early(self, at: float) -> None:
        took = self._ended - self._begun
        if at - took > NEAR:
            raise Wrong(f"expected {self.said} to end after {at:g} s, got it after {took:.3g} s")

    def _not_awaited(self, coroutine: CoroutineType[Any, Any, Any]) -> Wrong:
        """Return the fault of a function that returned a coroutine."""
        origin = coroutine.cr_origin
        coroutine.close()
        line = f"line {origin[0][1]}: " if origin and origin[0][0] == self._s.answer.__file__ else ""
        return Wrong(
            f"{line}{self.said} returned a coroutine: `await` is missing before the call of {function_name(coroutine)}"
        )

    def _became(self) -> str:
        if not self.done:
            return "still waits"
        return (
            f"returned {render(self.value)}"
            if self.error is None
            else f"raised {type(self.error).__name__}: {self._error()}"
        )

    def _error(self) -> str:
        return self._s.worded(str(self.error))


class Caller:
    """A process that calls functions of the answer; `Scenario.caller` makes it.

    Args:
        s: the scenario.
        name: of the process in sentences and excerpts.
    """

    def __init__(self, s: Scenario, name: str) -> None:
        self.s = s
        self.pid: otp.Pid = s.name(otp.spawn(self._main), name)
        self.called = name
        self._orders: asyncio.Queue[tuple[Called, Any, tuple[Any, ...], dict[str, Any], bool]] = asyncio.Queue()

    @property
    def messages(self) -> list[Any]:
        """Return the messages that wait in its mailbox, oldest first."""
        return list(otp.process_info(self.pid, "messages") or ())

    def call(self, name: str, *args: Any, awaited: bool = True, **options: Any) -> Called:
        """Call a function of the answer in this process, after those before.

        Args:
            name: that of the function.
            args: its arguments.
            awaited: it is an async function; False: it is a plain one, and returns at once.
            options: more arguments, by name.
        """
        function = self.s.need(name)
        if not callable(function):
            raise Wrong(f"expected {name} to be a function, got {render(function)}")
        shown = [*map(self.s.describe, args), *(f"{key}={self.s.describe(each)}" for key, each in options.items())]
        called = Called(self, f"{name}({', '.join(shown)})")
        self.s.happens(f"calls {called.said}", self.pid)
        self._orders.put_nowait((called, function, args, options, awaited))
        return called

    def lives(self, said: str) -> None:
        """Raise `Wrong` if the process has ended: `said` ended it."""
        if not otp.is_alive(self.pid):
            reason = self.s.reason_of(self.pid)
            found = self.s.end_of(f"{said} ended the process that called it: ", reason)
            linked = (
                "M8" if reason == "noproc" or self.s.ended_before(self.pid) else None
            )  # it may also have ended itself
            raise Wrong(found.say, found.misconception or linked, found.look)

    async def _main(self) -> None:
        while True:
            called, function, args, options, awaited = await self._orders.get()
            try:
                value = function(*args, **options)
                if awaited and inspect.isawaitable(value):
                    value = await value
                elif awaited:
                    raise Wrong(f"expected {called.said} to be awaited; it returned {render(value)} at once")
                elif inspect.iscoroutine(value):
                    value.close()
                    name = called.said.partition("(")[0]
                    raise Wrong(f"{called.said} has to be awaited, but it waits for nothing: write `def {name}`")
            except Exception as error:
                called.end(error=error)
            else:
                called.end(value)


class Inbox:
    """A process that keeps what is sent to it; `Scenario.inbox` makes it.

    Args:
        s: the scenario.
        name: of the process in sentences and excerpts.
    """

    def __init__(self, s: Scenario, name: str) -> None:
        self.s = s
        self.pid: otp.Pid = s.name(otp.spawn(self._main), name)
        self.called = name
        self._got: list[Any] = []

    async def news(self) -> list[Any]:
        """Return the messages that have arrived since it was last asked, oldest first."""
        await self.s.settle()
        got, self._got = self._got, []
        return got

    def asks(self, pid: otp.Pid, *request: Any) -> otp.Ref:
        """Send a request, `(tag, …)` without sender and reference, and return its reference."""
        ref = self.s.name_ref(otp.make_ref(), "ref")
        otp.send(pid, (*request, self.pid, ref))
        return ref

    async def has(self, wanted: list[Any], say: str, m: str | None = None) -> None:
        """Raise `Wrong` unless exactly these messages have arrived since it was last asked."""
        got = await self.news()
        shown = ", ".join(self.s.worded(render(each)) for each in got) or "nothing"
        if len(got) != len(wanted) or not all(map(self._alike, got, wanted)):
            self.s.expect(False, f"{say}, got {shown}", m)

    def _alike(self, got: Any, wanted: Any) -> bool:
        if type(got) is tuple and type(wanted) is tuple and len(got) == len(wanted) and got:
            return all(map(self._alike, got, wanted))
        return got is wanted if isinstance(wanted, otp.Ref | otp.Pid) else same(got, wanted)

    async def _main(self) -> None:
        while True:
            message = await otp.receive()
            self._got.append(message)
