"""A worker of pytest tells of every test, whatever the test wrote."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import encodable_plugin
from encodable_plugin import encodable

HERE = Path(encodable_plugin.__file__).parent
TESTS = """
import logging

def test_that_writes_half_a_character():
    logging.getLogger().warning("caf\\udce9")

def test_that_fails_of_one():
    assert "caf\\udce9" == "coffee"
"""


def test_half_a_character_is_told_as_its_code() -> None:
    assert encodable([("caf\udce9", {"é": 1})]) == [("caf\\udce9", {"é": 1})]


def test_a_run_with_workers_tells_of_tests_that_write_half_a_character(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text(f"[pytest]\npythonpath = {HERE}\naddopts = -p no:cacheprovider\n")
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["encodable_plugin"]\n')
    command = [sys.executable, "-m", "pytest", "-q", "-p", "xdist", "-n", "1"]
    alone = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(HERE)}
    done = subprocess.run(command, cwd=tmp_path, env=alone, capture_output=True, text=True, check=False)
    assert (1, True) == (done.returncode, "1 failed, 1 passed" in done.stdout), done.stdout
