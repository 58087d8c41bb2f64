"""What a verdict spares: texts that nothing shows, imports in the child, and a first seed with many others."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from otp.kernel.values.bounded import bounded_text
from otp.testing import mutation
from superlearner.course.course import Course
from superlearner.course.engine import checking, code_lines
from superlearner.course.engine.child import verdict_of
from superlearner.course.lesson import Exercise

CHECK = """
import otp
from superlearner.course.engine.exercise import exercise

@exercise("s00.basket")
async def basket(s):
    s.step("A basket is sent.")
    pid = s.adopt(otp.spawn(s.need("shop"), otp.self()), "shop")
    await s.settle()
    await otp.receive()
    await s.settle()
    s.expect(not otp.is_alive(pid), "it still runs")
"""
RIGHT = """
import otp

async def shop(customer):
    basket = ["tea"]
    otp.send(customer, basket)
"""
WRONG = RIGHT + '    basket.append("milk")\n'


def test_messages_are_described_only_to_show_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    described: list[object] = []

    def describe(value: object) -> str:
        described.append(value)
        return bounded_text(value)

    monkeypatch.setattr(mutation, "bounded_text", describe)
    assert verdict_of("s00.basket", CHECK, RIGHT, [1, 2]).ok
    assert [] == described
    found = verdict_of("s00.basket", CHECK, WRONG, [1, 2])
    assert "answer.py:6: expected ['tea'], got ['tea', 'milk']" in found.steps[-1].say
    assert ("M6",) == found.misconceptions


def test_a_child_has_all_modules_of_the_checks_before_it_is_forked() -> None:
    course = Course()
    ids = [one.id for lesson in course.lessons for one in lesson.blocks(Exercise)]
    checks = list(dict.fromkeys(map(course.check_source, ids)))
    program = (
        f"import importlib, sys\nfor name in {checking.PRELOAD!r}: importlib.import_module(name)\n"
        f"had = set(sys.modules)\nfor check in {checks!r}: exec(check, {{'__name__': 'check'}})\n"
        "print(*sorted(name for name in set(sys.modules) - had if name.partition('.')[0] in ('otp', 'superlearner')))"
    )
    done = subprocess.run([sys.executable], input=program, capture_output=True, text=True, check=True)
    assert "" == done.stdout.strip()


def test_strings_of_several_lines_are_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ['"""A docstring.', "", 'It is no code."""', "", "# a comment", 'a = """one', "", "# two", '"""']
    text = "\n".join([*lines, "b = (", '    "c"', "    # why", '    "d"', ")"])
    (tmp_path / "counted_module.py").write_text(text)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert 8 == code_lines.lines_of("counted_module")
