"""Checks of answers in fresh, isolated child processes; the parent never runs a learner's text."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from types import CodeType
from typing import Any, Final

from pydantic import TypeAdapter

import otp
from otp import standstill
from otp.peer import Limits, Peer, Spares, WallMissing, Walls
from otp.peer import start as start_peer
from superlearner.control.terms import clip
from superlearner.course.engine.child import BUSY, FILE, IMPORT, RUNS
from superlearner.course.engine.outcome import Outcome
from superlearner.course.engine.verdict import Verdict, refusal

__all__ = ["CI_SEEDS", "SEEDS", "CheckNotRun", "Checked", "Checker"]

FOLDER: Final = Path(__file__).resolve().parents[1]
HIDDEN: Final = tuple(str(FOLDER / name) for name in ("checks", "solutions", "wrong"))
"""Files that no child can read: it gets the code of one check, before anything of an answer runs."""

SEEDS: Final = tuple(range(1, 6))
CI_SEEDS: Final = tuple(range(1, 21))
LIMITS: Final = Limits(
    memory_mb=192, cpu_s=8.0, processes=8, output_kb=256, hold_s=30.0, start_s=45.0, wall_s=300.0, files_mb=4, nice=5
)
"""Those of an answer. The child holds its loop while it runs: on a busy machine a right answer takes seconds. An answer
that never waits is ended by the child, by the time of the processor, and one that waits for something real by `hold_s`.
Only a child that lacks the processor runs for longer than `start_s`."""
OURS: Final = Limits(
    memory_mb=192, cpu_s=30.0, processes=8, output_kb=256, hold_s=30.0, start_s=45.0, wall_s=300.0, files_mb=4, nice=5
)
"""Limits of a scenario of ours, which may measure an hour of virtual time."""
PRELOAD: Final = (
    "superlearner.course.engine.child",
    "superlearner.agents",
    "superlearner.course.engine.code_lines",
    "superlearner.course.engine.diagnosis",
    "superlearner.course.engine.part",
    "superlearner.course.engine.reports",
    "otp.behaviours.server.agent",
    "otp.behaviours.task",
)
"""Modules that checks import; importing one of them takes a child some milliseconds."""
LONGEST_SOURCE: Final = 200_000
LONGEST_TELL: Final = 400
READ_S: Final = 5.0
OUTCOME: Final = TypeAdapter(Outcome)
VERDICT: Final = TypeAdapter(Verdict)

AT_ONCE: Final = os.cpu_count() or 1
"""Children that run at the same time; more would not be faster."""

ENDS: Final = {
    "held": (BUSY, "M7"),
    "cpu": ("your code used all the processor time that a check has", "M7"),
    "wall": ("your code did not come to an end", None),
    "memory": ("your code asked for more memory than a check has", None),
    "output": ("your code printed more than a check takes", None),
    "exit": ("your code ended the interpreter: a process ends by returning or with otp.exit", None),
    "nonsense": ("your code wrote to a connection of the check", None),
    "signal": ("your code ended the interpreter with a signal", None),
}
"""The sentence about each kind of end of a child, and the misconception that it shows."""


class CheckNotRun(Exception):
    """A check that could not run for a reason that is not the answer's, such as a missing wall."""


class Checked:
    """A verdict with what the answer printed, and the seed under which it failed, or the last one."""

    def __init__(self, verdict: Verdict, printed: str, seed: int) -> None:
        self.verdict = verdict
        self.printed = printed
        self.seed = seed


