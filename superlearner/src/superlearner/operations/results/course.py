"""Result models of the course."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from superlearner.course.engine.verdict import CourseMark, CourseRow, CourseStep
from superlearner.course.misconceptions import CourseMisconception
from superlearner.operations.results.result import ResultModel
from superlearner.sandbox.record import Status

__all__ = [
    "CourseBlock", "CourseChecked", "CourseEarlier", "CourseEarned", "CourseExport", "CourseForgotten",
    "CourseHint", "CourseImported", "CourseItem", "CourseLearner", "CourseLearnerAnswer", "CourseLearnerExercise",
    "CourseLearnerPrediction", "CourseLearnerSandbox", "CourseLearnerSession", "CourseLearnerWork", "CourseLesson",
    "CourseMissed", "CourseNext", "CoursePredicted", "CourseReflected", "CourseReview", "CourseReviewItem",
    "CourseSection", "CourseSession", "CourseSolution", "CourseStepReached",
]  # fmt: skip

SessionState = Literal["untouched", "in work", "passed", "passed with help", "to come"]


class CourseItem(ResultModel):
    """The work of the learner on an exercise, a prediction or a reflection."""

    id: str
    attempts: int = Field(description="checked answers; checking an unchanged answer again does not count")
    passed: bool = Field(description="for a prediction: the first choice was right")
    helped: bool
    hints: int
    seen: bool = Field(description="the solution was shown")
    answer: Any = Field(description="the newest answer: source, number of the option, or text")
    passing: str | None = Field(default=None, description="the newest source of an exercise that passed")


class CourseSession(ResultModel):
    """A session of the course."""

    number: int
    title: str
    minutes: int = Field(description="of its core path")
    goals: list[str]
    prerequisites: list[int] = Field(description="sessions that help; they never lock")
    exercises: int
    predictions: int
    passed: int = Field(description="exercises that the learner has passed")
    state: SessionState


class CourseEarned(ResultModel):
    """The parts of a block that an answer or a hint has opened."""

    hints: list[str] = Field(default=[], description="the hints that were taken, as HTML")
    answer: str | None = Field(default=None, description="the model answer or the explanation, as HTML")
    option: int | None = Field(default=None, description="the number of the right option")
    misconception: CourseMisconception | None = None
    say: str | None = None
    why: str | None = Field(default=None, description="why a right answer of an exercise is right, as HTML")
    other: str | None = Field(default=None, description="another right answer")


class CourseEarlier(ResultModel):
    """An exercise on which another one builds."""

    id: str
    title: str
    session: int
    answer: str | None = Field(description="the learner's newest answer to it that passed, else the newest one")
    passed: bool


class CourseBlock(ResultModel):
    """A part of a session; the fields depend on the kind."""

    kind: Literal["text", "cell", "predict", "reflect", "exercise", "picture", "measure"]
    id: str | None = None
    core: bool = False
    html: str | None = None
    code: str | None = None
    title: str | None = None
    minutes: int | None = None
    text: str | None = Field(default=None, description="question, task or claim, as HTML")
    of: str | None = Field(default=None, description="the scenario or recorded restart of a picture")
    options: list[str] | None = None
    decides: Literal["run", "count"] | None = Field(default=None, description="what answers a prediction")
    hints: int | None = Field(default=None, description="how many there are")
    choice: dict[str, Any] | None = None
    builds_on: list[CourseEarlier] | None = None
    state: CourseItem | None = None
    earned: CourseEarned | None = None


class CourseSection(ResultModel):
    """A section of a session."""

    id: str
    title: str
    core: bool
    blocks: list[CourseBlock]


class CourseMissed(ResultModel):
    """A part of the core path that was difficult for the learner."""

    id: str
    title: str = Field(description="of the exercise, or the question")
    why: str = Field(description="what was difficult")
    fact: str | None = Field(description="the fact about the misconception that an answer showed")
    practise: str | None = Field(description="id of what practises the same, and is not done")
    practise_title: str | None


class CourseLesson(CourseSession):
    """A session with its sections; without what has to be earned."""

    sources: list[dict[str, str]]
    missed: list[CourseMissed]
    sections: list[CourseSection]


class CourseNext(ResultModel):
    """The thing to do next; all fields are null when everything is done."""

    session: int | None = None
    id: str | None = None
    kind: Literal["exercise", "predict", "reflect"] | None = None
    title: str | None = Field(default=None, description="title of an exercise")
    core: bool | None = Field(default=None, description="whether it belongs to the core path")
    page: str | None = Field(default=None, description="its place on the platform's pages")
    begun: bool = Field(default=False, description="whether something in its session was done before")


class CourseReviewItem(ResultModel):
    """An exercise or a prediction to answer once more."""

    session: int
    id: str
    kind: Literal["exercise", "predict"]
    title: str = Field(description="of the exercise, or the question")
    topic: str = Field(description="title of its section")
    missed: bool = Field(description="the last answer was wrong, or needed help")
    since: float = Field(description="time when it became due, in seconds since 1970")
    page: str = Field(description="its place on the platform's pages")


class CourseReview(ResultModel):
    """The review of today."""

    due: list[CourseReviewItem] = Field(description="of different topics, at most five a day; missed ones first")
    next_at: float | None = Field(
        description="time of the next item to answer, in seconds since 1970; null if nothing was answered yet"
    )


class CourseChecked(ResultModel):
    """The verdict on an answer."""

    exercise: str
    ok: bool
    misconceptions: list[CourseMisconception]
    checks: list[CourseStep] = Field(description="the steps that were reached")
    excerpt: list[CourseRow] = Field(description="the last messages before it failed")
    marks: list[CourseMark] = Field(description="the rows of the answer, as far as they were judged")
    why: str | None = Field(description="why the answer is right, as HTML")
    other: str | None = Field(description="another right answer")
    printed: str
    unchanged: bool = Field(description="it equals the answer checked last, and is not counted as an attempt")
    kept: bool = Field(description="false: there is no database, so progress does not know of it")


class CoursePredicted(ResultModel):
    """The outcome of the run of a prediction."""

    prediction: str
    right: bool
    happened: str
    option: int = Field(description="the number of the right option")
    misconception: CourseMisconception | None
    say: str | None
    explain: str
    excerpt: list[CourseRow]
    kept: bool = Field(description="false: there is no database, so progress does not know of it")


class CourseReflected(ResultModel):
    """A reflection that was kept, and the model answer."""

    reflection: str
    answer: str
    kept: bool = Field(description="false: there is no database, so progress does not know of it")


class CourseHint(ResultModel):
    """A hint."""

    exercise: str
    level: int
    hints: int
    text: str


class CourseSolution(ResultModel):
    """The reference solution of an exercise."""

    exercise: str
    source: str


class CourseForgotten(ResultModel):
    """The result of a reset."""

    learner: str = Field(description="the user whose work it was")
    forgotten: int = Field(description="deleted answers, predictions, reflections and hints")


class CourseStepReached(ResultModel):
    """A step of a check of an answer."""

    step: str
    ok: bool


class CourseLearnerExercise(ResultModel):
    """The work of a learner on an exercise."""

    session: int
    id: str
    title: str
    attempts: int = Field(description="checked answers; checking an unchanged answer again does not count")
    passed: bool
    helped: bool = Field(description="a hint or the solution was taken before the pass")
    hints: int
    seen: bool = Field(description="the solution was shown")
    said: str = Field(
        description="what was wrong with the newest answer, as the learner sees it; empty if it has passed"
    )
    steps: list[CourseStepReached] = Field(description="the steps that its check reached")
    fact: str | None = Field(description="the note that was shown with the newest verdict; null for none")
    at: float = Field(description="when it was worked on last, in seconds since 1970")
    page: str = Field(description="its place on the platform's pages")


class CourseLearnerAnswer(CourseLearnerExercise):
    """The work of a learner on an exercise, with the newest answer."""

    answer: str = Field(description="its first 20,000 characters; empty without one")


class CourseLearnerSession(ResultModel):
    """The work of a learner in a session that they have opened or begun."""

    number: int
    passed: int
    exercises: int
    predictions: int
    right: int = Field(description="predictions whose first answer was right")
    wrong: int = Field(description="predictions whose first answer was wrong")
    done: int = Field(description="exercises passed, and predictions and reflections answered")
    parts: int = Field(description="exercises, predictions and reflections")
    state: SessionState


class CourseLearnerSandbox(ResultModel):
    """A sandbox of a learner."""

    id: str
    status: Status
    reason: str | None = Field(description="why it ended; null while it runs")
    at: float = Field(description="when it was made, or ended, in seconds since 1970")
    crashes: int = Field(description="crashes and give-ups in its tree since its code last started or changed")
    crash: str | None = Field(description="the last of them, with its reason and line; null for none")
    crashed_at: float | None = Field(description="the time of the last one, in seconds since 1970")


class CourseLearnerFailedRuns(ResultModel):
    """The runs of code of a learner that failed since the last one that worked."""

    runs: int
    why: str = Field(description="why the last one failed, and at which line")
    at: float = Field(description="when it failed, in seconds since 1970")


class CourseLearner(ResultModel):
    """The work of a learner in all sessions."""

    name: str = Field(description="the name that they sign in with")
    shown: str = Field(description="the name as typed")
    at: float | None = Field(
        description="last activity, including reads with a token, in seconds since 1970, to the minute; null: none"
    )
    session: int | None = Field(description="the session that they opened or worked in last")
    passed: int = Field(description="exercises that have passed, of all sessions")
    exercises: int = Field(description="exercises of all sessions")
    predicted: int = Field(description="predictions of all sessions whose first answer was right")
    mispredicted: int = Field(description="predictions of all sessions whose first answer was wrong")
    current: CourseLearnerExercise | None = Field(
        description="the newest exercise that is not passed, preferably of `session`; if all are, its newest one"
    )
    stuck: bool = Field(description="no pass after four attempts at an exercise or all its hints, or at the last three")
    sessions: list[CourseLearnerSession] = Field(description="the sessions that they have opened or begun")
    sandboxes: list[CourseLearnerSandbox] = Field(description="their sandboxes, newest first")
    failed_runs: CourseLearnerFailedRuns | None = Field(
        description="failed runs of code since the platform started and the last one that worked; null: none"
    )


class CourseLearnerPrediction(ResultModel):
    """A prediction of a learner."""

    session: int
    id: str
    question: str
    right: bool = Field(description="the first answer was right")
    at: float = Field(description="when it was answered last, in seconds since 1970")
    page: str = Field(description="its place on the platform's pages")


class CourseLearnerWork(ResultModel):
    """The work of a learner on exercises and predictions."""

    name: str
    shown: str = Field(description="the name as typed")
    predictions: list[CourseLearnerPrediction] = Field(description="the predictions they answered, newest first")
    exercises: list[CourseLearnerAnswer] = Field(description="the exercises they began, newest first")


class CourseLessonEnded(ResultModel):
    """A lesson that has ended."""

    ended: Literal[True]
    learners: int = Field(description="the number of learners, none of whom is signed in now")
    sandboxes: list[str] = Field(description="the sandboxes of learners that stop now")


class CourseExport(ResultModel):
    """All that a learner did, to take along."""

    format: Literal["superlearner-course/1"] = "superlearner-course/1"
    done: list[dict[str, Any]]


class CourseImported(ResultModel):
    """The result of an import."""

    learner: str = Field(description="the user whose progress it is")
    added: int
    known: int
