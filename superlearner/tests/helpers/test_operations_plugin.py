"""The gate of the operations can fail: for one without a test, one whose test asked something else, a wrong name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tools.files import ROOT

pytestmark = pytest.mark.program

TITLE = "operations that this run does not hold"
PROJECT = """[pytest]
pythonpath = {root}/otp/tests/shared {root}/superlearner/tests/shared
addopts = -p no:cacheprovider --strict-markers
markers =
    slow: takes long
    operation(*names): the operations a test is about
"""
TESTS = """
import pytest
from superlearner.operations.engine.registry import all_operations
from operations_plugin import ANSWERED

NAMES = [operation.name for operation in all_operations() if operation.name not in {left_out!r}]

@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.operation(name)) for name in NAMES])
def test_it(name, record_property):
    record_property(ANSWERED, name)

def test_without_a_mark(): pass
"""
MARKED = "\n@pytest.mark.operation('process.list', {name!r})\ndef test_list(record_property):\n    {body}\n"


def run(folder: Path, *arguments: str, left_out: tuple[str, ...] = (), more: str = "") -> tuple[int, str]:
    tests = folder / "superlearner" / "tests"
    tests.mkdir(parents=True)
    (tests / "test_it.py").write_text(TESTS.format(left_out=left_out) + more)
    (folder / "pytest.ini").write_text(PROJECT.format(root=ROOT))
    (folder / "conftest.py").write_text(
        'import superlearner\npytest_plugins = ["operations_plugin"]\n'  # the package before the folder
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "xdist", "--import-mode=importlib", *arguments]
    alone = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # the others take two seconds to import
    done = subprocess.run(command, cwd=folder, env=alone, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def test_a_run_that_asked_every_operation_passes(tmp_path: Path) -> None:
    code, text = run(tmp_path, "superlearner/tests")
    assert 0 == code, text


def test_an_operation_without_a_test_fails_the_run_and_is_named(tmp_path: Path) -> None:
    code, text = run(tmp_path, left_out=("process.list", "process.kill"))
    assert 1 == code
    assert TITLE in text
    for name in ("process.list", "process.kill"):
        assert f"{name}: no test that passed is marked with it" in text
    assert "process.info:" not in text


def test_a_marked_test_that_did_not_ask_the_operation_holds_nothing(tmp_path: Path) -> None:
    asked_another = MARKED.format(name="process.info", body="record_property(ANSWERED, 'process.info')")
    code, text = run(tmp_path, left_out=("process.list",), more=asked_another)
    assert 1 == code
    assert "process.list: none of the tests marked with it got an answer" in text


def test_a_test_that_failed_holds_nothing(tmp_path: Path) -> None:
    failed = MARKED.format(name="process.info", body="record_property(ANSWERED, 'process.list'); assert False")
    _, text = run(tmp_path, left_out=("process.list",), more=failed)
    assert "process.list: no test that passed is marked with it" in text


def test_a_mark_of_an_unknown_operation_fails_the_run(tmp_path: Path) -> None:
    code, text = run(tmp_path, more=MARKED.format(name="process.kil", body="record_property(ANSWERED, 'process.list')"))
    assert 1 == code
    assert "process.kil: there is no such operation, but superlearner/tests/test_it.py::test_list is marked" in text


def test_workers_tell_what_they_asked(tmp_path: Path) -> None:
    code, text = run(tmp_path, "-n", "2", left_out=("process.list",))
    assert 1 == code
    assert "process.list: no test" in text
    assert "process.info:" not in text


@pytest.mark.parametrize("arguments", [("superlearner/tests/test_it.py",), ("superlearner/tests", "-k", "info")])
def test_a_run_of_a_part_says_nothing(arguments: tuple[str, ...], tmp_path: Path) -> None:
    code, text = run(tmp_path, *arguments, left_out=("process.list",))
    assert (0, True) == (code, TITLE not in text)
