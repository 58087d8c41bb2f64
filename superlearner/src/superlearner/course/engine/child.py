"""The child of a check: it runs a learner's answer and the check of its exercise, and reports one verdict.

For a prediction, a measurement or a picture it runs a scenario of ours alone, and reports what happened.

It runs in the thread of the peer's loop, so it holds that loop. An answer that never waits is ended by the time that it
takes of the processor, and not by the clock: on a busy machine a right answer is slow as well. The report begins with a
token that the answer does not know.
"""

# What learners define has no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

import asyncio
import contextlib
import json
import linecache
import logging
import random
import re
import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, replace
from types import CodeType, FrameType, ModuleType
from typing import Any, Final, Self

import otp
from otp.observer.slips import explain_slip
from otp.peer.inner import Here
from otp.testing import Deadlock, Livelock, MessageMutated, RealIONotSimulated, Scheduler
from otp.testing.mutation import Fingerprints
from otp.testing.run import Run
from superlearner.course.engine.callers import Caller
from superlearner.course.engine.cases import captured, dead_case, unreachable
from superlearner.course.engine.ends import RETURNED, real_io, stack_of
from superlearner.course.engine.exercise import declared_in, is_inline, is_real, reads_messages, scenarios_in
from superlearner.course.engine.integrity import Integrity
from superlearner.course.engine.outcome import Outcome
from superlearner.course.engine.scenario import Scenario
from superlearner.course.engine.slips import (
    answers_by_return,
    misplaces_parts,
    names_in,
    slips_in,
    texts_of,
    unwritten_line,
    words_of,
)
from superlearner.course.engine.unawaited import Unawaited
from superlearner.course.engine.values import render
from superlearner.course.engine.verdict import CourseRow, Incomplete, Verdict, Wrong, refusal

__all__ = ["BUSY", "BUSY_S", "FILE", "IMPORT", "RUNS", "boot", "outcome_of", "verdict_of", "verdicts_of"]

FILE: Final = "answer.py"
IMPORT: Final = "your code can be imported"
RUNS: Final = "your code runs to its end within the limits of a check"
BUSY: Final = (
    "your code keeps the one thread of the runtime busy: it never waits, or its messages follow one another without end"
)
BUSY_S: Final = 2.0
"""Seconds of the processor for one seed; the longest check takes a tenth of it."""
AGAIN_S: Final = 0.25
"""Seconds of the processor until an answer that has caught the end of its time is ended again."""
PLACE: Final = re.compile(rf" \({re.escape(FILE)}:(\d+)\)")
"""The place of a definition in a message of the library."""
SUGGESTED: Final = re.compile(r"(did you mean '\w+'\?) callbacks of .*")
"""A suggestion of the library, before the list of all callbacks."""
SENDS: Final = "A process answers with otp.send: what its function returns goes nowhere."
LONGEST: Final = 60_000
"""Bytes of a report: the socket holds so much while nothing reads it."""


def boot(here: Here) -> None:
    """Run the check that `here.args` describes, and send its verdict."""
    order: dict[str, Any] = here.args
    token = order.pop("token")
    link = here.link
    loop = asyncio.get_running_loop()
    asyncio._set_running_loop(None)  # the scheduler's own loop runs in this thread
    try:
        told = _report(order)
    finally:
        asyncio._set_running_loop(loop)
    with contextlib.suppress(Exception):  # the answer may have replaced it
        sys.stdout.flush()
    data = json.dumps([token, told]).encode()
    if len(data) > LONGEST:
        data = json.dumps([token, {**told, "excerpt": []}]).encode()
    link.setblocking(True)
    link.sendall(b"\n" + data + b"\n")


def _report(order: dict[str, Any]) -> dict[str, Any]:
    if order["source"] is None:
        return asdict(outcome_of(order["id"], order["check"], order["seeds"][0]))
    seeds = order["seeds"]
    verdicts = [*verdicts_of(order["id"], order["check"], order["source"], seeds, _Limit())]
    return asdict(verdicts[-1]) | {"seed": seeds[len(verdicts) - 1]}