class Checker:
    r"""Runs checks; `close` it at the end.

    Args:
        spares: children kept ready, which have imported the engine; 0 for a single check.
        weak: run answers without walls that this system lacks; for one's own code only.
        node: returns the node of the children's supervisors; None: that of the calling process.

    >>> import asyncio, otp
    >>> async def main():
    ...     checker = Checker(spares=0, weak=True)
    ...     check = "from superlearner.course.engine.exercise import exercise\n@exercise('a')\nasync def f(s):\n"
    ...     check += "    s.step('`answer` is 1.')\n    s.same(s.need('answer'), 1)\n"
    ...     return [(await checker.check("a", check, text)).verdict.ok for text in ("answer = 1", "answer = 2")]
    >>> otp.run(main)
    [True, False]
    """

    def __init__(self, spares: int = 0, *, weak: bool = False, node: Callable[[], otp.Node] | None = None) -> None:
        required = frozenset[str]() if weak else Walls().required
        self._walls = Walls(required=required, hidden=HIDDEN)
        self._count = spares
        self._spares: Spares | None = None
        self._node = node
        self._known: dict[str, Outcome] = {}
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._running = 0

    def warm(self) -> None:
        """Keep children ready; they import in the background."""
        if self._spares is None and self._count:
            self._spares = Spares(self._count, PRELOAD)

    def close(self) -> None:
        """End the children that were kept ready."""
        if self._spares is not None:
            self._spares.close()
            self._spares = None

    async def check(self, id: str, check: str, source: str, seeds: Sequence[int] = SEEDS) -> Checked:
        """Return the verdict on an answer. Call it in a process.

        Two children share the seeds if the machine has room for both. The verdict is that of the first seed under which
        the answer fails.

        Args:
            id: that of the exercise.
            check: the source of the module with its check.
            source: the answer.
            seeds: under which it runs.

        Raises:
            CheckNotRun: a required wall is missing, or this machine has no room for a child.
        """
        if len(source) > LONGEST_SOURCE or "\0" in source:
            text = f"expected a Python file of at most {LONGEST_SOURCE:,} characters, got {len(source):,}"
            return Checked(refusal(IMPORT, text), "", seeds[0])
        parts = _split(seeds) if len(seeds) > 1 and self._running + 2 <= AT_ONCE else [seeds]
        checks = [self._check(id, check, source, part) for part in parts]
        found = await asyncio.gather(*checks, return_exceptions=True)
        for place, one in enumerate(found):
            if isinstance(one, CheckNotRun) and any(isinstance(other, Checked) for other in found):
                found[place] = await self._check(id, check, source, parts[place])  # there was room for one child
            elif isinstance(one, BaseException):
                raise one
        judged = [one for one in found if not isinstance(one, BaseException)]
        if failed := [one for one in judged if not one.verdict.ok]:
            return min(failed, key=lambda one: seeds.index(one.seed))
        return Checked(judged[0].verdict, "".join(one.printed for one in judged), judged[0].seed)

    async def _check(self, id: str, check: str, source: str, seeds: Sequence[int]) -> Checked:
        """Return the verdict of one child. Raises `CheckNotRun`."""
        try:
            told, printed = await self._run(id, check, source, seeds)
        except _EarlyEnd as ended:
            return Checked(ended.verdict, ended.printed, seeds[0])
        if told is None:
            return Checked(refusal(RUNS, ENDS["exit"][0]), printed, seeds[0])
        seed = told.pop("seed", None)
        return Checked(VERDICT.validate_python(told), printed, seed if seed in seeds else seeds[0])

    async def run(self, id: str, check: str) -> Outcome:
        """Run a scenario of ours, and return what happened. Raises `CheckNotRun`.

        Args:
            id: that of the scenario.
            check: the source of the module with it.
        """
        try:
            told, _ = await self._run(id, check, None, (1,))
        except _EarlyEnd as ended:
            raise CheckNotRun(f"the scenario {id} did not end well: {ended.verdict.steps[0].say}") from None
        if told is None:
            raise CheckNotRun(f"the scenario {id} ended without a report")
        return OUTCOME.validate_python(told)

    async def run_once(self, id: str, check: str) -> Outcome:
        """Return what a scenario of ours shows, which is the same each time: it runs once. Raises `CheckNotRun`."""
        if id not in self._known:
            self._known[id] = await self.run(id, check)
        return self._known[id]

    async def _run(
        self, id: str, check: str, source: str | None, seeds: Sequence[int]
    ) -> tuple[dict[str, Any] | None, str]:
        """Return the report of a child, and what was printed in it. Raises `_EarlyEnd` and `CheckNotRun`."""
        self.warm()
        token = secrets.token_hex(16)
        order = {"token": token, "id": id, "check": _compile_check(check), "source": source, "seeds": list(seeds)}
        written: list[bytes] = []
        self._running += 1
        try:
            async with self._turns:
                told = await self._run_child(order, written)
        finally:
            self._running -= 1
        return told, _printed(written)

    async def _run_child(self, order: Mapping[str, Any], written: list[bytes]) -> dict[str, Any] | None:
        token = order["token"]
        try:
            peer = await start_peer(
                f"check-{token[:12]}@127.0.0.1",
                "superlearner.course.engine.child:boot",
                order,
                walls=self._walls,
                limits=OURS if order["source"] is None else LIMITS,
                spares=self._spares,
                on_output=written.append,
                node=None if self._node is None else self._node(),
            )
        except WallMissing as error:
            raise CheckNotRun(str(error)) from error
        except otp.StartError as error:
            raise _EarlyEnd(_ended(error), _printed(written)) from None
        except OSError as error:
            raise CheckNotRun(f"this machine has no room for a check: {error}") from None
        try:
            return await _receive_report(peer, token)
        finally:
            await peer.kill()


