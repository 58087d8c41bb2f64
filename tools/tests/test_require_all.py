"""With REQUIRE_ALL=1 a skipped test counts as failed; otherwise nothing changes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.program

HOOK = Path(__file__).parents[2] / "conftest.py"
SHARED = ("otp/tests/shared", "superlearner/tests/shared")
TESTS = """
import pytest

@pytest.mark.skipif(True, reason="no browser here")
def test_marked(): pass

def test_inside(): pytest.skip("no erl here")

@pytest.mark.xfail(strict=True)
def test_expected_to_fail(): assert False

def test_good(): pass
"""


def outcome(folder: Path, require_all: str, tests: str) -> tuple[int, str]:
    (folder / "conftest.py").write_text(HOOK.read_text())
    (folder / "test_it.py").write_text(tests)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", ".", "."],
        cwd=folder,
        env={
            **os.environ,
            "REQUIRE_ALL": require_all,
            "PYTHONPATH": os.pathsep.join(str(HOOK.parent / folder) for folder in (".", *SHARED)),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # the plug-ins take two seconds to import
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_a_skip_is_a_failure_that_names_the_missing_requirement(tmp_path: Path) -> None:
    code, text = outcome(tmp_path, "1", TESTS)
    assert 1 == code
    assert "1 failed, 1 passed, 1 xfailed, 1 error" in text
    assert "no browser here" in text and "no erl here" in text


def test_a_whole_file_that_is_skipped_is_a_failure(tmp_path: Path) -> None:
    code, text = outcome(tmp_path, "1", "import pytest\npytest.importorskip('no_such_module')\n")
    assert code not in (0, 5)
    assert "no_such_module" in text


@pytest.mark.parametrize("value", ["", "0"])
def test_otherwise_skips_stay_skips(tmp_path: Path, value: str) -> None:
    code, text = outcome(tmp_path, value, TESTS)
    assert 0 == code
    assert "1 passed, 2 skipped, 1 xfailed" in text
