"""A run of all of the platform's tests fails for an operation that no test has really asked.

``@pytest.mark.operation("process.kill", "process.info")`` says which operations a test is about. An operation is held
if a test marked with it passed in which its route answered without an error (a dry run is none). The fixture `inside`
writes down which routes answered, see `answered`. A run of a part says nothing, see `is_whole`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from whole_run import is_whole

__all__ = ["ANSWERED", "Operations"]

MARKER = "operation"
ANSWERED = "answered operation"
"""The name under which `record_property` takes an operation whose route has answered."""

_FOLDER = "superlearner/tests"


class Operations:
    """Keeps which operations the tests were about and what was answered; judges when the session ends."""

    def __init__(self) -> None:
        self.passed: dict[str, tuple[set[str], set[str]]] = {}
        self.failed: set[str] = set()
        self.problems: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not report.passed:
            self.failed.add(report.nodeid)
        elif report.when == "call":
            told = report.user_properties
            about = {str(value) for name, value in told if name == MARKER}
            self.passed[report.nodeid] = about, {str(value) for name, value in told if name == ANSWERED}

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if not is_whole(session, _FOLDER):
            return
        self.problems = list(self._judge(_all_names()))
        if self.problems and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _judge(self, names: list[str]) -> Iterator[str]:
        good = [told for test, told in self.passed.items() if test not in self.failed]
        for name in names:
            about = [answered for marked, answered in good if name in marked]
            if not about:
                yield f"{name}: no test that passed is marked with it; try @pytest.mark.operation({name!r})"
            elif not any(name in answered for answered in about):
                yield f"{name}: none of the tests marked with it got an answer of its route that is no error"
        for test, (marked, _) in self.passed.items():
            for name in sorted(marked - set(names)):
                yield f"{name}: there is no such operation, but {test} is marked with it"

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.problems:
            terminalreporter.section("operations that this run does not hold", red=True)
            terminalreporter.write("\n".join(self.problems) + "\n")


def _all_names() -> list[str]:
    from superlearner.operations.registry import all_operations

    return [operation.name for operation in all_operations()]


def pytest_itemcollected(item: pytest.Item) -> None:
    """Write the operations of a test into its report, which a pytest-xdist worker sends back."""
    for mark in item.iter_markers(MARKER):
        item.user_properties.extend((MARKER, name) for name in mark.args)


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # a worker of pytest-xdist sees a part of the run only
        config.pluginmanager.register(Operations())
