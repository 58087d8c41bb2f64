"""The course: sessions, checks of answers, predictions, hints, solutions, and what a learner has done."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field

from superlearner.course.classroom import Classroom
from superlearner.course.course import Course, UnknownItem, full_id
from superlearner.course.engine.checking import Checker, CheckNotRun
from superlearner.course.engine.verdict import VEILED
from superlearner.course.lesson import Block, Cell, Exercise, Lesson, Measure, Picture, Predict, Reflect, Text
from superlearner.course.misconceptions import MISCONCEPTIONS, explain_misconceptions
from superlearner.course.progress import ASKS, ItemState, Missed, NotYet, Progress, now
from superlearner.course.reading import MARKDOWN, render_html
from superlearner.course.review import Due, Review
from superlearner.operations.builtin.store import reading_the_store
from superlearner.operations.context import Context
from superlearner.operations.declaration import Picker, operation
from superlearner.operations.failures import OperationError
from superlearner.operations.results.course import (
    CourseBlock,
    CourseChecked,
    CourseEarlier,
    CourseEarned,
    CourseExport,
    CourseForgotten,
    CourseHint,
    CourseImported,
    CourseItem,
    CourseLesson,
    CourseMissed,
    CourseNext,
    CoursePredicted,
    CourseReflected,
    CourseReview,
    CourseReviewItem,
    CourseSection,
    CourseSession,
    CourseSolution,
)
from superlearner.operations.rights.accounts import Accounts, standing_of
from superlearner.operations.rights.user_access import UserName, find_user, may_manage
from superlearner.operations.rights.users import key_of
from superlearner.store import Store
from superlearner.store.learning import Learned

LEAST_CHARACTERS: Final = 40
LEAST_WORDS: Final = 6
"""Different words of an answer in one's own words."""
MOST_IMPORTED: Final = 20_000
WORDS: Final = "The loop is the same for every server; only what it does differs."
KINDS: Final = ("attempt", "prediction", "reflection", "hint", "solution")
SHOWN: Final[dict[type, Any]] = {Exercise: "exercise", Predict: "predict", Reflect: "reflect"}
WORD: Final = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]|[^\W\d_]+")
"""A word; of a language that puts no spaces between words, a letter."""
THERE: Final = ("course_item_not_found",)
STORED: Final = ("store_unavailable",)

ExerciseId = Annotated[
    str,
    AfterValidator(full_id),
    Field(max_length=100, description="id of the exercise", examples=["s12.minimal"]),
]


@operation("course.sessions", http=("GET", "/course/sessions"), scope="read", on="platform", of="user",
           short="number,title,minutes,state,passed,exercises")  # fmt: skip
async def sessions(ctx: Context, course: Course, store: Store, /) -> list[CourseSession]:
    """List the sessions of the course, and how far you are. Some are still to come."""
    progress = await _known_progress(ctx, store)
    written = {one.number: describe_session(one, progress) for one in course.lessons}
    titles = {number: title for phase in course.phases for number, title in phase.sessions.items()}
    return [written.get(number) or _to_come(number, title) for number, title in titles.items()]


@operation("course.lesson", http=("GET", "/course/sessions/{number}"), scope="read", on="platform", of="user",
           errors=THERE, short="title sections.title,core")  # fmt: skip
async def lesson(
    ctx: Context,
    course: Course,
    store: Store,
    classroom: Classroom,
    /,
    number: Annotated[int, Field(ge=1, le=99, description="number of the session", examples=[12])],
) -> CourseLesson:
    """Show a session, without what has to be earned, and what you did in it."""
    found = item_there(lambda: course.lesson(number))
    classroom.open(ctx.user.name, number)
    progress = await _known_progress(ctx, store)
    return CourseLesson(
        **describe_session(found, progress).model_dump(),
        sources=[asdict(one) for one in found.sources],
        missed=[_missed(one) for one in progress.missed(found)],
        sections=[
            CourseSection(
                id=one.id,
                title=one.title,
                core=one.core,
                blocks=[_block(block, progress, course) for block in one.blocks],
            )
            for one in found.sections
        ],
    )


