"""The learning path of the `/learn` page."""

from __future__ import annotations

from collections.abc import Callable

from superlearner.operations.context import Context
from superlearner.operations.declaration import operation
from superlearner.operations.engine.forwarding import registered
from superlearner.operations.results.learning import LearningCondition, LearningPart, LearningStep, LearningTour
from superlearner.teaching.learning import PARTS, Condition, Event, Operation, Step, Tour
from superlearner.teaching.manual import Manual

CONCEPTS = "concepts"
ONLY_HERE = frozenset({"anomaly_raised", "gave_up"})
"""Events that no other node can show: only the platform is monitored, and a sandbox ends with its top supervisor."""


@operation("learning.tours", http=("GET", "/learning/tours"), scope="read", here=True,
           short="title about tours.title,minutes,why")  # fmt: skip
async def tours(ctx: Context, manual: Manual, /) -> list[LearningPart]:
    """List the tours of the learning path.

    By part, with steps, the conditions that complete them, and whether the tour's processes are running.
    """
    address = manual.address
    names = await registered(ctx, {name for tour in _all() for name in tour.needs})
    return [
        LearningPart(
            id=part.id,
            title=part.title,
            about=part.about,
            tours=[_tour(tour, names.issuperset(tour.needs) and _fits(ctx, tour), address) for tour in part.tours],
        )
        for part in PARTS
    ]


def _all() -> list[Tour]:
    return [tour for part in PARTS for tour in part.tours]


def _fits(ctx: Context, tour: Tour) -> bool:
    """Return whether all steps of a tour make sense on the node, provided that the tour's processes run there."""
    if ctx.remote is None:
        return True
    return not any(isinstance(step.done, Event) and step.done.type in ONLY_HERE for step in tour.steps)


def _tour(tour: Tour, here: bool, address: Callable[[str], str]) -> LearningTour:
    page, hash_, anchor = tour.docs.partition("#")
    return LearningTour(
        id=tour.id,
        title=tour.title,
        why=tour.why,
        minutes=tour.minutes,
        steps=[_step(step, address) for step in tour.steps],
        learned=tour.learned,
        docs=f"{address(page)}{hash_}{anchor}",
        needs=list(tour.needs),
        here=here,
    )


def _step(step: Step, address: Callable[[str], str]) -> LearningStep:
    return LearningStep(
        id=step.id,
        title=step.title,
        text=step.text,
        page=step.page,
        done=_condition(step.done),
        hint=step.hint,
        seen=step.seen,
        concept=f"{address(CONCEPTS)}#{step.concept}",
    )


def _condition(done: Condition) -> LearningCondition:
    if isinstance(done, Event):
        return LearningCondition(
            kind="event", type=done.type, name=done.name, supervisor=done.supervisor, data=dict(done.data)
        )
    if isinstance(done, Operation):
        return LearningCondition(kind="operation", operations=list(done.names), doors=list(done.doors))
    return LearningCondition(kind="visited", path=done.path, words=dict(done.words))
