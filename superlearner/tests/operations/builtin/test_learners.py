"""The class of a teacher through the API: who is where, who is stuck, results, and resets."""

from __future__ import annotations

import csv
import io
import json
import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from asked_sandboxes import OWNER
from owned_things import call, user
from superlearner.course.course import Course
from superlearner.course.engine.child import verdict_of
from superlearner.course.engine.verdict import CourseStep, Verdict
from superlearner.course.misconceptions import MISCONCEPTIONS
from superlearner.course.progress import ASKS
from superlearner.operations.failures import OperationError
from superlearner.operations.rights.users import ANONYMOUS
from superlearner.store.learning import Learned

Inside = Callable[..., Any]
ADA = user("ada", "learner")
TEACHER = user("tina", "teacher", 3)


async def attempt(platform: Any, name: str, item: str, at: float, **data: Any) -> None:
    await platform.store.learning.add(name, Learned("attempt", item, at, {"source": f"secret {at}", **data}))


@pytest.mark.operation("course.learners", "course.learner")
def test_a_teacher_sees_first_who_is_stuck(inside: Inside, tmp_path: Path) -> None:
    async def test(inside_: Any) -> None:
        platform = inside_.platform
        await platform.store.sync()
        for name in ("ada", "ben", "cy", "dee", "eva"):
            await platform.accounts.add(name, "learner")
        await platform.accounts.add("tina", "teacher")
        await platform.accounts.add("vic", "viewer")
        for at in range(4):
            await attempt(platform, "ada", "s12.minimal", 10.0 + at, ok=False, misconceptions=["M14"])
            await attempt(platform, "ben", "s12.minimal", 20.0 + at, ok=False, misconceptions=[])
            await attempt(platform, "cy", "s12.generic", 30.0 + at, ok=False, misconceptions=[])
        await attempt(platform, "cy", "s12.generic", 40.0, ok=True, misconceptions=[])
        await attempt(platform, "dee", "s12.minimal", 50.0, ok=False, misconceptions=[])
        shown = (await inside_.client.get("/api/v1/course/learners", headers=OWNER)).json()["data"]
        assert (await call(platform, "course.learners", TEACHER)).data == shown
        assert [(one["name"], one["stuck"], one["current"] and one["current"]["attempts"]) for one in shown] == [
            ("ada", True, 4), ("ben", True, 4), ("cy", False, 5), ("dee", False, 1), ("eva", False, None),
        ]  # fmt: skip
        assert shown[0]["current"]["fact"] == MISCONCEPTIONS["M14"].fact
        (session,) = shown[2]["sessions"]
        assert (session["number"], session["passed"], session["exercises"], shown[4]["at"]) == (12, 1, 18, None)
        work = (await inside_.client.get("/api/v1/course/learners/cy", headers=OWNER)).json()["data"]
        assert (await call(platform, "course.learner", TEACHER, name="cy")).data == work
        (exercise,) = work["exercises"]
        assert (exercise["id"], exercise["attempts"], exercise["passed"], exercise["at"]) == (
            "s12.generic",
            5,
            True,
            40.0,
        )
        assert exercise["page"] == "/learn/12#s12-generic"
        assert "secret" not in json.dumps(shown)
        await call(platform, "course.reset", user("ben", "learner", 5))
        assert (await call(platform, "course.learners", TEACHER)).data[0]["name"] == "ada"

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("course.learners")
def test_results_of_a_class_open_in_a_spreadsheet(inside: Inside, tmp_path: Path) -> None:
    async def test(inside_: Any) -> None:
        platform = inside_.platform
        await platform.store.sync()
        for name, shown in (("Bjorn.Muller", "Björn Müller"), ("ada", ""), ("eve", '=HYPERLINK("http://x")')):
            await platform.accounts.add(name, "learner", shown=shown)
        await attempt(platform, "Bjorn.Muller", "s12.minimal", 1.5, ok=True)
        await platform.store.learning.add("ada", Learned("prediction", "s12.p1", 2.0, {"choice": 1, "right": True}))
        answer = await inside_.client.get("/api/v1/course/learners?format=csv", headers=OWNER)
        assert answer.headers["content-type"].startswith("text/csv")
        assert re.search(r'filename="superlearner-class-\d{4}-\d\d-\d\d\.csv"', answer.headers["content-disposition"])
        assert answer.content.startswith("\ufeff".encode())  # without it, spreadsheets show other letters for accents
        lines = {line["id"]: line for line in csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")))}
        assert [line["name"] for line in lines.values()] == ['\'=HYPERLINK("http://x")', "ada", "Björn Müller"]
        bjorn, of = lines["Bjorn.Muller"], str(len(Course().lesson(12).blocks(ASKS)))
        assert (bjorn["last_activity"], bjorn["exercises_passed"]) == ("1970-01-01T00:00:01.500Z", "1")
        assert (bjorn["session_12_done"], bjorn["session_12_of"], bjorn["session_14_done"]) == ("1", of, "0")
        assert (lines["ada"]["predictions_right"], lines["eve"]["last_activity"]) == ("1", "")

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("course.learners")
def test_results_of_each_exercise_open_in_a_spreadsheet(inside: Inside, tmp_path: Path) -> None:
    async def test(inside_: Any) -> None:
        platform = inside_.platform
        await platform.store.sync()
        for name, shown in (("Jose", "José"), ("Jorg", "Jörg"), ("eva", "")):
            await platform.accounts.add(name, "learner", shown=shown)
        await attempt(platform, "Jose", "s03.echo", 1.0, ok=False, misconceptions=["V1", "M1"])
        await attempt(platform, "Jose", "s03.echo", 2.0, ok=False, misconceptions=["V1"])
        await platform.store.learning.add("Jose", Learned("hint", "s03.echo", 3.0, {"level": 1}))
        await attempt(platform, "Jose", "s03.echo", 4.5, ok=True)
        await attempt(platform, "Jorg", "s03.counter", 5.0, ok=False, misconceptions=["M6"])
        await attempt(
            platform, "Jorg", "s03.counter", 5.5, ok=False, said="line 31: `await`\nis missing"
        )  # no misconception
        answer = await inside_.client.get("/api/v1/course/learners?format=exercises", headers=OWNER)
        assert re.search(r'="superlearner-exercises-\d{4}-\d\d-\d\d\.csv"', answer.headers["content-disposition"])
        jorg, jose = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")))
        assert (jorg["name"], jorg["exercise"], jorg["passed"], jorg["last_misconception"], jorg["what_was_wrong"]) == (
            "Jörg", "s03.counter", "0", "", "line 31: `await` is missing",
        )  # fmt: skip
        assert {
            "name": "José", "id": "Jose", "session": "3", "exercise": "s03.echo",
            "title": Course().exercise("s03.echo").title, "path": "core", "passed": "1", "passed_with_help": "1",
            "attempts": "3", "hints": "1", "solution_opened": "0", "what_was_wrong": "",
            "last_misconception": "V1",
            "belief": MISCONCEPTIONS["V1"].belief, "last_activity": "1970-01-01T00:00:04.500Z",
        } == jose  # fmt: skip

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("course.reset")
def test_a_teacher_resets_a_session_of_a_learner_or_all_of_them(inside: Inside, tmp_path: Path) -> None:
    async def test(inside_: Any) -> None:
        platform = inside_.platform
        await platform.store.sync()
        for name, role in (("ada", "learner"), ("ben", "learner"), ("tina", "teacher"), ("theo", "teacher")):
            await platform.accounts.add(name, role, shown="Ada L." if name == "ada" else "")
            await attempt(platform, name, "s12.minimal", 1.0, ok=True)
            await attempt(platform, name, "s14.fix", 2.0, ok=True)

        async def passed() -> dict[str, int]:
            return {one["name"]: one["passed"] for one in (await call(platform, "course.learners", TEACHER)).data}

        plan = await call(platform, "course.reset", TEACHER, dry_run=True, learner="ada", session=12)
        assert plan.data["would"] == "delete the work of Ada L. in session 12"
        assert await passed() == {"ada": 2, "ben": 2}
        gone = (await call(platform, "course.reset", TEACHER, learner="Ada", session=12)).data
        assert gone == {"learner": "ada", "forgotten": 1}
        assert await passed() == {"ada": 1, "ben": 2}
        answer = await inside_.client.request(
            "DELETE", "/api/v1/course/progress", json={"learner": "ada"}, headers=OWNER
        )
        assert answer.json()["data"] == {"learner": "ada", "forgotten": 1}
        assert await passed() == {"ada": 0, "ben": 2}
        with pytest.raises(OperationError, match="there is no session 98") as no_session:
            await call(platform, "course.reset", TEACHER, learner="ben", session=98)
        assert no_session.value.code == "course_item_not_found"

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("course.reset")
def test_only_a_teacher_resets_another_learner(inside: Inside, tmp_path: Path) -> None:
    async def test(inside_: Any) -> None:
        platform = inside_.platform
        await platform.store.sync()
        for name, role in (("ada", "learner"), ("ben", "learner"), ("tina", "teacher"), ("theo", "teacher")):
            await platform.accounts.add(name, role)
            await attempt(platform, name, "s12.minimal", 1.0, ok=True)
        narrow = replace(TEACHER, scopes=frozenset({"read", "operate"}))
        for caller, learner in ((ADA, "ben"), (ADA, "nobody"), (ANONYMOUS, "ben"), (narrow, "ben"), (TEACHER, "theo")):
            with pytest.raises(OperationError) as refused:
                await call(platform, "course.reset", caller, learner=learner)
            assert refused.value.code == "missing_scope", (caller, learner)
        assert await platform.store.learning.count() == 4
        with pytest.raises(OperationError, match="needs the scope code, and Ada Lovelace has own"):
            await call(platform, "course.reset", replace(ADA, shown="Ada Lovelace"), learner="ben")
        assert (await call(platform, "course.reset", ADA, learner="ADA")).data == {"learner": "ada", "forgotten": 1}

    inside(test, data_dir=tmp_path)


def test_a_teacher_sees_where_each_learner_works_and_who_needs_help(inside: Inside, tmp_path: Path) -> None:
    """Regression: a learner with all hints, or one attempt at each of three exercises, did not count as stuck."""

    async def test(inside_: Any) -> None:
        platform = inside_.platform
        await platform.store.sync()
        for name in ("hints", "once", "turns"):
            await platform.accounts.add(name, "learner")
        await attempt(platform, "once", "s12.minimal", 1.0, ok=False, said="line 2: got 3")
        await platform.store.learning.add("once", Learned("prediction", "s12.p1", 2.0, {"choice": 1, "right": False}))
        await attempt(platform, "hints", "s12.minimal", 3.0, ok=False)
        for level in range(1, 5):
            await platform.store.learning.add("hints", Learned("hint", "s12.minimal", 4.0, {"level": level}))
        for at, item in enumerate(("s12.minimal", "s12.generic", "s12.remember")):
            await attempt(platform, "turns", item, 5.0 + at, ok=False)
        shown = {one["name"]: one for one in (await call(platform, "course.learners", TEACHER)).data}
        assert [name for name, one in shown.items() if one["stuck"]] == ["hints", "turns"]
        current = {name: one["current"] for name, one in shown.items()}
        assert {name: (one["id"], one["attempts"], one["hints"]) for name, one in current.items()} == {
            "turns": ("s12.remember", 1, 0), "hints": ("s12.minimal", 1, 4), "once": ("s12.minimal", 1, 0),
        }  # fmt: skip
        assert (current["once"]["said"], shown["once"]["mispredicted"]) == ("line 2: got 3", 1)

    inside(test, data_dir=tmp_path)


def test_a_learner_stays_stuck_until_that_exercise_passes(inside: Inside, tmp_path: Path) -> None:
    """Regression: two attempts, a pass or a hint elsewhere hid from the teacher that a learner was stuck."""

    async def test(inside_: Any) -> None:
        platform = inside_.platform
        await platform.store.sync()
        await platform.accounts.add("ada", "learner")
        await platform.accounts.add("turns", "learner")
        for at in range(4):
            await attempt(platform, "ada", "s12.minimal", float(at), ok=False)
        for at in range(2):
            await attempt(platform, "ada", "s12.generic", 5.0 + at, ok=False)
        await attempt(platform, "ada", "s13.cache", 7.0, ok=True)
        await call(platform, "course.lesson", ADA, number=5)
        for at, item in enumerate(("s12.minimal", "s12.generic", "s12.remember")):
            await attempt(platform, "turns", item, 5.0 + at, ok=False)
        await platform.store.learning.add("turns", Learned("hint", "s13.cache", 8.0, {"level": 1}))

        async def standing() -> list[tuple[str, bool, str, int]]:
            shown = (await call(platform, "course.learners", TEACHER)).data
            return [(one["name"], one["stuck"], one["current"]["id"], one["current"]["attempts"]) for one in shown]

        assert await standing() == [("ada", True, "s12.minimal", 4), ("turns", True, "s12.remember", 1)]
        await attempt(platform, "ada", "s12.minimal", 9.0, ok=True)
        await attempt(platform, "turns", "s12.generic", 9.0, ok=True)
        assert await standing() == [("ada", False, "s12.generic", 2), ("turns", False, "s12.remember", 1)]

    inside(test, data_dir=tmp_path)


def test_an_answer_with_an_open_choice_is_no_attempt(inside: Inside, tmp_path: Path) -> None:
    """Regression: four of them made a learner stuck who had not answered yet."""
    course = Course()
    given = course.exercise("s12.generic").stub
    verdict = verdict_of("s12.generic", course.check_source("s12.generic"), given, [1])
    assert verdict.incomplete

    async def test(inside_: Any) -> None:
        platform = inside_.platform
        await platform.store.sync()
        await platform.accounts.add("ada", "learner")
        for at in range(5):
            done = Learned("attempt", "s12.generic", float(at), verdict.as_attempt(f"{given}# {at}\n"))
            await platform.store.learning.add("ada", done)
        (shown,) = (await call(platform, "course.learners", TEACHER)).data
        assert (shown["current"]["attempts"], shown["stuck"]) == (0, False)
        assert shown["current"]["said"] == "choose one for each line: nothing is chosen yet"

    inside(test, data_dir=tmp_path)


def test_the_current_exercise_is_the_newest_that_is_not_passed(inside: Inside, tmp_path: Path) -> None:
    """Regression: an exercise that had passed and was tried again hid two failed attempts at another one."""

    async def test(inside_: Any) -> None:
        platform = inside_.platform
        await platform.store.sync()
        await platform.accounts.add("ada", "learner")
        await platform.accounts.add("ben", "learner")
        await attempt(platform, "ada", "s12.minimal", 0.5, ok=False, said="line 9: got 1")
        for at, right in enumerate((True, False)):
            done = Learned("prediction", f"s05.p{at + 1}", 1.0 + at, {"choice": 1, "right": right})
            await platform.store.learning.add("ada", done)
        await attempt(platform, "ada", "s13.cache", 3.0, ok=True)
        await attempt(platform, "ada", "s05.attempt", 4.0, ok=False, said="line 1: got None")
        await attempt(platform, "ada", "s05.attempt", 5.0, ok=False, said="line 2: got None")
        await attempt(platform, "ada", "s13.cache", 6.0, ok=False, said="expected 0")
        await call(platform, "course.lesson", ADA, number=5)
        await attempt(platform, "ben", "s13.cache", 1.0, ok=True)
        ada, ben = (await call(platform, "course.learners", TEACHER)).data
        now = ada["current"]
        assert (ada["session"], now["id"], now["attempts"], now["said"]) == (5, "s05.attempt", 2, "line 2: got None")
        work = (await call(platform, "course.learner", TEACHER, name="ada")).data
        assert now == {key: value for key, value in work["exercises"][1].items() if key != "answer"}
        assert [one["right"] for one in work["predictions"]] == [False, True]
        assert (ada["predicted"], ada["mispredicted"]) == (1, 1)
        assert (ben["session"], ben["current"]["id"], ben["current"]["passed"]) == (13, "s13.cache", True)
        await call(platform, "course.lesson", ADA, number=12)
        assert (await call(platform, "course.learners", TEACHER)).data[0]["current"]["id"] == "s12.minimal"
        await call(platform, "course.lesson", ADA, number=3)
        assert (await call(platform, "course.learners", TEACHER)).data[0]["current"]["id"] == "s05.attempt"

    inside(test, data_dir=tmp_path)


def test_a_learner_who_only_reads_is_active_in_the_session_that_they_opened(inside: Inside, tmp_path: Path) -> None:
    """Regression: a learner counted as never active before their first answer."""

    async def test(inside_: Any) -> None:
        platform = inside_.platform
        await platform.store.sync()
        for name in ("ada", "ben", "cy"):
            await platform.accounts.add(name, "learner")
        await platform.accounts.saw(await platform.accounts.find("ben"))
        await call(platform, "course.lesson", ADA, number=5)
        ada, ben, cy = (await call(platform, "course.learners", TEACHER)).data
        assert (ada["session"], ada["current"], ben["session"], cy["session"], cy["at"]) == (5, None, None, None, None)
        assert 0 <= time.time() - ada["at"] < 60
        assert 0 <= time.time() - ben["at"] < 60
        (opened,) = ada["sessions"]
        assert (opened["number"], opened["done"], opened["state"]) == (5, 0, "untouched")

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("course.learners", "course.learner")
def test_learners_are_listed_by_the_numbers_in_their_names_and_the_nearest_is_suggested(
    inside: Inside, tmp_path: Path
) -> None:
    """Regression: pupil10 came before pupil4, and an unknown name got the ten newest ones, without Ada.Lovelace."""

    async def test(inside_: Any) -> None:
        platform = inside_.platform
        await platform.store.sync()
        for name in ("Ada.Lovelace", *(f"pupil{at}" for at in range(30, 0, -1))):
            await platform.accounts.add(name, "learner")
        names = [one["name"] for one in (await call(platform, "course.learners", TEACHER)).data]
        assert names == ["Ada.Lovelace", *(f"pupil{at}" for at in range(1, 31))]
        found = (await call(platform, "course.learner", TEACHER, name="ada")).data
        assert found["name"] == "Ada.Lovelace"  # no other name begins so
        with pytest.raises(OperationError, match="the user 'pupil' is not there"):
            await call(platform, "course.learner", TEACHER, name="pupil")
        with pytest.raises(OperationError) as unknown:
            await call(platform, "course.reset", TEACHER, learner="ada")
        assert unknown.value.message == "the user 'ada' is not there; did you mean Ada.Lovelace?"
        assert unknown.value.details[0].hint == f"expected one of {', '.join(names[:10])} and 21 more"

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("user.links")
def test_the_board_shows_names_as_they_were_typed(inside: Inside, tmp_path: Path) -> None:
    """Regression: *Bjørn Müller* was Bjorn.Muller on the board and on the sign-in page."""

    async def test(inside_: Any) -> None:
        await inside_.platform.store.sync()
        made = (
            await inside_.client.post("/api/v1/users/links", headers=OWNER, json={"names": "Bjørn Müller\nada"})
        ).json()
        links = {one["given"]: one["url"].partition("/sign-in/")[2] for one in made["data"]["links"]}
        board = (await call(inside_.platform, "course.learners", TEACHER)).data
        assert [(one["name"], one["shown"]) for one in board] == [("ada", "ada"), ("Bjorn.Muller", "Bjørn Müller")]
        page = (await inside_.client.get(f"/sign-in/{links['Bjørn Müller']}")).text
        assert "Sign in as Bjørn Müller" in page
        assert "Bjorn.Muller" not in page

    inside(test, data_dir=tmp_path)


def test_a_teacher_sees_in_which_session_predictions_were_right_or_wrong(inside: Inside, tmp_path: Path) -> None:
    async def test(inside_: Any) -> None:
        platform = inside_.platform
        await platform.store.sync()
        await platform.accounts.add("ada", "learner")
        for at, (item, right) in enumerate((("s12.p1", False), ("s14.p1", True), ("s14.p2", False)), 1):
            await platform.store.learning.add("ada", Learned("prediction", item, at, {"choice": 1, "right": right}))
        (shown,) = (await call(platform, "course.learners", TEACHER)).data
        assert shown["session"] == 14
        assert [(one["number"], one["right"], one["wrong"], one["done"]) for one in shown["sessions"]] == [
            (12, 0, 1, 1), (14, 1, 1, 2),
        ]  # fmt: skip
        assert all(one["done"] < one["parts"] for one in shown["sessions"])
        work = (await call(platform, "course.learner", TEACHER, name="ada")).data
        assert [(one["id"], one["session"], one["right"]) for one in work["predictions"]] == [
            ("s14.p2", 14, False), ("s14.p1", 14, True), ("s12.p1", 12, False),
        ]  # fmt: skip
        assert work["predictions"][0]["page"] == "/learn/14#s14-p2"

    inside(test, data_dir=tmp_path)


def test_several_checks_of_an_unchanged_answer_are_one_attempt(inside: Inside, tmp_path: Path) -> None:
    async def test(inside_: Any) -> None:
        platform = inside_.platform
        await platform.store.sync()
        await platform.accounts.add("ada", "learner")
        for at, source in enumerate(("x = 1", "x = 1", "x = 1", "x = 2", "x = 2")):
            await attempt(platform, "ada", "s12.minimal", at, ok=False, source=source, misconceptions=["M14"])
        (shown,) = (await call(platform, "course.learners", TEACHER)).data
        assert (shown["current"]["attempts"], shown["stuck"]) == (2, False)
        own = (await call(platform, "course.progress", ADA)).data
        assert [one["attempts"] for one in own] == [2]

    inside(test, data_dir=tmp_path)


def test_a_teacher_sees_the_newest_answer_and_what_was_wrong_with_it(inside: Inside, tmp_path: Path) -> None:
    async def test(inside_: Any) -> None:
        platform = inside_.platform
        await platform.store.sync()
        await platform.accounts.add("ada", "learner")
        steps = (CourseStep("set keeps a value", ok=True, say=""), CourseStep("get", ok=False, say="line 4: got None"))
        for at, source in enumerate(("x = 1", "x = 2" + " " * 30_000)):
            done = Learned("attempt", "s12.minimal", at, Verdict(steps).as_attempt(source))
            await platform.store.learning.add("ada", done)
        private = Learned("reflection", "s12.why", 3.0, {"text": "secret"})
        await platform.store.learning.add("ada", private)
        work = (await call(platform, "course.learner", TEACHER, name="ada")).data
        (exercise,) = work["exercises"]
        assert (exercise["said"], exercise["answer"][:5]) == ("line 4: got None", "x = 2")
        assert [(one["step"], one["ok"]) for one in exercise["steps"]] == [("set keeps a value", True), ("get", False)]
        assert len(exercise["answer"]) == 20_000
        assert "secret" not in json.dumps(work)

    inside(test, data_dir=tmp_path)


def test_a_learner_is_refused_what_others_did(inside: Inside, tmp_path: Path) -> None:
    async def test(inside_: Any) -> None:
        await inside_.platform.store.sync()
        await inside_.platform.accounts.add("ada", "learner")
        for name, given in (("course.learners", {}), ("course.learner", {"name": "ada"})):
            with pytest.raises(OperationError) as refused:
                await call(inside_.platform, name, ADA, **given)
            assert refused.value.code == "missing_scope"
            assert "ask your teacher" in str(refused.value.details[0].hint)

    inside(test, data_dir=tmp_path)


def test_what_a_learner_imported_does_not_hide_the_class_from_its_teacher(inside: Inside, tmp_path: Path) -> None:
    async def test(inside_: Any) -> None:
        platform = inside_.platform
        await platform.store.sync()
        await platform.accounts.add("ada", "learner")
        strange = {
            "misconceptions": {"M99": 1}, "held": "many", "level": [], "source": 5, "said": ["x" * 9000], "steps": 7,
        }  # fmt: skip
        for kind in ("attempt", "hint"):
            await platform.store.learning.add("ada", Learned(kind, "s12.minimal", 1e18, strange))
        (shown,) = (await call(platform, "course.learners", TEACHER)).data
        assert shown["at"] <= time.time()
        (exercise,) = (await call(platform, "course.learner", TEACHER, name="ada")).data["exercises"]
        assert (exercise["said"], exercise["steps"], exercise["answer"]) == ("", [], "")

    inside(test, data_dir=tmp_path)


def test_a_teacher_reads_the_note_of_the_newest_verdict_and_whether_the_solution_was_opened(
    inside: Inside, tmp_path: Path
) -> None:
    """Regression: the note of an earlier attempt stood below a later verdict, and beside a pass."""

    async def test(inside_: Any) -> None:
        platform = inside_.platform
        await platform.store.sync()
        await platform.accounts.add("ada", "learner")
        (failed, passed) = (CourseStep("get", ok, "" if ok else "line 4: got None") for ok in (False, True))
        general = Verdict((failed,), ("M14",))
        fitting = Verdict((failed,), ("M14",), look="Its *n* is one for all.")
        notes = (
            (general, MISCONCEPTIONS["M14"].fact), (fitting, "Its *n* is one for all."), (Verdict((failed,)), None),
            (general, MISCONCEPTIONS["M14"].fact), (Verdict((passed,)), None),
        )  # fmt: skip
        for at, (verdict, fact) in enumerate(notes):
            await platform.store.learning.add(
                "ada", Learned("attempt", "s12.minimal", at, verdict.as_attempt(f"x = {at}"))
            )
            (exercise,) = (await call(platform, "course.learner", TEACHER, name="ada")).data["exercises"]
            assert (at, exercise["fact"], exercise["seen"]) == (at, fact, False)
        await platform.store.learning.add("ada", Learned("solution", "s12.minimal", 9.0, {}))
        (exercise,) = (await call(platform, "course.learner", TEACHER, name="ada")).data["exercises"]
        (shown,) = (await call(platform, "course.learners", TEACHER)).data
        assert (exercise["seen"], shown["current"]["seen"]) == (True, True)

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("course.learner")
def test_a_removed_name_does_not_stand_for_another_one_that_begins_so(inside: Inside, tmp_path: Path) -> None:
    async def test(inside_: Any) -> None:
        platform = inside_.platform
        await platform.store.sync()
        await platform.accounts.add("anna", "learner")
        await platform.accounts.remove(await platform.accounts.add("ann", "learner"))
        with pytest.raises(OperationError, match="the user 'ann' was removed"):
            await call(platform, "course.learner", TEACHER, name="ann")

    inside(test, data_dir=tmp_path)