@operation("course.next", http=("GET", "/course/next"), scope="read", on="platform", of="user",
           short="session id kind title page")  # fmt: skip
async def next_item(ctx: Context, course: Course, store: Store, /) -> CourseNext:
    """Show what to do next in the course.

    The first part that is not done of the core path of the session that you worked on last; after its core path, that
    of the next session. Practice follows when all core paths are done.
    """
    progress = await _known_progress(ctx, store)
    if (found := progress.next_in(course.lessons)) is not None:
        one, block = found
        return CourseNext(
            session=one.number, id=block.id, kind=SHOWN[type(block)], title=getattr(block, "title", None),
            core=block.core, page=f"/learn/{one.number}#{place_of_block(block.id)}",
            begun=progress.state(one) != "untouched",
        )  # fmt: skip
    return CourseNext()


@operation("course.review", http=("GET", "/course/review"), scope="read", on="platform", of="user", errors=STORED,
           short="due.id,topic,title next_at")  # fmt: skip
async def review(ctx: Context, course: Course, store: Store, /) -> CourseReview:
    """List what to answer once more today.

    What you have answered comes back after 1, 3, 7 and 21 days; after a wrong answer it starts with 1 again. Answer it
    on its page, or with course.predict and course.check. An exercise counts if it passes without a hint.
    """
    with reading_the_store():
        found = Review(course.lessons, await store.learning.of(ctx.user.name))
    at = now()
    return CourseReview(due=[_due(one) for one in found.due(at)], next_at=found.next_at(at))


@operation("course.check", http=("POST", "/course/exercises/{exercise}/check"), scope="code", on="platform", of="user",
           changes=True, errors=(*THERE, "service_unavailable"),
           short="ok checks.ok,step,say misconceptions.id,fact")  # fmt: skip
async def check(
    ctx: Context,
    course: Course,
    checker: Checker,
    store: Store,
    /,
    exercise: ExerciseId,
    source: Annotated[
        str, Field(max_length=200_000, description="your answer, a Python file", examples=["answer = None"])
    ],
) -> CourseChecked:
    """Check the answer of an exercise.

    It runs in an isolated child process, in virtual time, under several orders of events.
    """
    asked = item_there(lambda: course.exercise(exercise))
    ctx.about_to(f"check an answer of {exercise}")
    try:
        checked = await checker.check(exercise, course.check_source(exercise), source)
    except CheckNotRun as error:
        raise OperationError("service_unavailable", f"it was not checked: {error}") from None
    verdict = checked.verdict
    if verdict.first and not await _was_wrong_before(ctx, store, exercise, source):
        verdict = verdict.veiled()
    unchanged = (await _known_progress(ctx, store)).of(exercise).is_unchanged(source)
    kept = await _try_to_store(ctx, store, "attempt", exercise, checked.verdict.as_attempt(source))
    return CourseChecked(
        exercise=exercise,
        ok=verdict.ok,
        misconceptions=explain_misconceptions(verdict.misconceptions, verdict.look),
        checks=list(verdict.steps),
        excerpt=list(verdict.excerpt),
        marks=list(verdict.marks),
        why=_html(asked.why) if verdict.ok else None,
        other=course.other_solution(exercise) if verdict.ok else None,
        printed=checked.printed,
        unchanged=unchanged,
        kept=kept,
    )


@operation("course.predict", http=("POST", "/course/predictions/{prediction}"), scope="operate", on="platform",
           of="user", changes=True, errors=(*THERE, "service_unavailable"),
           short="right happened explain")  # fmt: skip
