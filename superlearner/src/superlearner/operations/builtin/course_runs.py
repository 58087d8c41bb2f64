"""Runs of the course that show something and ask for nothing: measurements and pictures."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from superlearner.course.course import Course
from superlearner.course.engine.checking import Checker
from superlearner.operations.builtin.course import item_there, running
from superlearner.operations.context import Context
from superlearner.operations.declaration import operation
from superlearner.operations.failures import OperationError
from superlearner.operations.results.course_runs import CourseMeasured, CoursePicture

DRAWN: Final = ("sequence", "state", "mailbox")
"""Kinds of pictures that a run draws."""
ERRORS: Final = ("course_item_not_found", "service_unavailable")


@operation("course.measure", http=("POST", "/course/measures/{measure}"), scope="operate", on="platform", of="user",
           changes=True, errors=ERRORS, short="happened figures.name,of,value,unit")  # fmt: skip
async def measure(
    ctx: Context,
    course: Course,
    checker: Checker,
    /,
    measure: Annotated[str, Field(max_length=100, description="id of the measurement", examples=["s12.m1"])],
) -> CourseMeasured:
    """Run a measurement, and show its figures.

    It runs in an isolated child process, in virtual time. Nothing is stored.
    """
    asked = item_there(lambda: course.measure(measure))
    ctx.about_to(f"run the measurement {measure}")
    with running():
        outcome = await checker.run(asked.scenario, course.check_source(asked.scenario))
    return CourseMeasured(
        measure=measure,
        happened=outcome.happened,
        figures=list(outcome.figures),
        excerpt=list(outcome.excerpt),
    )


@operation("course.picture", http=("GET", "/course/pictures/{picture}"), scope="read", on="platform", of="user",
           errors=ERRORS, short="happened")  # fmt: skip
async def picture(
    _ctx: Context,
    course: Course,
    checker: Checker,
    /,
    picture: Annotated[str, Field(max_length=100, description="id of the picture", examples=["s12.w4"])],
) -> CoursePicture:
    """Show the run that a picture draws: messages, callbacks or a mailbox.

    It runs in an isolated child process, in virtual time, when it is first asked for.
    """
    asked = item_there(lambda: course.picture(picture))
    if asked.kind not in DRAWN:
        raise OperationError(
            "course_item_not_found", f"{picture} plays a recorded restart, on the page of its session only"
        )
    with running():
        outcome = await checker.run_once(asked.of, course.check_source(asked.of))
    return CoursePicture(
        picture=picture,
        kind=asked.kind,
        happened=outcome.happened,
        excerpt=list(outcome.excerpt),
        callbacks=list(outcome.callbacks),
        mailbox=list(outcome.mailbox),
    )