def _split(seeds: Sequence[int]) -> list[Sequence[int]]:
    """Return the seeds in two parts, the smaller one with the first seed, under which some checks do more.

    >>> _split((1, 2, 3, 4, 5)), _split((1, 2))
    ([(1, 4), (2, 3, 5)], [(1,), (2,)])
    """
    first, *others = seeds
    return [(first, *others[2::2]), (*others[:2], *others[3::2])]


@lru_cache(maxsize=256)
def _compile_check(check: str) -> CodeType:
    """Compile a module of checks, which would take a child a tenth of its time."""
    return compile(check, "check", "exec", dont_inherit=True)


class _EarlyEnd(Exception):
    """The end of a child before its report."""

    def __init__(self, verdict: Verdict, printed: str) -> None:
        super().__init__(verdict)
        self.verdict = verdict
        self.printed = printed


async def _receive_report(peer: Peer, token: str) -> dict[str, Any] | None:
    """Return the report with the token; everything else in the connection was written by the answer."""
    link = peer.link
    if link is None:
        return None
    loop = asyncio.get_running_loop()
    data = bytearray()
    head = f'["{token}", '.encode()
    try:
        async with standstill.timeout(READ_S):
            while True:
                part = await loop.sock_recv(link, 1 << 16)
                data += part
                *lines, _ = bytes(data).split(b"\n")
                for line in lines:
                    if line.startswith(head):
                        return json.loads(line)[1]
                if not part or len(data) > 1 << 20:
                    return None
    except (TimeoutError, OSError, ValueError):
        return None


def _ended(error: otp.StartError) -> Verdict:
    match error.reason:
        case ("peer", str(kind), str(reason)) if kind in ENDS:
            say, misconception = ENDS[kind]
            where = _place(reason)
            return refusal(RUNS, f"{where}{say}" if where else say, misconception)
        case ("peer", str(kind), str(reason)) if kind in ("failed",):
            return refusal(IMPORT, f"the check ended with it: {clip(reason, LONGEST_TELL)}")
        case ("peer", "late", _):
            raise CheckNotRun("this machine is too busy to start a check in time; try again") from None
        case _:
            raise CheckNotRun(f"the check did not start: {clip(str(error), LONGEST_TELL)}") from None


def _place(reason: str) -> str:
    """Return the line of the answer in which its child was held.

    >>> _place("did not answer for 2 s: its loop is held at answer.py:14 boot")
    'line 14: '
    """
    _, found, rest = reason.partition(f"{FILE}:")
    number = rest.split(" ", 1)[0].rstrip(":,;)")
    return f"line {number}: " if found and number.isdigit() else ""


def _printed(written: list[bytes]) -> str:
    text = b"".join(written)[-65_536:].decode("utf-8", "replace")
    return text.replace(os.sep.join(("", "peer", "")), "")
