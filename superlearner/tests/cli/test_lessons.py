"""Sessions of the course as text: complete, without tags, in 80 columns."""

from __future__ import annotations

import html
import re
import textwrap
from collections.abc import Callable
from typing import Any

import pytest

from superlearner.cli.lessons import in_words, text_of
from superlearner.course.course import Course

NUMBERS = [one.number for one in Course().lessons if one.number > 0]
TAGS = re.compile(r"</?(p|li|ul|ol|code|pre|em|strong|table|thead|tbody|tr|td|th|h\d|a|div|span|svg|figure)\b[^>\n]*>")
TABLES = re.compile(r"<table>.*?</table>|<pre>.*?</pre>", re.DOTALL)
FITTING = 60


@pytest.mark.operation("course.lesson")
def test_every_session_is_readable_in_80_columns(inside: Callable[..., Any]) -> None:
    async def test(running: Any) -> None:
        assert len(NUMBERS) >= 14
        for number in NUMBERS:
            session = (await running.get(f"/api/v1/course/sessions/{number}"))["data"]
            text = in_words("course.lesson", session)
            assert text is not None
            assert not TAGS.search(text)
            prose = [line for line in text.splitlines() if not line.startswith("    ")]
            assert [line for line in prose if len(line) > 80] == []
            for block in (one for section in session["sections"] for one in section["blocks"]):
                if block["kind"] == "cell":
                    assert textwrap.indent(block["code"].rstrip("\n"), "    ") in text
                if block["kind"] == "picture":
                    assert text_of(block["text"]) in text
                codes = re.findall(r"<code>(.*?)</code>", TABLES.sub("", block.get("html") or ""))
                wanted = [f"`{html.unescape(one)}`" for one in codes if len(html.unescape(one)) <= FITTING]
                assert [one for one in wanted if one not in text] == []

    inside(test)


EXERCISE = {
    "session": 3, "id": "s03.echo", "title": "Echo", "attempts": 3, "passed": False, "helped": False, "hints": 1,
    "seen": True, "said": "line 4: got None", "steps": [{"step": "It answers.", "ok": False}],
    "fact": "A process ends when its function returns.", "at": 1.5, "answer": "def echo():\n    pass\n",
}  # fmt: skip


def test_the_work_of_a_learner_has_answers_and_predictions() -> None:
    """Regression: the table had neither the newest answer nor the predictions, which its help promises."""
    asked = {"session": 3, "id": "s03.p1", "question": "What comes first?", "right": False, "at": 2.0}
    work = {"name": "Ada.Lovelace", "shown": "Ada Lovelace", "exercises": [EXERCISE], "predictions": [asked]}
    text = in_words("course.learner", work)
    assert text is not None
    assert text.startswith("Ada Lovelace (Ada.Lovelace)\n=")
    shown = " ".join(text.split())
    assert "[exercise s03.echo] Echo, session 3: not passed yet; 3 attempts, 1 hint, solution opened; last 19" in shown
    assert "FAILED It answers. line 4: got None A process ends when its function returns." in shown
    assert "Newest answer:\n\n    def echo():\n        pass\n" in text
    assert text.endswith("Predictions\nwrong   s03.p1 (session 3): What comes first?")


def test_the_list_of_learners_has_headings_in_words() -> None:
    learner = {
        "name": "ada", "at": 1.5, "session": 3, "stuck": True, "passed": 2, "exercises": 9, "predicted": 2,
        "mispredicted": 1, "current": EXERCISE,
    }  # fmt: skip
    assert in_words("course.learners", "name,id\r\n") is None
    text = in_words("course.learners", [learner, learner | {"name": "bob", "at": None, "current": None}])
    assert text is not None
    heads, ada, bob = text.splitlines()
    assert re.split(" {2,}", heads) == [
        "learner", "last activity", "session", "stuck", "passed", "predictions", "exercise", "attempts", "hints",
        "solution", "what was wrong",
    ]  # fmt: skip
    assert re.split(" {2,}", ada)[2:] == [
        "3", "stuck", "2 of 9", "2 right, 1 wrong", "s03.echo", "3", "1", "opened", "line 4: got None",
    ]  # fmt: skip
    assert re.split(" {2,}", bob)[:2] == ["bob", "-"]


def test_code_in_a_paragraph_stays_on_its_line_if_it_fits() -> None:
    said = text_of("<p>The monitor of the agent is made by <code>otp.spawn_monitor(agent, 1)</code>.</p>", 64)
    assert said == "The monitor of the agent is made by\n`otp.spawn_monitor(agent, 1)`."
    assert text_of(f"<p><code>{'call(a, b) ' * 5}</code></p>", 24).count("\n") > 1
