"""Operations for teachers: where each learner is in the course, and what they did."""

from __future__ import annotations

import asyncio
import csv
import io
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from superlearner.base.natural import natural
from superlearner.control.clock import timestamp
from superlearner.control.terms import clip
from superlearner.course.classroom import Classroom
from superlearner.course.course import Course
from superlearner.course.lesson import Exercise, Lesson
from superlearner.course.misconceptions import MISCONCEPTIONS, explain_misconceptions
from superlearner.course.progress import ASKS, ItemState, Progress
from superlearner.observing.monitoring.export import cell
from superlearner.operations.builtin.course import STORED, describe_session, place_of_block
from superlearner.operations.builtin.restart_lines import describe_row
from superlearner.operations.builtin.store import reading_the_store
from superlearner.operations.context import Context
from superlearner.operations.declaration import Download, operation
from superlearner.operations.engine.seams import MomentHistory
from superlearner.operations.results.course import (
    CourseLearner,
    CourseLearnerAnswer,
    CourseLearnerExercise,
    CourseLearnerFailedRuns,
    CourseLearnerPrediction,
    CourseLearnerSandbox,
    CourseLearnerSession,
    CourseLearnerWork,
    CourseLessonEnded,
    CourseSession,
    CourseStepReached,
)
from superlearner.operations.rights.accounts import Accounts, standing_of
from superlearner.operations.rights.homes import HOME
from superlearner.operations.rights.sandbox_access import ask
from superlearner.operations.rights.user_access import UserName, find_user, may_manage
from superlearner.sandbox import Sandboxes
from superlearner.sandbox.happenings import StopAll
from superlearner.sandbox.record import WORKBENCH, Sandbox
from superlearner.sandbox.sandboxes import FailedRuns
from superlearner.store import MomentRow, UserRow

EXERCISE_COLUMNS: Final = (
    "name", "id", "session", "exercise", "title", "path", "passed", "passed_with_help", "attempts", "hints",
    "solution_opened", "what_was_wrong", "last_misconception", "belief", "last_activity",
)  # fmt: skip
MOST_CRASHES: Final = 1000
"""The most restarts of learners' sandboxes, newest first, in which crashes are counted."""
CRASH: Final = re.compile(r" (?:crashed|gave up)\b")
"""Words that mark the line of a crash; its cause does not mark a crash, and sums have none."""
PLACE: Final = re.compile(r"(\S+:\d+)(?: in \S+)?$")
LONGEST_REASON: Final = 200
LESSON_OVER: Final = "the lesson is over"
BYTE_ORDER_MARK: Final = "\ufeff"
"""The beginning of a file that spreadsheets are to read as UTF-8."""


@operation("course.learners", http=("GET", "/course/learners"), scope="code", on="platform", errors=STORED,
           media=("text/csv",),
           short="name,at,session,stuck,passed,mispredicted current.id,attempts,hints,said")  # fmt: skip
async def learners(
    accounts: Accounts,
    classroom: Classroom,
    sandboxes: Sandboxes,
    history: MomentHistory | None,
    /,
    format: Annotated[
        Literal["json", "csv", "exercises"],
        Field(
            description="`csv`: a file with one row for each learner, sorted by name, safe to open in a spreadsheet; "
            "`exercises`: a file with one row for each exercise that a learner has begun"
        ),
    ] = "json",
) -> list[CourseLearner]:
    """List where each learner is, those who are stuck first, then by name.

    `session` is the one opened or worked in last. `current` is the newest exercise that is not passed, preferably of
    that session; if all are passed, the newest one of that session. A learner is stuck while an exercise, then
    `current`, has not passed after four attempts or after all its hints, or if the last three they tried have not
    passed. `predicted` and `mispredicted` count all sessions. For teachers.
    """
    course = classroom.course
    with reading_the_store():
        rows = [
            row for row in await accounts.all() if standing_of(row) == "learner" and not accounts.has_left(row.name)
        ]
        done = await classroom.read()
    names = {row.name for row in rows}
    theirs = [one for one in sandboxes.all() if one.owner in names and not one.id.startswith((WORKBENCH, HOME))]
    shown = await _describe_sandboxes(theirs, history)
    found = [
        _learner(
            row, done.get(row.name) or Progress(), course, classroom.opened(row.name), shown.get(row.name, []),
            sandboxes.failed_runs.get(row.name),
        )
        for row in rows
    ]  # fmt: skip
    by_name = sorted(found, key=lambda one: natural(one.shown))
    if format == "csv":
        return _download("class", _as_csv(by_name, course))
    if format == "exercises":
        return _download("exercises", _exercises_as_csv(by_name, done, course))
    return sorted(found, key=lambda one: (not one.stuck, natural(one.shown)))


def _download(name: str, text: str) -> Any:
    """Return a file, where the signature names the model of a learner."""

    async def parts() -> AsyncIterator[str]:
        yield text

    return Download("text/csv", f"superlearner-{name}-{timestamp()[:10]}.csv", parts())