async def predict(
    ctx: Context,
    course: Course,
    checker: Checker,
    store: Store,
    /,
    prediction: Annotated[
        str, AfterValidator(full_id), Field(max_length=100, description="id of the prediction", examples=["s12.p1"])
    ],
    choice: Annotated[int, Field(ge=1, le=20, description="number of the option that you choose", examples=[2])],
) -> CoursePredicted:
    """Choose an option of a prediction; then its scenario runs and gives the answer."""
    asked = item_there(lambda: course.predict(prediction))
    if choice > len(asked.options):
        raise OperationError("validation_error", f"choice: {prediction} has {len(asked.options)} options")
    ctx.about_to(f"choose option {choice} of {prediction}")
    with running():
        outcome = await checker.run(asked.scenario, course.check_source(asked.scenario))
    chosen = asked.options[choice - 1]
    kept = await _try_to_store(ctx, store, "prediction", prediction, {"choice": choice, "right": chosen.right})
    return CoursePredicted(
        prediction=prediction,
        right=chosen.right,
        happened=outcome.happened,
        option=1 + next(number for number, option in enumerate(asked.options) if option.right),
        misconception=None if chosen.misconception is None else MISCONCEPTIONS[chosen.misconception],
        say=chosen.say,
        explain=_html(asked.explain),
        excerpt=list(outcome.excerpt),
        kept=kept,
    )


@operation("course.reflect", http=("POST", "/course/reflections/{reflection}"), scope="operate", on="platform",
           of="user", changes=True, errors=THERE)  # fmt: skip
async def reflect(
    ctx: Context,
    course: Course,
    store: Store,
    /,
    reflection: Annotated[
        str, AfterValidator(full_id), Field(max_length=100, description="id of the reflection", examples=["s12.r1"])
    ],
    text: Annotated[str, Field(max_length=20_000, description="your own words", examples=[WORDS])],
) -> CourseReflected:
    """Write your own words, at least 40 characters and six words; then see the model answer. They are private."""
    asked = item_there(lambda: course.reflect(reflection))
    if len(text.strip()) < LEAST_CHARACTERS:
        expected = f"text: expected at least {LEAST_CHARACTERS} characters of your own words"
        raise OperationError("validation_error", expected)
    if len({word.lower() for word in WORD.findall(text)}) < LEAST_WORDS:
        raise OperationError("validation_error", f"text: expected at least {LEAST_WORDS} different words")
    ctx.about_to(f"keep what you wrote for {reflection}")
    kept = await _try_to_store(ctx, store, "reflection", reflection, {"text": text})
    return CourseReflected(reflection=reflection, answer=_html(asked.answer), kept=kept)


@operation("course.hint", http=("POST", "/course/exercises/{exercise}/hints"), scope="operate", on="platform",
           of="user", changes=True, errors=(*THERE, *STORED, "not_yet"), short="text")  # fmt: skip
async def hint(
    ctx: Context,
    course: Course,
    store: Store,
    /,
    exercise: ExerciseId,
    level: Annotated[int, Field(ge=1, le=4, description="1 (a question) to 4 (nearly the code)")] = 1,
) -> CourseHint:
    """Take a hint. They open one after the other, and fit the answer that was checked last."""
    asked = item_there(lambda: course.exercise(exercise))
    item = (await _progress(ctx, store)).of(exercise)
    try:
        item.check_hint(level, len(asked.hints))
    except NotYet as error:
        raise OperationError("not_yet", str(error)) from None
    ctx.about_to(f"take hint {level} of {exercise}")
    if level > item.hints or item.passed:  # in a review the same hint is help once more
        await _store(ctx, store, "hint", exercise, {"level": level})
    return CourseHint(
        exercise=exercise, level=level, hints=len(asked.hints), text=_html(asked.hints[level - 1].at(item.held + 1))
    )


@operation("course.solution", http=("POST", "/course/exercises/{exercise}/solution"), scope="operate", on="platform",
           of="user", changes=True, errors=(*THERE, *STORED, "not_yet"), short="source")  # fmt: skip
