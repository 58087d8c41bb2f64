"""Checks of single files, for a program without a platform."""

from __future__ import annotations

import otp
from superlearner.course.course import Course
from superlearner.course.engine.checking import Checked, Checker

__all__ = ["check_file"]


def check_file(exercise: str, source: str, *, weak: bool = False) -> Checked:
    """Return the verdict on the answer of an exercise, run in a child of this program.

    Raises:
        UnknownItem: there is no such exercise.
        CheckNotRun: a required wall is missing.
    """
    course = Course()
    course.exercise(exercise)
    check = course.check_source(exercise)

    async def main() -> Checked:
        return await Checker(weak=weak).check(exercise, check, source)

    return otp.run(main)
