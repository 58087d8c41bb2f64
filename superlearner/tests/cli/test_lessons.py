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


def test_code_in_a_paragraph_stays_on_its_line_if_it_fits() -> None:
    said = text_of("<p>The monitor of the agent is made by <code>otp.spawn_monitor(agent, 1)</code>.</p>", 64)
    assert said == "The monitor of the agent is made by\n`otp.spawn_monitor(agent, 1)`."
    assert text_of(f"<p><code>{'call(a, b) ' * 5}</code></p>", 24).count("\n") > 1
