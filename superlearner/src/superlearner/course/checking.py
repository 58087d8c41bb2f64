"""Checks of single files, for a program without a platform."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import otp
from superlearner.course.course import Course
from superlearner.course.engine.checking import SEEDS, Checked, Checker, CheckNotRun
from superlearner.course.engine.verdict import Verdict, refusal

__all__ = ["check_file", "watch_file"]

LOOK_S: Final = 0.2
"""Seconds between two looks at a file that is watched."""


def check_file(exercise: str, source: str, *, weak: bool = False) -> Checked:
    """Return the verdict on the answer of an exercise, run in a child of this program.

    Raises:
        UnknownItem: there is no such exercise.
        CheckNotRun: required isolation is missing, or the program was asked to stop.
    """
    course = Course()
    course.exercise(exercise)
    check = course.check_source(exercise)

    async def main() -> Checked | None:
        return await Checker(weak=weak).check(exercise, check, source)

    checked = otp.run(main)
    if checked is None:  # after SIGTERM or SIGHUP
        raise CheckNotRun("the command was asked to stop before the check ended")
    return checked


def watch_file(exercise: str, file: Path, report: Callable[[Checked, str], None], *, weak: bool = False) -> None:
    """Check a file now and after each save, until the program is interrupted; `report` gets each verdict and source.

    A save may replace the file, so one that is missing for a moment is waited for. Raises as `check_file`.
    """
    course = Course()
    course.exercise(exercise)
    check = course.check_source(exercise)

    async def main() -> None:
        checker, seen = Checker(spares=2, weak=weak), None
        try:
            while True:
                saved = _saved(file)
                if saved is not None and saved != seen:
                    seen, read = saved, _read(file)
                    if isinstance(read, Verdict):
                        report(Checked(read, "", SEEDS[0]), "")
                    else:
                        report(await checker.check(exercise, check, read), read)
                otp.send_after(LOOK_S, otp.self(), "look")
                await otp.receive()
        finally:
            checker.close()

    otp.run(main)


def _read(file: Path) -> str | Verdict:
    """Return the source in a file, or the verdict on a file that cannot be read."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not in UTF-8"
        return refusal("your file can be read", f"expected a Python file that can be read: {why}")


def _saved(file: Path) -> tuple[int, int, int] | None:
    """Return what changes with each save; None if there is no such file now."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