async def solution(
    ctx: Context,
    course: Course,
    store: Store,
    /,
    exercise: ExerciseId,
    continued_by: Annotated[
        str | None,
        Field(max_length=100, description="an exercise that builds on it", examples=["s09.delay"]),
        AfterValidator(lambda given: given and full_id(given)),
    ] = None,
) -> CourseSolution:
    """See the reference solution, once your answer has passed or all hints are taken.

    To go on with an exercise that builds on it, you may see it at once.
    """
    asked = item_there(lambda: course.exercise(exercise))
    builds = continued_by is not None and exercise in item_there(lambda: course.exercise(continued_by)).builds_on
    item = (await _progress(ctx, store)).of(exercise)
    try:
        if not builds:
            item.check_solution(len(asked.hints))
    except NotYet as error:
        raise OperationError("not_yet", str(error)) from None
    ctx.about_to(f"see the solution of {exercise}")
    await _store(ctx, store, "solution", exercise, {})
    return CourseSolution(exercise=exercise, source=course.solution(exercise))


@operation("course.progress", http=("GET", "/course/progress"), scope="read", on="platform", of="user",
           errors=STORED, short="id,passed,attempts,hints,helped")  # fmt: skip
async def progress(ctx: Context, course: Course, store: Store, /) -> list[CourseItem]:
    """List the exercises, predictions and reflections that you have begun."""
    found = await _progress(ctx, store)
    items = [block.id for one in course.lessons for kind in (Exercise, Predict, Reflect) for block in one.blocks(kind)]
    return [_item(id, found.of(id)) for id in items if found.of(id).at is not None]


@operation("course.export", http=("GET", "/course/export"), scope="read", on="platform", of="user", errors=STORED)
async def export(ctx: Context, store: Store, /) -> CourseExport:
    """Show all that you did in the course, to take it along to another platform."""
    with reading_the_store():
        done = await store.learning.of(ctx.user.name)
    return CourseExport(done=[{"kind": one.kind, "item": one.item, "at": one.at, "data": one.data} for one in done])


@operation("course.import", http=("POST", "/course/import"), scope="operate", on="platform", of="user", changes=True,
           errors=STORED)  # fmt: skip
async def import_(
    ctx: Context,
    store: Store,
    /,
    done: Annotated[
        list[dict[str, Any]], Field(max_length=MOST_IMPORTED, description="`done` of an export", examples=[[]])
    ],
) -> CourseImported:
    """Add what course.export has shown on another platform; what is there already is not added twice."""
    read = [_learned(one, number) for number, one in enumerate(done)]
    ctx.about_to(f"add {len(read)} things that you did in the course")
    with reading_the_store():
        known = {(one.kind, one.item, one.at) for one in await store.learning.of(ctx.user.name)}
        new = sorted((one for one in read if (one.kind, one.item, one.at) not in known), key=lambda one: one.at)
        for one in new:
            await store.learning.add(ctx.user.name, one)
    return CourseImported(learner=ctx.user.name, added=len(new), known=len(read) - len(new))


@operation("course.reset", http=("DELETE", "/course/progress"), scope="operate", on="platform", of="user",
           changes=True, destroys=True, errors=(*THERE, *STORED, "user_not_found"))  # fmt: skip
async def reset(
    ctx: Context,
    accounts: Accounts,
    course: Course,
    store: Store,
    /,
    learner: Annotated[
        UserName | None, Field(description="a learner, if you are a teacher; by default yourself"), Picker("user")
    ] = None,
    session: Annotated[
        int | None, Field(ge=1, le=99, description="only this session; by default all", examples=[12])
    ] = None,
) -> CourseForgotten:
    """Delete your work in the course, or in one session of it.

    Teachers can also reset a learner. The account and its sandboxes stay.
    """
    name, whose = ctx.user.name, "your work"
    if learner is not None and key_of(learner) != key_of(name):
        name, whose = await _learner_to_reset(ctx, accounts, learner)
    items = None
    if session is not None:
        found = item_there(lambda: course.lesson(session))
        items = [block.id for block in found.blocks(ASKS)]
    what = "in the course" if session is None else f"in session {session}"
    ctx.about_to(f"delete {whose} {what}")
    with reading_the_store():
        return CourseForgotten(learner=name, forgotten=await store.learning.forget(name, items))


