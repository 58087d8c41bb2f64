"""A run of pytest on the members of a test cluster, and how many tests ran."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from otp.testing.cluster_members import VARIABLE

__all__ = ["MARK", "TestRun", "run_pytest"]

MARK: Final = "real_nodes"
END_S: Final = 10.0
COUNTED: Final = ("tests", "failures", "errors", "skipped")


@dataclass(frozen=True, slots=True)
class TestRun:
    """The result of pytest: its exit code, and the number of tests that ran, failed and were skipped."""

    __test__ = False  # although its name begins like one

    exit_code: int
    ran: int
    failed: int
    skipped: int

    @property
    def passed(self) -> bool:
        """Return whether at least one test ran, and all passed."""
        return self.exit_code == 0 and self.ran > 0 and self.failed == 0


def run_pytest(paths: Sequence[str], cluster_file: Path, report: Path, *, output: int | None = None) -> TestRun:
    """Run the tests that are marked `real_nodes`; end pytest if this is interrupted.

    Args:
        paths: files, folders or tests; none for those of the ini file.
        cluster_file: what the tests read about the members.
        report: where pytest writes its report, in the format of JUnit.
        output: a file descriptor for what pytest prints.
    """
    report.unlink(missing_ok=True)
    words = [sys.executable, "-m", "pytest", "-m", MARK, f"--junit-xml={report}", *paths]
    testing = subprocess.Popen(words, env={**os.environ, VARIABLE: str(cluster_file)}, stdout=output)
    try:
        code = testing.wait()
    except BaseException as error:
        if not isinstance(error, KeyboardInterrupt):  # Ctrl-C reaches pytest, too
            testing.terminate()
        try:
            testing.wait(END_S)
        except subprocess.TimeoutExpired:
            testing.kill()
            testing.wait()
        raise
    return _count(code, report)


def _count(code: int, report: Path) -> TestRun:
    """Return the counts of a report, which a run that was refused does not write."""
    try:
        suites = ET.parse(report).getroot().iter("testsuite")
    except (OSError, ET.ParseError):
        return TestRun(code, 0, 0, 0)
    sums = dict.fromkeys(COUNTED, 0)
    for suite in suites:
        for name in COUNTED:
            sums[name] += int(suite.get(name, "0"))
    return TestRun(code, sums["tests"] - sums["skipped"], sums["failures"] + sums["errors"], sums["skipped"])
