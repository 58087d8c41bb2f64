"""A class of static functions of an answer, called by a check, which says what is wrong with what they return."""

# What learners define has no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

import inspect
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import otp
from otp.testing import RealIONotSimulated
from superlearner.course.engine.by_hand import NEAR
from superlearner.course.engine.ends import raised
from superlearner.course.engine.values import apart, render, same
from superlearner.course.engine.verdict import Wrong

if TYPE_CHECKING:
    from superlearner.course.engine.scenario import Scenario

__all__ = ["Part"]


class Part:
    """A class of the answer, and what to say if one of its functions fails.

    Args:
        s: the scenario.
        name: that of the class.
        awaited: the functions that are awaited.
        plain: those that return at once.
    """

    def __init__(self, s: Scenario, name: str, awaited: Collection[str], plain: Collection[str] = ()) -> None:
        self.s = s
        self.name = name
        self.owner: Any = s.need(name)
        self._plain = plain
        for function in (*awaited, *plain):
            s.expect(callable(getattr(self.owner, function, None)), f"expected {name}.{function}(…), got none")

    def described(self, function: str, args: tuple[Any, ...], options: dict[str, Any]) -> str:
        """Return a call in words."""
        given = [*map(self.s.describe, args), *(f"{key}={render(value)}" for key, value in options.items())]
        return f"{self.name}.{function}({', '.join(given)})"

    def made(self, function: str, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """Return what the call of a function returns, before it is awaited."""
        try:
            return self.s.member(self.owner, function)(*args, **options)
        except TypeError as error:
            line = self.s.line_of_reason(error) or self.s.line_of(self.name, function)
            raise Wrong(f"{line}{self.described(function, args, options)} raised TypeError: {error}") from None
        except RealIONotSimulated as error:
            raise raised(f"{self.s.line_of_reason(error)}{self.described(function, args, options)}", error) from None

    async def __call__(self, function: str, *args: Any, **options: Any) -> Any:
        """Return what a function returns."""
        said, made = self.described(function, args, options), self.made(function, args, options)
        if function not in self._plain:
            return await self.s.asked(said, made)
        if inspect.iscoroutine(made):
            made.close()
            raise Wrong(f"{said} should return at once: write `def {function}`, without `async`")
        return made

    async def gives(self, wanted: Any, function: str, *args: Any, m: str | None = None, **options: Any) -> None:
        """Raise `Wrong` unless a function returns this value."""
        got = await self(function, *args, **options)
        if same(got, wanted):
            return
        expected, instead = apart(wanted, got)
        say = f"expected {self.described(function, args, options)} to return {expected}, got {instead}"
        self.s.same(got, wanted, self.s.worded(say), m)

    async def raises(
        self, kind: type[Exception], function: str, *args: Any, at: float = 0, m: str | None = None, **options: Any
    ) -> Any:
        """Return the exception that a function raises; raise `Wrong` unless it is one of this kind, at this time."""
        said, begun = self.described(function, args, options), otp.monotonic()
        wanted = f"expected {said} to raise {kind.__name__}"
        try:
            got = await self.made(function, args, options)
        except kind as error:
            took = otp.monotonic() - begun
            self.s.expect(abs(took - at) < NEAR, f"{wanted} after {at:g} s, got it after {took:.3g} s", m)
            return error
        except Wrong:
            raise
        except Exception as error:
            line = self.s.line_of_reason(error)
            if isinstance(error, RealIONotSimulated):
                raise raised(f"{line}{said}", error) from None
            raise Wrong(f"{line}{wanted}, got {type(error).__name__}: {error}", m) from None
        raise Wrong(self.s.worded(f"{wanted}, but it returned {render(got)}"), m)
