"""Runs of the course that show something and ask for nothing: measurements and pictures."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from superlearner.course.course import Course, UnknownItem
from superlearner.course.engine.checking import Checker, CheckNotRun
from superlearner.course.engine.outcome import Outcome
from superlearner.operations.context import Context
from superlearner.operations.declaration import operation
from superlearner.operations.failures import OperationError
from superlearner.operations.results_course import CourseRow
from superlearner.operations.results_course_runs import CourseFigure, CourseMeasured

ERRORS = ("course_item_not_found", "service_unavailable")


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

    It runs in a child behind walls, in virtual time. Nothing is stored.
    """
    try:
        asked = course.measure(measure)
    except UnknownItem as error:
        raise OperationError("course_item_not_found", str(error)) from None
    ctx.about_to(f"run the measurement {measure}")
    outcome = await _run(course, checker, asked.scenario)
    return CourseMeasured(
        measure=measure,
        happened=outcome.happened,
        figures=[CourseFigure(name=one.name, value=one.value, unit=one.unit, of=one.of) for one in outcome.figures],
        excerpt=[CourseRow(**row.shown()) for row in outcome.excerpt],
    )


async def _run(course: Course, checker: Checker, scenario: str) -> Outcome:
    try:
        return await checker.run(scenario, course.check_source(scenario))
    except CheckNotRun as error:
        raise OperationError("service_unavailable", f"it did not run: {error}") from None
