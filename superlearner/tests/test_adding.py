"""The guides for contributors work as printed: in a copy of the repository, with nothing but their steps."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from guides import follow

ROOT = Path(__file__).parents[2]
NEEDED = ("superlearner", "tools", "docs", "otp/tests/shared", "Makefile", "conftest.py", "pyproject.toml")
"""What the steps change, and what their tests use; `otp` itself is taken from where it is."""

Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run Python with arguments in the copy, whose platform it imports; return its output."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("SUPERLEARNER_", "PYTEST_"))}
    env = {**kept, "PYTHONPATH": str(tmp_path / "superlearner/src")}

    def run_in_copy(*words: str) -> str:
        line = [sys.executable, *words]
        done = subprocess.run(line, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=100, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run_in_copy


def followed(name: str, folder: Path) -> list[str]:
    """Copy the repository into `folder` and follow a guide there; return the paths of its steps."""
    for needed in NEEDED:
        if (ROOT / needed).is_dir():
            shutil.copytree(ROOT / needed, folder / needed, ignore=shutil.ignore_patterns("pictures"))
        else:
            shutil.copy(ROOT / needed, folder / needed)
    return follow((ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8"), folder)


@pytest.mark.program
def test_an_operation_that_was_added_as_printed_answers(tmp_path: Path, run: Run) -> None:
    tests = "superlearner/tests/operations/builtin/test_orphans.py"
    assert followed("adding-an-operation", tmp_path) == [
        "superlearner/src/superlearner/operations/builtin/orphans.py",
        tests,
        "superlearner/tests/web/test_openapi.py",
    ]
    run("-m", "tools.commands")
    assert "List processes that no other process notices." in run("-m", "superlearner", "orphan", "--help")
    assert "2 passed" in run("-m", "pytest", "-q", "-n", "0", "-k", "not attached and not remote", tests)


@pytest.mark.program
def test_a_page_that_was_added_as_printed_is_served_and_follows_what_happens(tmp_path: Path, run: Run) -> None:
    tests = "superlearner/tests/web/browser/test_restarts.py"
    assert followed("adding-a-page", tmp_path) == [
        "superlearner/src/superlearner/web/pages.py",
        "superlearner/src/superlearner/web/templates/restarts.html",
        "superlearner/src/superlearner/web/static/restarts/restarts.js",
        "superlearner/src/superlearner/web/static/restarts/restarts.css",
        tests,
        "tools/screenshots.py",
    ]
    also = "superlearner/tests/web/test_quick_pages.py"
    assert "3 passed" in run("-m", "pytest", "-q", "-n", "0", tests, also)