def outcome_of(id: str, check: str | CodeType, seed: int = 1) -> Outcome:
    """Run a scenario, and return what happened."""
    run = scenarios_in(_load_names(check))[id]

    async def main() -> Outcome:
        scenario = Scenario(ModuleType("answer"), seed)
        happened = await run(scenario)
        return scenario.outcome(happened)

    return Scheduler(seed=seed, io="real" if is_real(run) else "virtual", inline=is_inline(run) or None).run(main)


def verdict_of(id: str, check: str | CodeType, source: str, seeds: list[int]) -> Verdict:
    """Return the verdict on an answer: that of the first seed under which it fails, or of the last one.

    Args:
        id: that of the exercise.
        check: the module with its check, as source or compiled.
        source: the answer.
        seeds: those of the schedulers.
    """
    *_, last = verdicts_of(id, check, source, seeds)
    return last


def verdicts_of(
    id: str, check: str | CodeType, source: str, seeds: list[int], limit: _Limit | None = None
) -> Iterator[Verdict]:
    """Yield the verdict on an answer under each seed, up to the first under which it fails.

    Args:
        id: that of the exercise.
        check: the module with its check, as source or compiled.
        source: the answer.
        seeds: those of the schedulers.
        limit: ends a run that takes too long; None: none is ended.
    """
    try:
        code = compile(source, FILE, "exec", dont_inherit=True)
        linecache.cache[FILE] = (len(source), None, source.splitlines(keepends=True), FILE)  # for hints about a line
    except (SyntaxError, ValueError) as error:
        line = f"line {error.lineno}: " if isinstance(error, SyntaxError) and error.lineno else ""
        said = str(getattr(error, "msg", None) or error)
        if said == "'await' outside function":
            said += "; write it in an `async def`: only a cell of a lesson may wait outside"
        takes_all = unreachable(said)
        yield refusal(IMPORT, f"{line}{takes_all or said}", "V1" if takes_all else None)
        return
    names = _load_names(check)
    run, words = declared_in(names)[id], words_of(names)
    random_state = random.getstate()
    integrity = Integrity()
    records = reads_messages(run)
    streams = _Printed(sys.stdout), _Printed(sys.stderr)

    def judge(one: _Run, known: Iterable[int] = (0, 0)) -> tuple[Verdict, bool]:
        """Return the verdict of a run, and whether the run exceeded its time, also if the answer caught that."""
        random.setstate(random_state)
        for stream, count in zip(streams, known, strict=True):
            stream.begin(one, count)
        verdict = None
        with limit or contextlib.nullcontext():
            with contextlib.redirect_stdout(streams[0]), contextlib.redirect_stderr(streams[1]):
                verdict = one.verdict()
        late = None if limit is None else limit.fault
        verdict = late or verdict
        assert verdict is not None
        return verdict, late is not None

    for seed in seeds:
        first = _Run(source, code, run, words, seed, integrity, records)
        verdict, is_late = judge(first)
        if not (records or is_late) and (first.needs_messages or not verdict.ok):
            records = first.needs_messages
            printed = [stream.count if records else sys.maxsize for stream in streams]
            again, is_late = judge(_Run(source, code, run, words, seed, integrity, records=True), printed)
            if records or not (again.ok or is_late):
                verdict = again
        yield verdict
        if not verdict.ok:
            return


def _load_names(check: str | CodeType) -> dict[str, Any]:
    """Return the names that a module of checks defines."""
    names: dict[str, Any] = {"__name__": "check"}
    exec(compile(check, "check", "exec", dont_inherit=True) if isinstance(check, str) else check, names)
    return names


