"""Pytest plug-in: a full run fails if an operation is not covered by a test.

``@pytest.mark.operation("process.kill", "process.info")`` names the operations of a test. An operation is covered if a
test marked with it passed and its route answered without an error in that test (dry runs do not count). The fixture
`inside` records the routes that answered, see `answered`. A partial run is not judged, see `is_whole`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from whole_run import is_whole

__all__ = ["ANSWERED", "Operations"]

MARKER = "operation"
ANSWERED = "answered operation"
"""Property name for operations whose route has answered."""

_FOLDER = "superlearner/tests"


class Operations:
    """Record of tested and answered operations, judged at the end of the session."""

    def __init__(self) -> None:
        self.passed: dict[str, tuple[set[str], set[str]]] = {}
        self.failed: set[str] = set()
        self.problems: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not report.passed:
            self.failed.add(report.nodeid)
        elif report.when == "call":
            stored = report.user_properties
            about = {str(value) for name, value in stored if name == MARKER}
            self.passed[report.nodeid] = about, {str(value) for name, value in stored if name == ANSWERED}

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if not is_whole(session, _FOLDER):
            return
        self.problems = list(self._judge(_all_names()))
        if self.problems and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _judge(self, names: list[str]) -> Iterator[str]:
        good = [found for test, found in self.passed.items() if test not in self.failed]
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
    from superlearner.operations.engine.registry import all_operations

    return [operation.name for operation in all_operations()]


def pytest_itemcollected(item: pytest.Item) -> None:
    """Add the operations of a test to its report, which workers send back."""
    for mark in item.iter_markers(MARKER):
        item.user_properties.extend((MARKER, name) for name in mark.args)


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # a pytest-xdist worker sees only a part of the run
        config.pluginmanager.register(Operations())