def _as_csv(found: list[CourseLearner], course: Course) -> str:
    """Return the learners as CSV: a column for each number, since spreadsheets read 3/12 as a date."""
    page = io.StringIO()
    writer = csv.writer(page)
    sessions = {one.number: len(one.blocks(ASKS)) for one in course.lessons}
    columns = ["name", "id", "last_activity", "exercises_passed", "exercises", "predictions_right", "predictions_wrong"]
    writer.writerow([*columns, *(f"session_{number}_{what}" for number in sessions for what in ("done", "of"))])
    for one in found:
        done = {begun.number: begun.done for begun in one.sessions}
        at = "" if one.at is None else timestamp(one.at)
        facts = [one.shown, one.name, at, one.passed, one.exercises, one.predicted, one.mispredicted]
        parts = [count for number, of in sessions.items() for count in (done.get(number, 0), of)]
        writer.writerow(map(cell, [*facts, *parts]))
    return BYTE_ORDER_MARK + page.getvalue()


def _exercises_as_csv(found: list[CourseLearner], done: Mapping[str, Progress], course: Course) -> str:
    """Return the work of learners as CSV: one row for each exercise that a learner has begun."""
    page = io.StringIO()
    writer = csv.writer(page)
    writer.writerow(EXERCISE_COLUMNS)
    for one in found:
        progress = done.get(one.name) or Progress()
        for lesson in course.lessons:
            for block in lesson.blocks(Exercise):
                item = progress.of(block.id)
                if item.at is None:
                    continue
                facts = [
                    one.shown,
                    one.name,
                    lesson.number,
                    block.id,
                    block.title,
                    "core" if block.core else "practice",
                ]
                work = [int(item.passed), int(item.passed and item.helped), item.attempts, item.hints, int(item.seen)]
                belief = MISCONCEPTIONS[item.last].belief if item.last else ""
                wrong = " ".join(item.said.split())
                writer.writerow(map(cell, [*facts, *work, wrong, item.last, belief, timestamp(item.at)]))
    return BYTE_ORDER_MARK + page.getvalue()


@operation("course.end_lesson", http=("POST", "/course/end-lesson"), scope="code", on="platform", changes=True,
           destroys=True, errors=(*STORED, "service_unavailable"), short="learners sandboxes")  # fmt: skip
async def end_lesson(ctx: Context, accounts: Accounts, /) -> CourseLessonEnded:
    """End a lesson: sign out all learners and stop their sandboxes.

    Code, progress and accounts stay; a stopped sandbox can run again. Unused sign-in links end too, so make new ones
    for the next lesson. Tokens, such as those for terminals, stay valid: revoke them with token.revoke. For teachers.
    """
    may_manage(ctx, "learner", "ending a lesson")
    with reading_the_store():
        rows = [row for row in await accounts.all() if row.revoked is None and standing_of(row) == "learner"]
        ctx.about_to(f"sign out {len(rows)} learner{'' if len(rows) == 1 else 's'} and stop their sandboxes")
        for row in rows:
            await accounts.sign_out(row, "lesson_over")
    names = frozenset(row.name for row in rows)
    stopped = await ask(ctx, StopAll(None, names, LESSON_OVER))
    return CourseLessonEnded(ended=True, learners=len(rows), sandboxes=list(stopped))


@operation("course.learner", http=("GET", "/course/learners/{name}"), scope="code", on="platform",
           errors=("user_not_found", *STORED), short="exercises.id,attempts,passed,hints,said,at")  # fmt: skip
async def learner(accounts: Accounts, classroom: Classroom, course: Course, /, name: UserName) -> CourseLearnerWork:
    """List exercises and predictions of a learner: attempts, the newest answer, and what was wrong with it.

    For teachers. The beginning of a name is enough if it fits only one learner. Reflections stay with the learner.
    """
    with reading_the_store():
        row = await find_user(accounts, name, by_beginning=True)
        done = (await classroom.read()).get(row.name) or Progress()
        answers = await classroom.answers(row.name)
    begun = [
        CourseLearnerAnswer(
            **dict(_learner_exercise(one.number, block, done.of(block.id))), answer=answers.get(block.id, "")
        )
        for one in course.lessons
        for block in one.blocks(Exercise)
        if done.of(block.id).at is not None
    ]
    predicted = [
        CourseLearnerPrediction(
            session=one.number, id=block.id, question=block.question, right=done.of(block.id).passed,
            at=done.of(block.id).at or 0.0,
            page=f"/learn/{one.number}#{place_of_block(block.id)}",
        )
        for one in course.lessons
        for block in done.list_predicted(one)
    ]  # fmt: skip
    return CourseLearnerWork(
        name=row.name,
        shown=row.shown or row.name,
        exercises=sorted(begun, key=lambda one: -one.at),
        predictions=sorted(predicted, key=lambda one: -one.at),
    )


