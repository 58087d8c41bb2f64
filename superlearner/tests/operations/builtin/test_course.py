"""The course through the API: what is shown, checked, kept and refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from pydantic import TypeAdapter

from asked_sandboxes import OWNER
from owned_things import call, user
from superlearner.course.course import Course
from superlearner.operations.builtin import course
from superlearner.operations.failures import OperationError

Inside = Callable[..., Any]
ADA = user("ada", "learner")
ZELDA = user("zelda", "learner", 2)
RIGHT = "answer = {'confirmation', 'back-pressure', 'other reader'}"
WRONG = "answer = {'confirmation', 'back-pressure', 'other reader', 'faster'}"


@pytest.mark.operation("course.sessions", "course.lesson")
def test_a_session_shows_all_blocks_without_what_has_to_be_earned(inside: Inside, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        (session,) = [one for one in (await platform.get("/api/v1/course/sessions"))["data"] if one["number"] == 12]
        assert (session["title"], session["exercises"], session["predictions"]) == ("What is OTP?", 18, 4)
        assert (session["state"], session["passed"]) == ("untouched", 0)
        lesson = (await platform.get("/api/v1/course/sessions/12"))["data"]
        blocks = [block for section in lesson["sections"] for block in section["blocks"]]
        assert {block["kind"] for block in blocks} == {
            "text", "cell", "predict", "reflect", "exercise", "picture", "measure",
        }  # fmt: skip
        shown = json.dumps(lesson)
        course = Course()
        for id in (block["id"] for block in blocks if block["kind"] == "exercise"):
            assert course.solution(id).strip() not in shown
            assert course.exercise(id).hints[0].at(1) not in shown
        assert "M21" not in shown

    inside(test, data_dir=tmp_path)


def test_without_a_store_a_learner_is_told_so_and_sees_no_path(inside: Inside, tmp_path: Path) -> None:
    async def test(inside_: Any) -> None:
        for name in ("course.progress", "course.export", "course.reset"):
            with pytest.raises(OperationError) as refused:
                await call(inside_.platform, name, ADA)
            assert refused.value.code == "store_unavailable"
            assert refused.value.details[0].hint == "see GET /api/v1/store, with a credential"
            assert str(tmp_path) not in str(refused.value)

    (tmp_path / "superlearner.db").write_bytes(b"not a database at all\n" * 100)
    inside(test, data_dir=tmp_path)


@pytest.mark.operation("course.check")
def test_a_first_wrong_answer_is_not_marked_where_the_marks_would_solve_it(inside: Inside, tmp_path: Path) -> None:
    """Regression: as there are two values, the marks of the first check were the solution."""
    right = Course().solution("s12.generic")
    first, second = right.replace('"specific"', '"generic"'), right.replace('"generic"', '"specific"')

    async def test(inside_: Any) -> None:
        async def check(source: str) -> tuple[str, int]:
            checked = (await call(inside_.platform, "course.check", ADA, exercise="s12.generic", source=source)).data
            return checked["checks"][-1]["say"], len(checked["marks"])

        for source in (first, first):
            said, marks = await check(source)
            assert said.startswith("5 of the 10 lines are wrong. Of each line that you call generic:")
            assert marks == 0
        said, marks = await check(second)
        assert said.startswith("5 of the 10 lines are wrong, line 1 among them")
        assert marks == 10

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("course.next")
def test_the_next_thing_is_the_first_that_is_not_done_in_the_session_worked_on_last(
    inside: Inside, tmp_path: Path
) -> None:
    async def test(inside_: Any) -> None:
        platform = inside_.platform
        await platform.store.sync()
        first = (await inside_.get("/api/v1/course/next"))["data"]
        assert (first["session"], first["begun"]) == (Course().lessons[0].number, False)
        words = "A limit for the wait, and somebody who starts the agent again."
        await call(platform, "course.reflect", ADA, reflection="s12.r1", text=words)
        then = (await call(platform, "course.next", ADA)).data
        assert then == {
            "session": 12, "id": "s12.generic", "kind": "exercise", "title": "Generic or specific", "core": True,
            "page": "/learn/12#s12-generic", "begun": True,
        }  # fmt: skip
        right = Course().solution("s12.generic")
        assert (await call(platform, "course.check", ADA, exercise="s12.generic", source=right)).data["ok"]
        assert (await call(platform, "course.next", ADA)).data["id"] == "s12.p2"

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("course.check", "course.progress", "course.hint", "course.solution")
def test_an_exercise_fails_takes_a_hint_passes_and_shows_its_solution(inside: Inside, tmp_path: Path) -> None:
    async def test(inside_: Any) -> None:
        platform = inside_.platform
        await platform.store.sync()
        exercise = {"exercise": "s12.remember"}
        with pytest.raises(OperationError, match="opens when your answer has passed, or after hint 4"):
            await call(platform, "course.solution", ADA, **exercise)
        failed = (await call(platform, "course.check", ADA, source=WRONG, **exercise)).data
        assert (failed["ok"], failed["unchanged"]) == (False, False)
        again = (await call(platform, "course.check", ADA, source=WRONG, **exercise)).data
        assert (again["unchanged"], again["checks"]) == (True, failed["checks"])
        assert [one["id"] for one in failed["misconceptions"]] == ["M14"]
        assert failed["checks"][-1]["say"] == "a call is slower for its sender, which waits for the answer"
        first = (await call(platform, "course.hint", ADA, level=1, **exercise)).data
        assert (first["level"], first["hints"]) == (1, 4)
        with pytest.raises(OperationError, match="hint 3 follows hint 2"):
            await call(platform, "course.hint", ADA, level=3, **exercise)
        passed = (await call(platform, "course.check", ADA, source=RIGHT, **exercise)).data
        assert (passed["ok"], passed["unchanged"]) == (True, False)
        assert "answer = " in (await call(platform, "course.solution", ADA, **exercise)).data["source"]
        (item,) = (await call(platform, "course.progress", ADA)).data
        assert {**exercise, **item} == {
            **exercise, "id": "s12.remember", "attempts": 2, "passed": True, "helped": True, "hints": 1, "seen": True,
            "answer": RIGHT, "passing": RIGHT,
        }  # fmt: skip
        assert (await call(platform, "course.progress", ZELDA)).data == []

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("course.predict", "course.reflect")
def test_a_prediction_is_answered_by_its_run_and_a_reflection_by_the_model_answer(
    inside: Inside, tmp_path: Path
) -> None:
    async def test(inside_: Any) -> None:
        platform = inside_.platform
        await platform.store.sync()
        wrong = (await call(platform, "course.predict", ADA, prediction="s12.p1", choice=1)).data
        assert (wrong["right"], wrong["misconception"]["id"], wrong["option"]) == (False, "M21", 2)
        assert wrong["happened"] == "one_for_one: B; rest_for_one: B, C; one_for_all: A, B, C"
        assert (await call(platform, "course.predict", ADA, prediction="s12.p1", choice=2)).data["right"]
        with pytest.raises(OperationError, match=r"s12\.p1 has 3 options"):
            await call(platform, "course.predict", ADA, prediction="s12.p1", choice=4)
        with pytest.raises(OperationError, match="expected at least 40 characters of your own words"):
            await call(platform, "course.reflect", ADA, reflection="s12.r1", text="no")
        for none in ("." * 60, "1234567890 " * 5, "blah " * 12):
            with pytest.raises(OperationError, match="expected at least 6 different words"):
                await call(platform, "course.reflect", ADA, reflection="s12.r1", text=none)
        words = "I do not know, but the loop is always the same."
        assert (
            "A limit for every wait"
            in (await call(platform, "course.reflect", ADA, reflection="s12.r1", text=words)).data["answer"]
        )
        kept = {
            item["id"]: (item["passed"], item["answer"]) for item in (await call(platform, "course.progress", ADA)).data
        }
        assert kept == {"s12.p1": (False, 2), "s12.r1": (True, words)}

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("course.review")
def test_what_was_answered_comes_back_and_a_hint_taken_then_is_help(inside: Inside, tmp_path: Path) -> None:
    async def test(inside_: Any) -> None:
        platform = inside_.platform
        await platform.store.sync()
        assert (await inside_.get("/api/v1/course/review"))["data"] == {"due": [], "next_at": None}
        done = [
            {"kind": "prediction", "item": "s12.p1", "at": 1.0, "data": {"choice": 1, "right": False}},
            {"kind": "hint", "item": "s12.remember", "at": 2.0, "data": {"level": 1}},
            {"kind": "attempt", "item": "s12.remember", "at": 3.0, "data": {"source": RIGHT, "ok": True}},
        ]
        await call(platform, "course.import", ADA, done=done)
        review = (await call(platform, "course.review", ADA)).data
        assert [(one["id"], one["missed"], one["page"]) for one in review["due"]] == [
            ("s12.p1", True, "/learn/12?review=s12.p1#s12-p1"),
            ("s12.remember", True, "/learn/12?review=s12.remember#s12-remember"),
        ]
        assert review["next_at"] == review["due"][0]["since"] == 86_401.0
        assert (await call(platform, "course.predict", ADA, prediction="s12.p1", choice=2)).data["right"]
        await call(platform, "course.hint", ADA, exercise="s12.remember", level=1)
        assert (await call(platform, "course.check", ADA, exercise="s12.remember", source=RIGHT)).data["ok"]
        done = (await call(platform, "course.export", ADA)).data["done"]
        assert [one["kind"] for one in done if one["item"] == "s12.remember"] == ["hint", "attempt"] * 2
        assert (await call(platform, "course.review", ADA)).data["due"] == []
        assert (await call(platform, "course.review", ZELDA)).data == {"due": [], "next_at": None}

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("course.export", "course.import", "course.reset")
def test_progress_leaves_and_comes_back_once(inside: Inside, tmp_path: Path) -> None:
    async def test(inside_: Any) -> None:
        platform = inside_.platform
        await platform.store.sync()
        await call(platform, "course.check", ADA, exercise="s12.remember", source=RIGHT)
        exported = (await call(platform, "course.export", ADA)).data
        assert (await call(platform, "course.reset", ADA)).data == {"learner": "ada", "forgotten": 1}
        assert (await call(platform, "course.progress", ADA)).data == []
        for added, known in ((1, 0), (0, 1)):
            found = (await call(platform, "course.import", ADA, done=exported["done"])).data
            assert found == {"learner": "ada", "added": added, "known": known}
        (item,) = (await call(platform, "course.progress", ADA)).data
        assert (item["id"], item["passed"], item["answer"]) == ("s12.remember", True, RIGHT)
        with pytest.raises(OperationError, match=r"done\[0\]: expected kind \(attempt"):
            await call(platform, "course.import", ADA, done=[{"kind": "certificate"}])

    inside(test, data_dir=tmp_path)


@pytest.mark.operation(
    "course.check", "course.export", "course.hint", "course.import", "course.predict", "course.progress",
    "course.reflect", "course.reset", "course.solution",
)  # fmt: skip
def test_a_session_is_worked_through_over_http(inside: Inside, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        platform.client.headers.update(OWNER)

        async def send(path: str, **body: Any) -> Any:
            answer = await platform.client.post(f"/api/v1/course/{path}", json=body)
            assert answer.status_code == 200, answer.text
            return answer.json()["data"]

        assert (await send("predictions/s12.p3", choice=1))["right"]
        assert (
            "one function"
            in (await send("reflections/s12.r2", text="A test that every one of them has to pass."))["answer"]
        )
        assert (await send("exercises/s12.remember/hints", level=1))["level"] == 1
        checked = await send("exercises/s12.remember/check", source=RIGHT)
        assert (checked["ok"], checked["kept"]) == (True, True)
        assert "answer = " in (await send("exercises/s12.remember/solution"))["source"]
        done = (await platform.get("/api/v1/course/export"))["data"]["done"]
        assert [one["kind"] for one in done] == ["prediction", "reflection", "hint", "attempt", "solution"]
        forgotten = (await platform.client.delete("/api/v1/course/progress")).json()["data"]
        assert (forgotten["forgotten"], (await platform.get("/api/v1/course/progress"))["data"]) == (5, [])
        assert (await send("import", done=done))["added"] == 5
        assert len((await platform.get("/api/v1/course/progress"))["data"]) == 3

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("course.solution", "course.lesson")
def test_an_exercise_goes_on_with_the_code_of_an_earlier_one(inside: Inside, tmp_path: Path) -> None:
    async def test(inside_: Any) -> None:
        platform, course = inside_.platform, Course()
        await platform.store.sync()

        async def earlier() -> dict[str, Any]:
            lesson = (await call(platform, "course.lesson", ADA, number=3)).data
            blocks = [block for section in lesson["sections"] for block in section["blocks"]]
            (found,) = next(block for block in blocks if block.get("id") == "s03.counter")["builds_on"]
            return found

        assert await earlier() == {
            "id": "s03.echo", "title": course.exercise("s03.echo").title, "session": 3, "answer": None, "passed": False,
        }  # fmt: skip
        await call(platform, "course.check", ADA, exercise="s03.echo", source="mine = 1")
        assert (await earlier())["answer"] == "mine = 1"
        with pytest.raises(OperationError, match="opens when your answer has passed"):
            await call(platform, "course.solution", ADA, exercise="s03.echo", continued_by="s03.echo")
        ours = await call(platform, "course.solution", ADA, exercise="s03.echo", continued_by="s03.counter")
        assert ours.data["source"] == course.solution("s03.echo")
        (echo,) = [one for one in (await call(platform, "course.progress", ADA)).data if one["id"] == "s03.echo"]
        assert (echo["seen"], echo["passed"]) == (True, False)

    inside(test, data_dir=tmp_path)


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("course.lesson", {"number": 21}, "there is no session 21"),
        ("course.lesson", {"number": 20}, "session 20, Distribution, is still to come"),
        ("course.check", {"exercise": "s12.minmal", "source": ""}, "did you mean s12.minimal?"),
        ("course.predict", {"prediction": "s12.p9", "choice": 1}, "there is no prediction s12.p9"),
    ],
)
@pytest.mark.operation("course.lesson", "course.check", "course.predict")
def test_what_is_not_there_is_named(
    inside: Inside, tmp_path: Path, name: str, given: dict[str, Any], said: str
) -> None:
    async def test(inside_: Any) -> None:
        with pytest.raises(OperationError) as refused:
            await call(inside_.platform, name, ADA, **given)
        assert refused.value.code == "course_item_not_found"
        assert said in refused.value.message

    inside(test, data_dir=tmp_path)


def test_a_session_shows_again_what_an_answer_has_opened(inside: Inside, tmp_path: Path) -> None:
    async def test(inside_: Any) -> None:
        platform = inside_.platform
        await platform.store.sync()

        async def blocks() -> dict[str, Any]:
            lesson = (await call(platform, "course.lesson", ADA, number=12)).data
            return {block.get("id", ""): block for section in lesson["sections"] for block in section["blocks"]}

        fresh = await blocks()
        assert [fresh[id].get("earned") for id in ("s12.p3", "s12.r1")] == [None, None]
        assert fresh["s12.remember"]["earned"]["hints"] == []
        told = (await call(platform, "course.predict", ADA, prediction="s12.p3", choice=3)).data
        words = "The loop and the restarts are the same in all of them."
        model = (await call(platform, "course.reflect", ADA, reflection="s12.r1", text=words)).data
        hint = (await call(platform, "course.hint", ADA, exercise="s12.remember", level=1)).data
        shown = await blocks()
        earned = shown["s12.p3"]["earned"]
        assert (earned["option"], earned["answer"], earned["misconception"]) == (
            1, told["explain"], told["misconception"],
        )  # fmt: skip
        assert shown["s12.r1"]["earned"]["answer"] == model["answer"]
        assert shown["s12.remember"]["earned"]["hints"] == [hint["text"]]

    inside(test, data_dir=tmp_path)


def test_an_id_may_have_the_number_of_its_session_without_the_zero(inside: Inside, tmp_path: Path) -> None:
    async def test(inside_: Any) -> None:
        await inside_.platform.store.sync()
        hint = (await call(inside_.platform, "course.hint", ADA, exercise="s5.attempt")).data
        (kept,) = (await call(inside_.platform, "course.progress", ADA)).data
        assert (hint["exercise"], kept["id"], kept["hints"]) == ("s05.attempt", "s05.attempt", 1)

    inside(test, data_dir=tmp_path)


def test_an_exercise_that_continues_no_other_one_is_accepted() -> None:
    """A limit of the length that stands after a validator is applied to None, too."""
    continued = get_type_hints(course.solution, include_extras=True)["continued_by"]
    assert [TypeAdapter(continued).validate_python(given) for given in (None, "s5.p2")] == [None, "s05.p2"]