async def _learner_to_reset(ctx: Context, accounts: Accounts, learner: str) -> tuple[str, str]:
    """Return the name of a learner whom the caller may reset, and their work as a phrase.

    Raises:
        OperationError: `missing_scope`, before the user is looked up, so that learners cannot probe for names; or
            `user_not_found`.
    """
    if "code" not in ctx.user.scopes:
        raise ctx.missing_scope("resetting another learner", "code")
    with reading_the_store():
        row = await find_user(accounts, learner)
    may_manage(ctx, standing_of(row), f"resetting the {row.role} {row.name}")
    return row.name, f"the work of {row.shown or row.name}"


async def _progress(ctx: Context, store: Store) -> Progress:
    with reading_the_store():
        return Progress(await store.learning.of(ctx.user.name))


async def _known_progress(ctx: Context, store: Store) -> Progress:
    """Return what is stored; nothing without a store, since lessons can be read without it."""
    try:
        return await _progress(ctx, store)
    except OperationError:
        return Progress(())


async def _was_wrong_before(ctx: Context, store: Store, exercise: str, source: str) -> bool:
    """Return whether another answer was veiled before; True without a store, which could not count them."""
    try:
        with reading_the_store():
            done = await store.learning.of(ctx.user.name)
    except OperationError:
        return True
    wrong = [one.data for one in done if one.item == exercise and VEILED in one.data]
    return any(data.get("source") != source for data in wrong)


async def _try_to_store(ctx: Context, store: Store, kind: str, item: str, data: dict[str, Any]) -> bool:
    """Store what was done, and return whether it is stored; the answer matters more."""
    try:
        await _store(ctx, store, kind, item, data)
    except OperationError:
        return False
    return True


async def _store(ctx: Context, store: Store, kind: str, item: str, data: dict[str, Any]) -> None:
    with reading_the_store():
        await store.learning.add(ctx.user.name, Learned(kind, item, now(), data))


def _learned(one: dict[str, Any], number: int) -> Learned:
    match one:
        case {"kind": str(kind), "item": str(item), "at": int() | float() as at, "data": dict()} if kind in KINDS:
            return Learned(kind, item, float(at), one["data"])
        case _:
            expected = f"done[{number}]: expected kind ({', '.join(KINDS)}), item, at and data, as course.export shows"
            raise OperationError("validation_error", expected)


@contextmanager
def running() -> Generator[None]:
    """Turn a scenario that could not run into the operation's error."""
    try:
        yield
    except CheckNotRun as error:
        raise OperationError("service_unavailable", f"it did not run: {error}") from None


def item_there(find: Any) -> Any:
    """Return what `find` finds in the course; raise the operation's error for an unknown item."""
    try:
        return find()
    except UnknownItem as error:
        raise OperationError("course_item_not_found", str(error)) from None


def _item(id: str, item: ItemState) -> CourseItem:
    return CourseItem(
        id=id, attempts=item.attempts, passed=item.passed, helped=item.helped, hints=item.hints, seen=item.seen,
        answer=item.answer, passing=item.passing if isinstance(item.passing, str) else None,
    )  # fmt: skip


def _due(one: Due) -> CourseReviewItem:
    block = one.block
    return CourseReviewItem(
        session=one.lesson.number,
        id=block.id,
        kind=SHOWN[type(block)],
        title=_title(block),
        topic=one.topic.title,
        missed=one.missed,
        since=one.since,
        page=f"/learn/{one.lesson.number}?review={block.id}#{place_of_block(block.id)}",
    )


def place_of_block(id: str) -> str:
    """Return the place of a block on the page of its session."""
    return id.replace(".", "-")


