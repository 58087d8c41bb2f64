"""`make mutants`: its mutants, their selection, and verdicts."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from tools.files import ROOT
from tools.mutant_operators import candidates
from tools.mutants import draw, engine, row, stages

pytestmark = pytest.mark.program

ENGINE = engine()


def changes(source: str) -> set[str]:
    """Return the replacements that the mutants of a source make, as `old -> new`."""
    return {f"{source[m.start : m.end]} -> {m.replacement}" for m in candidates(source, "a.py")}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("if f(a): g()", "f(a) -> not (f(a))"),
        ("if not a: g()", "not a -> (a)"),
        ("while f(a) and b: g()", "f(a) and b -> not (f(a) and b)"),
        ("while f(a) and b: g()", "f(a) and b -> b"),
        ("x = a or (b and c) or d", "a or (b and c) or d -> (b and c) or d"),
        ("x = a or (b and c) or d", "b and c -> c"),
        ("x = a if f(b) else c", "f(b) -> not (f(b))"),
        ("x = [y for y in a if f(y)]", "f(y) -> not (f(y))"),
        ("x = a < b", "a < b -> a <= b"),
        ("x = a is not b", "a is not b -> a is b"),
        ("x = (a or b) in c", "(a or b) in c -> (a or b) not in c"),
        ("x = y[0]", "0 -> 1"),
        ("x = None\n    return x", "None -> True"),
        ("x.a = None", "x.a = None -> pass"),
        ("x = f(\n        a,\n        b,\n    )", "x = f(\n        a,\n        b,\n    ) -> pass"),
        ("x = f(a, b)", "a, b -> b, a"),
        ("f(a)", "f(a) -> pass"),
        ("return f(a)", "return f(a) -> return None"),
        ("for x in a: break", "break -> pass"),
        ("x -= y", "x -= y -> x += y"),
        ("x = a + 'é' if b else c - d", "c - d -> c + d"),
    ],
)
def test_an_operator_changes(body: str, expected: str) -> None:
    assert expected in changes(f"def é(a, b, c, d, y):\n    {body}\n")


@pytest.mark.parametrize(
    "source",
    [
        '"""A text."""\n__slots__ = ("a", 1)\n__all__ = ["a"]',
        'def f():\n    """A text."""',
        "def f(a: Literal[1] = ...) -> Literal[0]: ...",
        "class A:\n    a: Literal[True]",
        "def f():\n    assert a is None, 1",
        "if TYPE_CHECKING:\n    a = 1",
        "def __repr__(self):\n    return f(0, 1)",
        "@overload\ndef f(a=None): return g()",
        "class A(Protocol):\n    def f(self): return g()",
        "def f():\n    del a",
    ],
)
def test_code_without_observable_effect_is_not_changed(source: str) -> None:
    assert [] == candidates(source, "a.py")


def test_texts_of_logs_and_errors_are_kept_but_their_statement_can_be_deleted() -> None:
    assert {"logger.error('a', 1) -> pass"} == changes("def f():\n    logger.error('a', 1)")
    assert {"say(1, 'a', b) -> pass"} == changes("def f():\n    say(1, 'a', b)")
    assert {"raise E('a', 1) -> pass"} == changes("def f():\n    raise E('a', 1)")


@pytest.mark.parametrize("name", ["min", "max"])
def test_arguments_whose_order_does_not_matter_are_not_swapped(name: str) -> None:
    assert {f"return {name}(a, b) -> return None"} == changes(f"def f(a, b):\n    return {name}(a, b)")


def test_a_reference_that_is_only_dropped_is_kept() -> None:
    assert set() == {one for one in changes("def f():\n    x = g()\n    h(x)\n    x = None") if "None" in one}
    assert "x = None -> pass" in changes("def f():\n    x = None\n    h(x)")


@pytest.mark.parametrize("path", ENGINE)
def test_mutants_of_the_engine_differ_and_compile(path: str) -> None:
    source = (ROOT / path).read_text(encoding="utf-8")
    found = candidates(source, path)
    original = ast.dump(ast.parse(source))
    texts = [mutant.apply(source) for mutant in found]
    assert len(found) == len(set(texts))
    for text in texts[:: len(texts) // 20 + 1]:
        assert original != ast.dump(compile(text, path, "exec", ast.PyCF_ONLY_AST, dont_inherit=True))


def test_the_seed_decides_which_mutants_are_drawn() -> None:
    drawn = draw(ENGINE, 400, 7)
    assert 400 == len(set(drawn))
    assert drawn == draw(ENGINE, 400, 7)
    assert drawn != draw(ENGINE, 400, 8)


@pytest.mark.parametrize("path", ENGINE)
def test_every_module_has_tests_that_run_first_and_last(path: str) -> None:
    arguments = [word for stage in stages(path) for command in stage.commands for word in command]
    files = [word for word in arguments if word.startswith("otp/")]
    assert [] == [name for name in files if not (ROOT / name).exists()]
    assert 3 == len(stages(path))


def test_a_survivor_is_a_row_of_the_table() -> None:
    path = "otp/src/otp/kernel/tables/scheduler.py"
    (mutant,) = (m for m in draw([path], 1000, 0) if m.replacement == "s.credit + messages")
    assert f"| kernel/tables/scheduler.py:{mutant.line} | `" in row(mutant)


# A tiny project, judged in a separate process, because the judge forks and must not have threads.

RULES = """
def later(a, b):
    while a < 0:
        a += 1
    return a < b


