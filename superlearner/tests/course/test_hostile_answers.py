"""Answers that try to pass without being right, run as learners' answers are: in children behind walls."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from typing import Any

import pytest

import otp
from superlearner.course.course import FOLDER, Course
from superlearner.course.engine import checking
from superlearner.course.engine.checking import LIMITS, Checked, Checker, CheckNotRun
from superlearner.course.engine.child import BUSY_S
from superlearner.course.engine.verdict import refusal

pytestmark = [pytest.mark.program, pytest.mark.skipif(sys.platform != "linux", reason="walls need Linux")]

COURSE = Course()
RIGHT = COURSE.solution("s12.minimal")
WRONG = (FOLDER / "wrong" / "s03_echo" / "M1.py").read_text()
BEFORE = "class MinimalServer"


def checked(source: str, exercise: str = "s12.minimal") -> Checked:
    async def main() -> Checked:
        checker = Checker(0)
        try:
            return await checker.check(exercise, COURSE.check_source(exercise), source)
        finally:
            checker.close()

    return otp.run(main)


def test_the_reference_passes_behind_walls() -> None:
    found = checked(RIGHT + "\nprint('hello')\n")
    assert found.verdict.ok, found.verdict.steps
    assert found.printed == "hello\n" * 5


def test_a_failed_run_that_is_repeated_to_show_it_prints_once() -> None:
    found = checked(WRONG + "\nimport logging\nprint('hello', flush=True)\nlogging.warning('seen')\n", "s03.echo")
    assert found.verdict.excerpt
    assert found.printed == "hello\nWARNING:root:seen\n"


def test_a_repeated_run_prints_what_the_first_run_did_not_reach() -> None:
    found = checked(RIGHT.replace("return Ok(initial)", "print('init', initial); return Ok(initial)"))
    assert found.verdict.ok, found.verdict.steps
    started = [found.printed.count(f"init {value}\n") for value in (0, (), 7, None)]
    assert started == [5 * 3, 5 * 4, 5 * 2, 5 * 2]


def test_a_failed_run_that_is_repeated_fails_as_before() -> None:
    takes_long = f"""
import sys, time
sys.stdout.buffer.write(b"hello")
begun = time.process_time()
while time.process_time() - begun < {0.6 * BUSY_S}: pass
"""
    assert checked(WRONG + takes_long, "s03.echo").verdict == checked(WRONG, "s03.echo").verdict


def test_a_repeated_run_has_a_time_limit() -> None:
    found = checked(
        RIGHT + "\nimport json\njson.runs = getattr(json, 'runs', 0) + 1\nwhile json.runs == 2:\n"
        "    try:\n        while True: pass\n    except BaseException: break\n"
    )
    assert not found.verdict.ok
    assert "keeps the one thread of the runtime busy" in found.verdict.steps[0].say


FORGED = """
import json, os, sys
for number in range(1, 10):
    told = {"ok": True, "misconceptions": [], "checks": [], "excerpt": []}
    for text in ('{"ok": true}', json.dumps(["0" * 32, told])):
        try:
            os.write(number, text.encode() + b"\\n")
        except OSError:
            pass
print('{"ok": true, "misconceptions": [], "checks": []}', flush=True)
os._exit(0)
"""

VARS_REPLACED = """
import builtins
from superlearner.course.engine.scenario import Scenario
real = vars
before = {id(one): dict(real(one)) for one in (builtins, Scenario)}
builtins.vars = lambda one: before.get(id(one), real(one))
Scenario.same = lambda *a: None
"""
SETATTR_REPLACED = """
import builtins, sys
builtins.setattr = lambda *a: sys._getframe(1).f_locals.get("changed", []).clear()
"""
CHECK_REPLACED = """
from superlearner.course.engine.integrity import Integrity
Integrity.check = lambda self: None
"""
COMPARISON_REPLACED = """
from superlearner.course.engine.integrity import Integrity
Integrity._is_same = lambda self: True
"""
REPLACED_AFTER_AN_ADDITION = """
import time, otp
def add_then_replace():
    if hasattr(otp, "more"):
        otp.monotonic = time.monotonic
    otp.more = 1
