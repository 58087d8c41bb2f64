"""Declarations of exercises and scenarios, in the modules of checks.

>>> @exercise("s00.nothing")
... async def nothing(s):
...     s.step("`answer` is 1")
...     s.same(s.need("answer"), 1)
>>> declared_in({"nothing": nothing})
{'s00.nothing': <function nothing at ...>}
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from superlearner.course.engine.scenario import Scenario

__all__ = [
    "Check",
    "Run",
    "declared_in",
    "exercise",
    "is_inline",
    "is_real",
    "picture",
    "reads_messages",
    "scenario",
    "scenarios_in",
]

Check = Callable[["Scenario"], Awaitable[None]]
Run = Callable[["Scenario"], Awaitable[str]]

EXERCISE: Final = "__exercise__"
READS: Final = "__reads_messages__"
SCENARIO: Final = "__scenario__"
INLINE: Final = "__inline__"
REAL: Final = "__real__"


def exercise(id: str, *, reads_messages: bool = False) -> Callable[[Check], Check]:
    """Declare a function as the check of an exercise. It is called once for each seed, with a `Scenario`.

    Args:
        id: that of the exercise.
        reads_messages: the check reads messages even if the answer is right; recording them takes a third of the time.
    """

    def declare(check: Check) -> Check:
        setattr(check, EXERCISE, id)
        setattr(check, READS, reads_messages)
        return check

    return declare


def declared_in(names: Mapping[str, Any]) -> dict[str, Check]:
    """Return the checks among the names of a module, by the ids of their exercises."""
    return _marked(names, EXERCISE)


def scenario(id: str, *, real: bool = False) -> Callable[[Run], Run]:
    """Declare a function as the scenario of a prediction. It returns what happened, the text of the right option.

    Args:
        id: that of the scenario.
        real: run it in real time, for what a simulated clock cannot show, such as code that blocks.
    """

    def declare(run: Run) -> Run:
        setattr(run, SCENARIO, id)
        setattr(run, REAL, real)
        return run

    return declare


def picture(id: str) -> Callable[[Run], Run]:
    """Declare a function as the scenario of a picture: one in which messages arrive when they are sent."""

    def declare(run: Run) -> Run:
        setattr(run, INLINE, True)
        return scenario(id)(run)

    return declare


def is_inline(run: Run) -> bool:
    """Return whether the messages of a scenario arrive when they are sent, whatever the seed."""
    return getattr(run, INLINE, False)


def reads_messages(check: Check) -> bool:
    """Return whether a check reads messages even if the answer is right."""
    return getattr(check, READS, False)


def is_real(run: Run) -> bool:
    """Return whether a scenario runs in real time."""
    return getattr(run, REAL, False)


def scenarios_in(names: Mapping[str, Any]) -> dict[str, Run]:
    """Return the scenarios among the names of a module, by their ids."""
    return _marked(names, SCENARIO)


def _marked(names: Mapping[str, Any], mark: str) -> dict[str, Any]:
    return {getattr(one, mark): one for one in names.values() if hasattr(one, mark)}