def spare():
    return 1
"""
TESTS = """
from tiny.rules import later


def test_later():
    assert later(1, 2)
    assert not later(2, 2)
    assert later(-2, 1)
"""
PROGRAM = """
from pathlib import Path
from tools.mutant_operators import candidates
from tools.mutant_runs import Judge, Stage

root = Path.cwd()
stage = Stage((("pytest", "-x", "-q", "-p", "no:cacheprovider", "test_rules.py"),))
path = "src/tiny/rules.py"
mutants = candidates((root / path).read_text(), path)
with Judge(root, Path("src"), 2, test_seconds=2.0) as judge:
    print(judge.check([stage]))
    for verdict in judge.judge((mutant, (stage,)) for mutant in mutants):
        change = " ".join(verdict.mutant.diff((root / path).read_text()))
        print(change, "=", verdict.killed, verdict.by)
"""


def judged(folder: Path, tests: str) -> subprocess.CompletedProcess[str]:
    package = folder / "src" / "tiny"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "rules.py").write_text(RULES)
    (folder / "test_rules.py").write_text(tests)
    (folder / "temporary").mkdir()
    return subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "TMPDIR": str(folder / "temporary")},
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
def test_killed_mutants_differ_from_survivors_and_nothing_is_left_behind(tmp_path: Path) -> None:
    ran = judged(tmp_path, TESTS)
    assert "" == ran.stderr
    first, *lines = ran.stdout.splitlines()
    assert "None" == first
    verdicts = dict(line.split(" = ") for line in lines)
    assert "True test_rules.py::test_later" == verdicts["- return a < b + return a <= b"]
    assert "True test_rules.py::test_later" == verdicts["- return a < b + return None"]
    assert "True the time limit" == verdicts["- a += 1 + a -= 1"]
    assert "False " == verdicts["- return 1 + return 0"]
    assert RULES == (tmp_path / "src/tiny/rules.py").read_text()
    assert {"src", "test_rules.py", "temporary"} == {path.name for path in tmp_path.iterdir()}
    assert [] == list((tmp_path / "temporary").iterdir())
    assert [] == list(tmp_path.rglob("__pycache__"))


def test_tests_that_fail_without_a_mutant_are_shown(tmp_path: Path) -> None:
    ran = judged(tmp_path, "def test_wrong():\n    assert 1 == 2\n")
    assert "FAILED test_rules.py::test_wrong" in ran.stdout


def test_tests_that_import_other_sources_give_no_verdict(tmp_path: Path) -> None:
    ran = judged(tmp_path, "def test_nothing():\n    pass\n")
    assert "expected the tests to import the copy of src/tiny/rules.py" in ran.stderr