def _learner(
    row: UserRow,
    done: Progress,
    course: Course,
    opened: tuple[int, float] | None,
    sandboxes: list[CourseLearnerSandbox],
    failed: FailedRuns | None,
) -> CourseLearner:
    sessions = [describe_session(one, done) for one in course.lessons]
    begun = done.list_begun(course.lessons)
    newest = done.newest(course.lessons)
    session = None if newest is None else newest.number
    if opened is not None and (newest is None or opened[1] >= done.latest_of(newest)):
        session = opened[0]
    current = done.current(course.lessons, session)
    right, wrong = done.count_predicted(course.lessons)
    return CourseLearner(
        name=row.name,
        shown=row.shown or row.name,
        at=max((at for at in (done.latest(), row.seen, opened and opened[1]) if at is not None), default=None),
        session=session,
        passed=sum(one.passed for one in sessions),
        exercises=sum(one.exercises for one in sessions),
        predicted=right,
        mispredicted=wrong,
        current=current and _learner_exercise(_number_of(current, course), current, done.of(current.id)),
        stuck=done.stuck_at(begun) is not None,
        sessions=[
            _learner_session(lesson, one, done)
            for lesson, one in zip(course.lessons, sessions, strict=True)
            if one.state != "untouched" or one.number == session
        ],
        sandboxes=sandboxes,
        failed_runs=None if failed is None else CourseLearnerFailedRuns(**failed._asdict()),
    )


async def _describe_sandboxes(
    sandboxes: Sequence[Sandbox], history: MomentHistory | None
) -> dict[str, list[CourseLearnerSandbox]]:
    """Return the sandboxes of each owner, newest first, with the crashes of those that run."""
    running = [one for one in sandboxes if one.alive]
    rows: list[MomentRow] = []
    if history is not None and running:
        since = min(map(_code_since, running))
        nodes = [one.node for one in running]
        rows, _ = await history.page(nodes, [], None, since, None, 0, MOST_CRASHES, replays=False)
    crashes = {
        one.id: [row for row in rows if row.node == one.node and row.at >= _code_since(one) and CRASH.search(row.line)]
        for one in running
    }
    last_ones = {id: of[0] for id, of in crashes.items() if of}
    whole = [] if history is None else await history.read_replays([*last_ones.values()])
    described = dict(zip(last_ones, await asyncio.to_thread(lambda: [*map(_describe_crash, whole)]), strict=True))
    shown: dict[str, list[CourseLearnerSandbox]] = {}
    for one in sandboxes:
        of, last = crashes.get(one.id, []), last_ones.get(one.id)
        about = CourseLearnerSandbox(
            id=one.id, status=one.status, reason=one.reason, at=one.ended_at or one.created_at,
            crashes=sum(row.count for row in of),
            crash=described.get(one.id),
            crashed_at=last and last.until,
        )  # fmt: skip
        shown.setdefault(one.owner, []).append(about)
    return shown


def _describe_crash(row: MomentRow) -> str:
    """Return what crashed, why as far as that is known, and at which line."""
    reason, where = describe_row(row, "").reason, _place_of(row)
    return f"{row.line}{f': {clip(reason, LONGEST_REASON)}' if reason else ''}{f' ({where})' if where else ''}"


def _place_of(row: MomentRow) -> str:
    """Return the line of code that raised; "" if it is not known, as for a sum.

    >>> _place_of(MomentRow("a", "", 1, 1, 0.0, 0.0, "till crashed", cause="KeyError main.py:15 in Till.handle_cast"))
    'main.py:15'
    """
    found = PLACE.search(row.cause or "")
    return "" if found is None else found[1]


def _code_since(sandbox: Sandbox) -> float:
    """Return when the code of a sandbox last started or changed."""
    return max(sandbox.started_at or sandbox.created_at, sandbox.ran_at)


def _learner_session(lesson: Lesson, one: CourseSession, done: Progress) -> CourseLearnerSession:
    right, wrong = done.count_predicted([lesson])
    return CourseLearnerSession(
        number=one.number, passed=one.passed, exercises=one.exercises, state=one.state, predictions=one.predictions,
        right=right, wrong=wrong,
        done=done.count_done(lesson), parts=len(lesson.blocks(ASKS)),
    )  # fmt: skip


def _number_of(exercise: Exercise, course: Course) -> int:
    return next(one.number for one in course.lessons if exercise in one.blocks(Exercise))


def _learner_exercise(session: int, exercise: Exercise, item: ItemState) -> CourseLearnerExercise:
    return CourseLearnerExercise(
        session=session, id=exercise.id, title=exercise.title, attempts=item.attempts, passed=item.passed,
        helped=item.helped, hints=item.hints, seen=item.seen, said=item.said,
        steps=[CourseStepReached(step=step, ok=number <= item.held) for number, step in enumerate(item.steps, 1)],
        fact=next((one.fact for one in explain_misconceptions(item.shown, item.look)), None),
        at=item.at or 0.0,
        page=f"/learn/{session}#{place_of_block(exercise.id)}",
    )  # fmt: skip
