"""The check of docs/conformance.md can fail, for each of its rules."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tools.check_conformance import problems_of
from tools.conformance_page import cases_of, text_of, with_counts
from tools.files import ROOT

pytestmark = pytest.mark.program

HELD = "| case | what it holds | our test |\n| --- | --- | --- |\n"
NOT_HELD = "| case | why not |\n| --- | --- |\n"
COUNTS = "| suite | held | not held |\n| --- | --: | --: |\n\n"
TEST = "`otp/tests/test_it.py::test_good`"
TESTS = """
import pytest

def test_good(): pass

def test_bad(): assert False

@pytest.mark.skip(reason="not here")
def test_skipped(): pass

@pytest.mark.slow
def test_slow(): pass

@pytest.mark.parametrize("n", [1, 2])
def test_second_bad(n): assert n == 1

@pytest.fixture
def leaves_something():
    yield
    raise RuntimeError("left open")

def test_bad_end(leaves_something): pass
"""


def repository(folder: Path, tests: str = TESTS) -> Path:
    (folder / "otp" / "tests").mkdir(parents=True)
    (folder / "otp" / "tests" / "test_it.py").write_text(tests)
    return folder


def page(*rows: str, not_held: tuple[str, ...] = ()) -> str:
    lines = "\n".join(rows)
    text = f"{COUNTS}## a_SUITE\n\n{HELD}{lines}\n\n## What is not held\n\n### a_SUITE\n\n{NOT_HELD}"
    return with_counts(text + "\n".join(not_held) + "\n")


# Page


def test_the_page_passes_the_check() -> None:
    assert [] == list(problems_of(text_of()))


def test_the_page_counts_the_recorded_scenarios() -> None:
    corpus = ROOT / "otp" / "tests" / "conformance" / "corpus"
    records = [record for path in corpus.glob("catalogue/*.json") for record in json.loads(path.read_bytes())]
    for path in corpus.glob("random/*.jsonl.gz"):
        with gzip.open(path) as lines:
            records += [json.loads(line) for line in lines]
    compared = [record for record in records if "otp_quirk" not in record["scenario"]]
    assert f"{len(compared):,} programs" in text_of()


def test_a_line_is_parsed_with_its_suite_and_its_tests() -> None:
    text = page(f"| `one` | this | {TEST}, {TEST} |", not_held=("| `two` | needs a net |",))
    one, two = cases_of(text)
    assert ("a_SUITE", "one", "this", (TEST.strip("`"),) * 2, True) == (
        one.suite,
        one.name,
        one.text,
        one.tests,
        one.held,
    )
    assert ("a_SUITE", "two", "needs a net", (), False) == (two.suite, two.name, two.text, two.tests, two.held)
    assert "| a_SUITE | 1 | 1 |\n| **all** | 1 | 1 |\n" in text


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        (["| `one` | this |  |"], "names no test"),
        (["| `one` | this |"], "names no test"),
        ([f"| `one` |  | {TEST} |"], "a few words"),
        (["| `one` | this | `test_good` |"], "not the id"),
        (["| `one` | this | `otp/tests/test_it.py::test_gone` |"], "there is no"),
        (["| `one` | this | `otp/tests/test_gone.py::test_good` |"], "there is no"),
        ([f"| `one` | this | {TEST} |", f"| `one` | that | {TEST} |"], "already"),
    ],
)
def test_an_incomplete_or_contradictory_line_is_refused(rows: list[str], problem: str, tmp_path: Path) -> None:
    (found,) = problems_of(page(*rows), repository(tmp_path), least=0)
    assert "docs/conformance.md:" in found and "a_SUITE, one" in found and problem in found


def test_a_case_cannot_be_both_held_and_not_held(tmp_path: Path) -> None:
    text = page(f"| `one` | this | {TEST} |", not_held=("| `one` | needs a net |",))
    (found,) = problems_of(text, repository(tmp_path), least=0)
    assert "already" in found


def test_wrong_counts_and_too_few_cases_are_refused(tmp_path: Path) -> None:
    text = page(f"| `one` | this | {TEST} |").replace("| **all** | 1 |", "| **all** | 2 |")
    few, counts = problems_of(text, repository(tmp_path), least=300)
    assert "1 cases are held, expected at least 300" in few
    assert "--write" in counts


# Run

PROJECT = """[pytest]
pythonpath = {root} {root}/otp/tests/shared
addopts = -p no:cacheprovider
markers =
    slow: takes long
"""


def run(folder: Path, test: str, *arguments: str, tests: str = TESTS) -> tuple[int, str]:
    """Run the tests of a repository whose page names this test."""
    repository(folder, tests)
    (folder / "pytest.ini").write_text(PROJECT.format(root=ROOT))
    (folder / "conftest.py").write_text('pytest_plugins = ["conformance_plugin"]\n')
    (folder / "docs").mkdir()
    (folder / "docs" / "conformance.md").write_text(page(f"| `one` | this | `otp/tests/test_it.py::{test}` |"))
    command = [sys.executable, "-m", "pytest", "-q", *arguments]
    alone = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # the plug-ins take two seconds to import
    done = subprocess.run(command, cwd=folder, env=alone, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


GOOD_ONES = """
import pytest

def test_good(): pass

@pytest.mark.skip(reason="not here")
def test_skipped(): pass
"""


@pytest.mark.parametrize(
    ("test", "problem"),
    [
        ("test_bad", "did not pass"),
        ("test_skipped", "did not pass"),
        ("test_bad_end", "did not pass"),
        ("test_second_bad", "did not pass"),
        ("test_second_bad[2]", "did not pass"),
        ("test_second_bad[3]", "did not run"),
        ("test_slow", "did not run"),
        ("test_gone", "did not run"),
    ],
)
def test_a_full_run_names_the_case_that_it_does_not_hold(test: str, problem: str, tmp_path: Path) -> None:
    code, text = run(tmp_path, test, "-m", "not slow", "otp/tests")
    assert 1 == code
    assert f"a_SUITE, one: otp/tests/test_it.py::{test} {problem}" in text


@pytest.mark.parametrize("test", ["test_good", "test_second_bad[1]"])
def test_a_case_is_held_if_its_test_passed_even_if_others_failed(test: str, tmp_path: Path) -> None:
    _, text = run(tmp_path, test)
    assert "that this run does not hold" not in text


@pytest.mark.parametrize("test", ["test_skipped", "test_gone"])
def test_a_run_without_failed_tests_can_fail_because_of_the_page(test: str, tmp_path: Path) -> None:
    code, text = run(tmp_path, test, tests=GOOD_ONES)
    assert 1 == code
    assert "that this run does not hold" in text


def test_a_run_that_holds_all_cases_passes(tmp_path: Path) -> None:
    assert 0 == run(tmp_path, "test_good", tests=GOOD_ONES)[0]


@pytest.mark.parametrize(
    "arguments",
    [
        ("otp/tests/test_it.py",),
        ("otp/tests/test_it.py::test_good",),
        ("otp/tests", "-k", "good"),
        ("otp/tests", "-m", "slow"),
        ("otp/tests", "--collect-only"),
        ("otp/tests", "-x"),
    ],
)
def test_a_partial_run_does_not_judge_the_page(arguments: tuple[str, ...], tmp_path: Path) -> None:
    _, text = run(tmp_path, "test_gone", *arguments)
    assert "that this run does not hold" not in text