""" + RIGHT.replace("return Ok(initial)", "add_then_replace(); return Ok(initial)")

REPLACED_WHILE_IT_RUNS = "import otp\n" + RIGHT.replace(
    "return Ok(initial)", "otp.Supervisor.start_child = None; return Ok(initial)"
)

HOSTILE: dict[str, tuple[str, str]] = {
    "no definition": ("x = 1", "expected a definition of 'MinimalServer' in your code, got none"),
    "wrong name": (RIGHT.replace("MinimalServer", "MinmalServer"), "did you mean 'MinimalServer' where you"),
    "syntax": ("x = 1\ndef (:\n", "line 2: invalid syntax"),
    "exception": ("x = 1\n1 / 0\n", "line 2: ZeroDivisionError: division by zero"),
    "endless loop": ("x = 1\nwhile True:\n    x += 1\n", ": your code keeps the one thread of the runtime busy"),
    "endless loop in a callback": (
        RIGHT.replace("            case \"get\":\n", '            case "get":\n                while True: pass\n'),
        ": your code keeps the one thread of the runtime busy",
    ),
    "endless loop that catches its end": (
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass\n",
        "line 3: your code keeps the one thread of the runtime busy",
    ),
    "sys.exit": ("import sys\nsys.exit(0)", "your code called sys.exit(0)"),
    "os._exit after a forged verdict": (FORGED, "your code"),
    "memory": ("x = [0] * 10**9", "more memory than a check has"),
    "growing memory": ("x = []\nwhile True:\n    x.append(bytearray(10**6))", "more memory than a check has"),
    "output flood": ("while True:\n    print('x' * 1000)", "printed more than a check takes"),
    "threads": ("import threading\nthreading.Thread(target=print).start()\n" + RIGHT, "expected neither threads"),
    "sockets": ("import socket\nsocket.socket()\n" + RIGHT, "expected neither threads, sockets"),
    # The answer sleeps, and the check has to refuse it
    "real waiting": ("import time\ntime.sleep(1)\n" + RIGHT, "time.sleep blocks the one thread of the runtime"),
    "a builtin replaced": ("import builtins\nbuiltins.isinstance = lambda *a: True\n" + RIGHT, "builtins.isinstance"),
    "the library replaced": (
        "import otp\nasync def call(*a, **k): return 0\notp.GenServer.call = call\n" + RIGHT, "GenServer.call as it is",
    ),
    "the engine replaced": (
        "from superlearner.course.engine.scenario import Scenario\nScenario.same = lambda *a: None\n" + RIGHT,
        "Scenario.same as it is",
    ),
    "the builtin replaced that lists names": (VARS_REPLACED + RIGHT, "builtins.vars as it is"),
    "the builtin replaced that puts names back": (SETATTR_REPLACED + RIGHT, "builtins.setattr as it is"),
    "the check of names replaced": (CHECK_REPLACED + RIGHT, "Integrity.check as it is"),
    "the comparison of names replaced": (COMPARISON_REPLACED + RIGHT, "Integrity._is_same as it is"),
    "a name replaced after another was added": (REPLACED_AFTER_AN_ADDITION, "otp.monotonic as it is"),
    "the library replaced while it runs": (REPLACED_WHILE_IT_RUNS, "Supervisor.start_child as it is"),
    "an object that equals everything": (
        RIGHT.replace(BEFORE, "class Any:\n    __eq__ = lambda self, other: True\n    __hash__ = None\n\n\n" + BEFORE)
        .replace("Reply(state, state)", "Reply(Any(), state)"),
        "expected get to answer 0",
    ),
    "a process left behind": (
        "import otp\n" + RIGHT.replace("return Ok(initial)", "otp.spawn(otp.receive); return Ok(initial)"),
        "expected nothing to be left running",
    ),
    "the checks read": (f"print(open({str(FOLDER / 'solutions' / 's12_minimal.py')!r}).read())", "Error"),
    "the checks listed": (f"import os\nprint(os.listdir({str(FOLDER / 'checks')!r}))", "Error"),
    "a NUL": ("x = '\0'", "expected a Python file"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_it_gets_one_exact_sentence_and_never_passes(name: str) -> None:
    source, said = HOSTILE[name]
    found = checked(source).verdict
    assert not found.ok
    assert said in found.steps[-1].say
    assert "Traceback" not in found.steps[-1].say


def test_a_machine_that_is_busy_does_not_end_a_right_answer() -> None:
    """A child holds its loop while it runs; it had 3 s by the clock, which a right answer took on a busy machine."""
    by_the_clock = (LIMITS.hold_s, LIMITS.start_s, LIMITS.wall_s)
    assert all(seconds is not None and seconds >= 10 * BUSY_S for seconds in by_the_clock)


def test_two_checks_at_once_do_not_disturb_each_other() -> None:
    async def main() -> list[bool]:
        checker = Checker(2)
        results: list[bool] = []
        me = otp.self()

        async def one(source: str) -> None:
            found = await checker.check("s12.minimal", COURSE.check_source("s12.minimal"), source)
            otp.send(me, (source is RIGHT, found.verdict.ok))

        for source in (RIGHT, "x = 1", RIGHT, "while True: pass"):
            otp.spawn(one, source)
        for _ in range(4):
            right, ok = await otp.receive()
            results.append(right == ok)
        checker.close()
        return results

    assert otp.run(main) == [True] * 4


def test_an_answer_reads_the_library_whatever_the_umask_of_the_platform() -> None:
    """Sockets are made under a strict umask, and a child that was forked meanwhile kept it.

    It found no module then that was not imported yet, and `s12.own` failed for everybody.
    """

    async def main() -> Checked:
        checker, before = Checker(0), os.umask(0o077)
        try:
            return await checker.check("s12.own", COURSE.check_source("s12.own"), COURSE.solution("s12.own"))
        finally:
            os.umask(before)
            checker.close()

    found = otp.run(main)
    assert found.verdict.ok, found.verdict.steps


@pytest.mark.parametrize("children", [1, 2])
def test_the_verdict_is_that_of_the_first_seed_that_fails(children: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two children that share the seeds say what one says."""
    monkeypatch.setattr(checking, "AT_ONCE", children)
    check = """
from superlearner.course.engine.exercise import exercise
@exercise("fails")
async def fails(s):
    s.step("The seed passes.")
    s.expect(s.seed not in s.need("bad"), f"seed {s.seed} fails")
"""

    async def main() -> list[str]:
        checker = Checker(0)
        bad = ({4, 3, 5}, {5, 2}, {5}, {4}, set[int]())
        verdicts = [(await checker.check("fails", check, f"bad = {one or 'set()'}")).verdict for one in bad]
        return [verdict.steps[-1].say for verdict in verdicts]

    assert otp.run(main) == ["seed 3 fails", "seed 2 fails", "seed 5 fails", "seed 4 fails", ""]


@pytest.mark.parametrize("starts", [(True, False), (False, True)])
def test_a_child_without_room_beside_another_one_runs_after_it(
    starts: tuple[bool, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "AT_ONCE", 2)
    rooms = iter(starts)

    async def run(self: Checker, id: str, check: str, source: str, seeds: tuple[int, ...]) -> Any:
        if not next(rooms, True):
            raise CheckNotRun("this machine has no room for a check")
        return asdict(refusal("It runs.", f"seed {seeds[0]} fails")) | {"seed": seeds[0]}, ""

    monkeypatch.setattr(Checker, "_run", run)
    found = otp.run(lambda: Checker(0, weak=True).check("a", "", ""))
    assert "seed 1 fails" == found.verdict.steps[-1].say
