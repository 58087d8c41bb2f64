"""Pytest plug-in for `tools.foreign_suites anyio`: what anyio runs for a test, a process of a node runs.

The results go to the file that `FOREIGN_RESULTS` names.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from anyio._backends import _asyncio

from tools.foreign_suites import in_process

ran: set[str] = set()
failed: dict[str, str] = {}


def pytest_configure() -> None:
    run_tests: Any = _asyncio.TestRunner._run_tests_and_fixtures

    async def run_in_process(runner: Any, stream: Any) -> None:
        await in_process(run_tests(runner, stream))

    if not os.environ.get("FOREIGN_PLAIN"):
        _asyncio.TestRunner._run_tests_and_fixtures = run_in_process  # type: ignore[method-assign]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    name = report.nodeid.removeprefix("tests/")
    if report.when == "call" and not report.skipped:
        ran.add(name)
    if report.failed:
        ran.add(name)
        failed[name] = report.longreprtext


def pytest_sessionfinish() -> None:
    Path(os.environ["FOREIGN_RESULTS"]).write_text(json.dumps({"ran": len(ran), "failed": failed}))
