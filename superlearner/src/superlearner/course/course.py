"""The course: its lessons, and the checks, solutions and wrong programs that belong to them.

>>> course = Course()
>>> course.lesson(12).title
'What is OTP?'
>>> course.exercise("s12.minimal").title
'MinimalServer'
>>> course.exercise("s12.minimla")
Traceback (most recent call last):
...
superlearner.course.course.UnknownItem: there is no exercise s12.minimla; did you mean s12.minimal?
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, TypeVar

from superlearner.course.lesson import Exercise, Lesson, Measure, Picture, Predict, Reflect
from superlearner.course.reading import read_file

__all__ = ["FOLDER", "Course", "Phase", "UnknownItem", "full_id"]

FOLDER: Final = Path(__file__).parent

ONE_DIGIT: Final = re.compile(r"^s(?=\d\.)")

B = TypeVar("B")


class UnknownItem(LookupError):
    """There is no session, exercise or question of this name."""


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of the curriculum.

    Attributes:
        title: in two or three words.
        about: in a sentence.
        sessions: the titles of its sessions by number; one without a lesson is still to come.
    """

    title: str
    about: str
    sessions: dict[int, str]


class Course:
    """All sessions. Lessons are read when they are first needed.

    Args:
        folder: the one with `lessons`, `checks`, `solutions` and `wrong`.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder

    @cached_property
    def lessons(self) -> tuple[Lesson, ...]:
        """Return all lessons, by number. Raises `LessonError` for one with a fault."""
        return tuple(read_file(path) for path in sorted((self._folder / "lessons").glob("*.md")))

    @cached_property
    def phases(self) -> tuple[Phase, ...]:
        """Return the curriculum: all sessions, also those that are still to come."""
        found = tomllib.loads((FOLDER / "curriculum.toml").read_text(encoding="utf-8"))["phases"]
        return tuple(
            Phase(one["title"], one["about"], {each["number"]: each["title"] for each in one["sessions"]})
            for one in found
        )

    def lesson(self, number: int) -> Lesson:
        """Return a lesson. Raises `UnknownItem`."""
        found = next((lesson for lesson in self.lessons if lesson.number == number), None)
        if found is None:
            known = ", ".join(str(lesson.number) for lesson in self.lessons)
            titles = {each: title for phase in self.phases for each, title in phase.sessions.items()}
            what = (
                f"session {number}, {titles[number]}, is still to come"
                if number in titles
                else (f"there is no session {number}")
            )
            raise UnknownItem(f"{what}; expected one of {known}")
        return found

    def exercise(self, id: str) -> Exercise:
        """Return an exercise. Raises `UnknownItem`."""
        return _found("exercise", id, self._all(Exercise))

    def predict(self, id: str) -> Predict:
        """Return a prediction. Raises `UnknownItem`."""
        return _found("prediction", id, self._all(Predict))

    def reflect(self, id: str) -> Reflect:
        """Return a reflection. Raises `UnknownItem`."""
        return _found("reflection", id, self._all(Reflect))

    def measure(self, id: str) -> Measure:
        """Return a measurement. Raises `UnknownItem`."""
        return _found("measurement", id, self._all(Measure))

    def picture(self, id: str) -> Picture:
        """Return a picture. Raises `UnknownItem`."""
        return _found("picture", id, self._all(Picture))

    def _all(self, kind: type[B]) -> list[B]:
        return [block for lesson in self.lessons for block in lesson.blocks(kind)]

    # What a learner must not read before it is earned

    def check_source(self, id: str) -> str:
        """Return the source of the module with the check or scenario of this id. Raises `UnknownItem`.

        A check that judges what an earlier session asks for is in a module of that session, because a child cannot
        import one check into another.
        """
        folder, session = self._folder / "checks", id.partition(".")[0]
        for path in (*sorted(folder.glob(f"{session}*.py")), *sorted(folder.glob("*.py"))):
            text = path.read_text(encoding="utf-8")
            if f'("{id}"' in text:
                return text
        raise UnknownItem(f"there is no check {id[:100]}")

    def solution(self, id: str) -> str:
        """Return the reference solution of an exercise."""
        return (self._folder / "solutions" / f"{id.replace('.', '_')}.py").read_text(encoding="utf-8")

    def other_solution(self, id: str) -> str | None:
        """Return a second right answer of an exercise, if there is one."""
        return self.variants(id).get(id.replace(".", "_"))

    def variants(self, id: str) -> dict[str, str]:
        """Return all other right answers of an exercise, by file name; the first is shown, `ID__word` are for tests."""
        stem, folder = id.replace(".", "_"), self._folder / "solutions" / "other"
        found = [*folder.glob(f"{stem}.py"), *sorted(folder.glob(f"{stem}__*.py"))]
        return {path.stem: path.read_text(encoding="utf-8") for path in found}

    def wrong(self, id: str) -> dict[str, str]:
        """Return the known wrong programs of an exercise by name: the misconception, with `_` and a word.

        A program is a file, or a table of `wrong/ID.toml` that names what differs from a solution.

        Raises:
            ValueError: the lines that a table replaces do not stand exactly once in the solution.
        """
        stem, folder = id.replace(".", "_"), self._folder / "wrong"
        found = {path.stem: path.read_text(encoding="utf-8") for path in (folder / stem).glob("*.py")}
        changed = folder / f"{stem}.toml"
        if changed.exists():
            tables = tomllib.loads(changed.read_text(encoding="utf-8"))
            found |= {name: self._changed(id, name, changes) for name, changes in tables.items()}
        return dict(sorted(found.items()))

    def _changed(self, id: str, name: str, changes: list[dict[str, str]]) -> str:
        """Return the reference, or the variant that the first change names by `of`, with lines replaced."""
        variant = changes[0].get("of")
        text = self.solution(id) if variant is None else self.variants(id)[variant]
        for change in changes:
            if (times := text.count(change["old"])) != 1:
                raise ValueError(f"{id} {name}: expected these lines once, not {times} times: {change['old']}")
            text = text.replace(change["old"], change["new"])
        return text


def full_id(id: str) -> str:
    """Return the id of a part with the session in two digits, as lessons write it: pages and commands say session 5.

    >>> full_id("s5.p2"), full_id("s05.p2"), full_id("s12.minimal")
    ('s05.p2', 's05.p2', 's12.minimal')
    """
    return ONE_DIGIT.sub("s0", id)


def _found(what: str, id: str, among: Iterable[Any]) -> Any:
    id, known = full_id(id), {one.id: one for one in among}
    if id not in known:
        near = difflib.get_close_matches(id, known, 1, 0.5)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise UnknownItem(f"there is no {what} {id[:100]}{hint}")
    return known[id]
