"""For all tests: with ``REQUIRE_ALL=1`` a skipped test is a failed one. A check that did not run has found nothing."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from _pytest.doctest import DoctestModule
from hypothesis import HealthCheck, settings

# The folders of the repository bear the names of the packages in them. pytest names a test by its folders, so the
# packages have to be there first, or the folders would be taken for them.
import otp as _otp  # noqa: F401
import superlearner as _superlearner  # noqa: F401

if TYPE_CHECKING:
    from tools.postgres import Postgres

# A run of all of the library's tests answers for docs/conformance.md as well, one of the platform's for its operations.
pytest_plugins = [
    "conformance_plugin",
    "encodable_plugin",
    "loop_plugin",
    "operations_plugin",
    "samples_plugin",
]

# Another test may run beside each: how long it took to think of an example says nothing about the code.
settings.register_profile("beside others", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("beside others")

COLLECTS = (50_000, 20, 50)
"""Thresholds of the garbage collector while tests run."""

# A shell makes its background jobs ignore SIGINT (Ctrl-C), and each program that a test starts would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

REQUIRE_ALL = os.environ.get("REQUIRE_ALL", "") not in ("", "0")


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server of this test file."""
    from tools.postgres import NotInstalled, postgres_server

    try:
        with postgres_server() as server:
            yield server
    except NotInstalled as missing:
        pytest.skip(str(missing))


@pytest.fixture
def own_sockets(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder for the sockets of services that only this test and the programs it starts use."""
    path = tmp_path_factory.mktemp("d")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(path))
    monkeypatch.setenv("TMPDIR", str(path))  # doors there are listed too
    monkeypatch.setattr("tempfile.tempdir", str(path))
    return path


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path: Path) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """Examples are run from sources alone: tests and answers hold what would not be looked at unharmed."""
    found = yield
    if not {"tests", "solutions", "wrong"} & {*file_path.parts}:
        return found
    return [collector for collector in found if not isinstance(collector, DoctestModule)]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come last, so that a short run of others does not wait for a browser."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Hide the loop of the browser's driver from tests with loops of their own.

    It runs from the first browser test on. Others follow where a worker of xdist has died: its tests run at the end.
    """
    driver = asyncio._get_running_loop()
    if driver is None or item.get_closest_marker("browser"):
        return (yield)
    asyncio._set_running_loop(None)
    try:
        return (yield)
    finally:
        asyncio._set_running_loop(driver)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are cores: a test that waits for a page or a program leaves its core to another."""
    return (os.cpu_count() or 1) + 1


def pytest_collection() -> None:
    """What is there until the end is not looked through at each collection of garbage: a sixth of the time of a run."""
    gc.disable()


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()
    gc.enable()
    gc.set_threshold(*COLLECTS)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, object, object]:
    """Freeze the objects that the tests of a file have left, so that later searches of the heap skip them.

    A process that ends searches the heap for its open connections, and a check for the coroutines of an answer.
    """
    result = yield
    if nextitem is not None and nextitem.path != item.path:
        gc.collect()
        gc.freeze()
    return result


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return f"expected every test to run (REQUIRE_ALL=1), got: {text}; install what is missing"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if REQUIRE_ALL and report.skipped and not hasattr(report, "wasxfail"):
        report.longrepr = _reason(report)
        report.outcome = "failed"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if REQUIRE_ALL and report.skipped:
        report.longrepr = _reason(report)
        report.outcome = "failed"
    return report
