"""The progress of all learners, for their teacher."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from typing import Any, Final, cast

from superlearner.course.course import Course
from superlearner.course.engine.verdict import INCOMPLETE, LONGEST_ROWS
from superlearner.course.misconceptions import MISCONCEPTIONS
from superlearner.course.progress import Progress, now
from superlearner.store.learning import Learned, Learning

__all__ = ["Classroom"]

AT_ONCE: Final = 500
"""Rows per query."""
LONGEST_ANSWER: Final = 20_000
"""Characters of an answer that a teacher sees."""
MOST_STEPS: Final = 40
LONGEST_STEP: Final = 300
"""Characters of a step of a check."""


class Classroom:
    """The progress of all learners, without their answers and reflections.

    Each reading adds only what is new, so a page can ask every few seconds.

    Args:
        learning: what the learners did.
        course: what they are taught.
    """

    def __init__(self, learning: Learning, course: Course) -> None:
        self.course = course
        self._learning = learning
        self._lock = asyncio.Lock()
        self._by_learner: dict[str, Progress] = {}
        self._newest: dict[str, dict[str, int]] = {}
        self._last = 0
        self._count = 0
        self._opened: dict[str, tuple[int, float]] = {}

    def open(self, learner: str, session: int) -> None:
        """Record that a learner opens a session, until the platform ends."""
        self._opened[learner] = session, now()

    def opened(self, learner: str) -> tuple[int, float] | None:
        """Return the session that a learner opened last, and when."""
        return self._opened.get(learner)

    async def read(self) -> Mapping[str, Progress]:
        """Return the progress of each learner who did something. Raises `StoreUnavailable`."""
        async with self._lock:
            await self._add_new()
            if await self._learning.count() < self._count:  # a learner has reset their progress
                self._by_learner, self._newest, self._last, self._count = {}, {}, 0, 0
                await self._add_new()
            return self._by_learner

    async def answers(self, learner: str) -> dict[str, str]:
        """Return the newest answer to each exercise, as long as a teacher sees it. Raises `StoreUnavailable`."""
        await self.read()
        found = await self._learning.at(list(self._newest.get(learner, {}).values()))
        sources = {done.item: done.data.get("source") for done in found}
        return {item: text[:LONGEST_ANSWER] for item, text in sources.items() if isinstance(text, str)}

    async def _add_new(self) -> None:
        while rows := await self._learning.after(self._last, AT_ONCE):
            for id, learner, done in rows:
                self._by_learner.setdefault(learner, Progress()).take(_without_answer(done))
                if done.kind == "attempt":
                    self._newest.setdefault(learner, {})[done.item] = id
                self._last, self._count = id, self._count + 1


def _without_answer(done: Learned) -> Learned:
    """Return a thing done without the answer; what a learner imported may have any form.

    >>> shown = _without_answer(Learned("hint", "s12.minimal", 1.0, {"source": "x", "misconceptions": 7, "held": "a"}))
    >>> (shown.data.pop("source") == "x", shown.data)
    (False, {'ok': False, 'right': False, 'level': 1, 'misconceptions': [], 'held': 0, 'steps': [], 'said': '',
     'look': ''})
    """
    source = done.data.get("source")
    digest = None if source is None else hashlib.sha256(str(source).encode()).hexdigest()  # shows if it changes
    held, steps, said, look = (done.data.get(name) for name in ("held", "steps", "said", "look"))
    shown = done.data.get("misconceptions")
    level = done.data.get("level")
    data: dict[str, Any] = {
        "source": digest,
        "ok": bool(done.data.get("ok")),
        "right": bool(done.data.get("right")),
        "level": level if isinstance(level, int) else 1,
        "misconceptions": [id for id in MISCONCEPTIONS if id in shown] if isinstance(shown, list) else [],
        "held": held if isinstance(held, int) else 0,
        "steps": [str(step)[:LONGEST_STEP] for step in cast("list[Any]", steps)[:MOST_STEPS]]
        if isinstance(steps, list)
        else [],
        "said": said[:LONGEST_ROWS] if isinstance(said, str) else "",
        "look": look[:LONGEST_ROWS] if isinstance(look, str) else "",
        **({INCOMPLETE: True} if done.data.get(INCOMPLETE) else {}),
    }
    return Learned(done.kind, done.item, min(done.at, now()), data)