class _Printed:
    """A stream for what answers print, without what an earlier run has already printed."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def begin(self, run: _Run, known: int) -> None:
        """Begin a run, of whose output the first `known` characters have been printed."""
        self._run = run
        self._known = known
        self.count = 0
        """The characters that the run has printed."""

    def write(self, text: str) -> int:
        """Print the new part of a text."""
        if not self._run.needs_messages:  # what follows is printed when it is repeated
            new = text[max(0, self._known - self.count) :]
            self.count += len(text)
            if new:
                self._stream.write(new)
        return len(text)

    def flush(self) -> None:
        """Flush the stream."""
        self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Late(BaseException):
    """The end of the time of a run."""


def _raise_late(_frame: FrameType, event: str, _: Any) -> Any:
    """Raise the end of the time of a run on the next line, as a trace function."""
    if event != "line":
        return _raise_late
    raise _Late


class _Limit:
    """Ends a run that has the processor for too long, and says in which line of the answer it was."""

    def __init__(self) -> None:
        self.fault: Verdict | None = None

    def __enter__(self) -> Self:
        self.fault = None
        signal.signal(signal.SIGPROF, self._end)
        signal.setitimer(signal.ITIMER_PROF, BUSY_S, AGAIN_S)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        signal.setitimer(signal.ITIMER_PROF, 0)
        sys.settrace(None)
        return kind is _Late

    def _end(self, _number: int, frame: FrameType | None) -> None:
        while frame is not None and frame.f_code.co_filename != FILE:
            frame = frame.f_back
        where = "" if frame is None else f"line {frame.f_lineno}: "
        if self.fault is None:
            self.fault = refusal(RUNS, f"{where}{BUSY}", "M7")
            logging.disable(logging.CRITICAL)  # a report of this end would say nothing about the answer
        elif frame is not None:  # the answer has caught the first end: its next line, the `except`, raises as well
            sys.settrace(_raise_late)
            frame.f_trace = _raise_late
        raise _Late


class _CheckScheduler(Scheduler):
    """A scheduler that describes messages only in a run that records them: others are repeated to show a fault."""

    def __init__(self, seed: int, *, describes: bool) -> None:
        super().__init__(seed)
        self._describes = describes

    def open(self, instead: dict[int, int] | None = None, name: str = "test") -> Run:
        """Return the next run."""
        run = super().open(instead, name)
        run.kernel.open_post().fingerprints = Fingerprints(describes=self._describes)
        return run


class _Run:
    """A run under one seed.

    Recording messages takes a third of the time, so a run records them only if its check declares that it reads them.
    To show how an answer failed, the run is repeated with the same seed, which leads to the same events, and recorded.
    """

    def __init__(
        self, source: str, code: Any, run: Any, words: frozenset[str], seed: int, integrity: Integrity, records: bool
    ) -> None:
        self._source = source
        self._code = code
        self._run = run
        self._words = words
        self._seed = seed
        self._integrity = integrity
        self._records = records
        self._scenario: Scenario | None = None
        self._excerpt: tuple[CourseRow, ...] = ()
        self._unawaited = Unawaited(FILE)

    @property
    def needs_messages(self) -> bool:
        """Return whether the check has asked for messages that this run does not record."""
        return self._scenario is not None and self._scenario.trace.needs_messages

    def verdict(self) -> Verdict:
        scheduler = _CheckScheduler(self._seed, describes=self._records)
        try:
            with self._unawaited:
                scheduler.run(self._main)
        except Wrong as wrong:
            return self._failed(wrong)
        except Deadlock as error:
            return self._failed(Wrong(f"nothing can happen any more: {_first_line(error)}", "M15"))
        except Livelock as error:
            return self._failed(Wrong(f"it never comes to rest: {_first_line(error)}"))
        except MessageMutated as error:
            return self._failed(Wrong(f"a message was changed after it was sent: {_first_line(error)}", "M6"))
        except RealIONotSimulated as error:
            refused = real_io(str(error))
            return self._failed(Wrong(f"{_line_of(error)}{refused.say}", refused.misconception))
        except SystemExit as error:
            say = f"your code called sys.exit({render(error.code)}), which would end the interpreter"
            return self._failed(Wrong(f"{_line_of(error)}{say}"))
        except MemoryError:
            return self._failed(Wrong("your code asked for more memory than a check has"))
        except BaseException as error:
            return self._failed(Wrong(_describe_error(error)))
        assert self._scenario is not None
        *steps, last = self._scenario.steps
        if takes_all := captured(self._source, vars(self._scenario.answer), self._words):
            last = replace(last, say=last.say or takes_all)
        return Verdict((*steps, last), marks=self._scenario.marks)

    def _failed(self, wrong: Wrong) -> Verdict:
        incomplete = isinstance(wrong, Incomplete)
        if self._unawaited.say:  # it explains the others
            wrong = Wrong(f"line {self._unawaited.line}: {self._unawaited.say}")
        elif self._unawaited.held and wrong.misconception is None and "`await` is missing" not in wrong.say:
            wrong = Wrong(f"{self._unawaited.held}. In the run: {wrong.say}")
        elif dead := dead_case(self._source):
            wrong = Wrong(dead)
        found = () if wrong.misconception is None else (wrong.misconception,)
        scenario = self._scenario
        if scenario is None:
            return refusal(IMPORT, wrong.say, wrong.misconception)
        sent = scenario.trace.terms({*names_in(self._source), Caller.__name__})
        texts = {*texts_of(sent), *self._words}
        if takes_all := captured(self._source, vars(scenario.answer), texts):
            wrong, found = Wrong(f"{takes_all}. In the run: {wrong.say}", "V1"), ("V1",)
        elif slips := slips_in(self._source, sent, scenario.trace.functions(), wrong.say):
            look = SENDS if answers_by_return(slips) else wrong.look
            if misplaces_parts(slips):  # it explains the run, and shows no misconception
                found, look = (), ""
            wrong = Wrong(f"{'; '.join(slips)}. In the run: {wrong.say}", found[0] if found else None, look)
        elif "line " not in wrong.say:
            ran = scenario.trace.functions() if wrong.say.endswith(RETURNED) else ()
            if (line := unwritten_line(self._source, wrong.say, ran)) is not None:
                wrong = wrong.at_line(line)
        scenario.failed(wrong)
        return Verdict(tuple(scenario.steps), found, self._excerpt, wrong.look, scenario.marks, wrong.first, incomplete)

    async def _main(self) -> None:
        # The scheduler has replaced what would be real I/O by now.
        self._integrity.begin()
        # The answer may replace the methods of the class.
        check_names, check_step = self._integrity.check, self._integrity.check_step
        try:
            await self._check(check_names, check_step)
        except BaseException as error:
            if self._scenario is not None:  # before the run is cleaned up
                self._excerpt = self._scenario.excerpt(error if isinstance(error, Wrong) else None)
            self._unawaited.find_held()
            check_names()  # it explains the others
            raise

    async def _check(self, check_names: Callable[[], None], check_step: Callable[[], None]) -> None:
        answer = ModuleType("answer")
        answer.__file__ = FILE
        sys.modules["answer"] = answer
        exec(self._code, vars(answer))  # behind walls: this is what the child is for
        check_names()
        self._scenario = scenario = Scenario(answer, self._seed, self._code, self._records)
        scenario.at_step = check_step
        await self._run(scenario)
        await scenario.end()
        check_names()
        scenario.done()


def _describe_error(error: BaseException) -> str:
    """Return an exception of an answer, with its line; the library may name the line that it means."""
    lines = _lines_of(error)
    said = SUGGESTED.sub(r"\1", _first_line(error))
    if isinstance(error, otp.Exit) and not lines:
        return f"a process that asks yours was ended, with the reason {said!r}: is yours linked with it?"
    if isinstance(error, RuntimeError) and "event loop" in said:  # otp.run, or asyncio.run
        said = 'expected no program to run while the file is imported; put it under `if __name__ == "__main__":`'
        return f"line {lines[-1]}: {said}" if lines else said
    if named := PLACE.search(said):
        lines.append(named[1])
        said = PLACE.sub("", said, 1)
    where = f"line {lines[-1]}: " if lines else ""
    slip = explain_slip(type(error).__name__, said, stack_of(error))
    return f"{where}{type(error).__name__}: {said}".removesuffix(": ") + (f"; {slip}" if slip else "")


def _lines_of(error: BaseException) -> list[str]:
    """Return the lines of the answer through which an exception came, the innermost last."""
    return [str(frame.lineno) for frame in traceback.extract_tb(error.__traceback__) if frame.filename == FILE]


def _line_of(error: BaseException) -> str:
    """Return the innermost line of the answer in an exception, as `line 15: `, or ""."""
    lines = _lines_of(error)
    return f"line {lines[-1]}: " if lines else ""


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0][:400]
