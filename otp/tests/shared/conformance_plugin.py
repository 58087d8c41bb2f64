"""A run of all of the library's tests fails if a test that docs/conformance.md names did not run, or did not pass.

An id without a parameter stands for the test with every parameter. A run of a part (a file, ``-k``, ``-x`` that
stopped it) says nothing about the page.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tools.conformance_page import cases_of, text_of

from whole_run import is_whole


class Conformance:
    """Keeps what became of each test and judges the page by it when the session ends."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.passed: set[str] = set()
        self.failed: set[str] = set()
        self.problems: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        names = {report.nodeid, report.nodeid.partition("[")[0]}
        if not report.passed:
            self.failed |= names
        elif report.when == "call":
            self.passed |= names

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if not is_whole(session, "otp/tests"):
            return
        self.problems = list(self._judge())
        if self.problems and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _judge(self) -> Iterator[str]:
        for case in cases_of(text_of(self.config.rootpath)):
            for test in case.tests:
                if test in self.failed:
                    yield f"{case}: {test} did not pass"
                elif test not in self.passed:
                    yield f"{case}: {test} did not run"

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.problems:
            terminalreporter.section("cases of the suites that this run does not hold", red=True)
            terminalreporter.write("\n".join(self.problems) + "\n")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # a worker of pytest-xdist sees a part of the run only
        config.pluginmanager.register(Conformance(config))