def describe_session(one: Lesson, progress: Progress) -> CourseSession:
    """Return a session with a learner's progress in it."""
    exercises: list[Exercise] = one.blocks(Exercise)
    return CourseSession(
        number=one.number, title=one.title, minutes=one.minutes, goals=list(one.goals),
        prerequisites=list(one.prerequisites), exercises=len(exercises), predictions=len(one.blocks(Predict)),
        passed=sum(progress.of(exercise.id).passed for exercise in exercises), state=progress.state(one),
    )  # fmt: skip


def _to_come(number: int, title: str) -> CourseSession:
    return CourseSession(
        number=number, title=title, minutes=0, goals=[], prerequisites=[], exercises=0, predictions=0, passed=0,
        state="to come",
    )  # fmt: skip


def _missed(one: Missed) -> CourseMissed:
    block, practise = one.block, one.practise
    return CourseMissed(
        id=block.id,
        title=_title(block),
        why=one.why,
        fact=None if one.misconception is None else MISCONCEPTIONS[one.misconception].fact,
        practise=None if practise is None else practise.id,
        practise_title=None if practise is None else _title(practise),
    )


def _title(block: Exercise | Predict) -> str:
    return block.title if isinstance(block, Exercise) else block.question


def _block(block: Block, progress: Progress, course: Course) -> CourseBlock:
    match block:
        case Text():
            return CourseBlock(kind="text", html=block.html)
        case Cell():
            return CourseBlock(kind="cell", id=block.id, code=block.code)
        case Predict():
            return CourseBlock(
                kind="predict", id=block.id, core=block.core, text=_html(block.question),
                options=[option.text for option in block.options], decides=block.decides,
                state=_item(block.id, progress.of(block.id)),
                earned=_find_earned(block, progress.of(block.id)),
            )  # fmt: skip
        case Reflect():
            return CourseBlock(
                kind="reflect", id=block.id, core=block.core, text=_html(block.question),
                state=_item(block.id, progress.of(block.id)),
                earned=CourseEarned(answer=_html(block.answer)) if progress.of(block.id).attempts else None,
            )  # fmt: skip
        case Exercise():
            item = progress.of(block.id)
            return CourseBlock(
                kind="exercise", id=block.id, core=block.core, title=block.title, minutes=block.minutes,
                text=_html(block.task), code=block.stub, hints=len(block.hints),
                choice=None if block.choice is None else {**asdict(block.choice), "typed": _html(block.choice.typed)},
                builds_on=_earlier(block, progress, course),
                state=_item(block.id, item),
                earned=CourseEarned(
                    hints=[_html(one.at(item.held + 1)) for one in block.hints[: item.hints]],
                    why=_html(block.why) if item.passed else None,
                    other=course.other_solution(block.id) if item.passed else None,
                ),
            )  # fmt: skip
        case Picture():
            return CourseBlock(kind="picture", id=block.id, title=block.kind, of=block.of, text=_html(block.text))
        case Measure():
            return CourseBlock(kind="measure", id=block.id, text=_html(block.claim))


def _earlier(block: Exercise, progress: Progress, course: Course) -> list[CourseEarlier] | None:
    """Return the exercises on which one builds, with the learner's answers."""
    by_id = {one.id: (one, lesson.number) for lesson in course.lessons for one in lesson.blocks(Exercise)}
    return [
        CourseEarlier(id=id, title=one.title, session=number, answer=item.passing or item.answer, passed=item.passed)
        for id in block.builds_on
        if id in by_id
        for (one, number), item in [(by_id[id], progress.of(id))]
    ] or None


def _find_earned(asked: Predict, item: ItemState) -> CourseEarned | None:
    """Return what an answer to a prediction has opened."""
    if item.attempts == 0 or not isinstance(item.answer, int) or not 0 < item.answer <= len(asked.options):
        return None
    chosen = asked.options[item.answer - 1]
    return CourseEarned(
        answer=_html(asked.explain),
        option=1 + next(number for number, option in enumerate(asked.options) if option.right),
        misconception=None if chosen.misconception is None else MISCONCEPTIONS[chosen.misconception],
        say=chosen.say,
    )


def _html(text: str) -> str:
    return render_html(MARKDOWN.parse(text)).strip()
