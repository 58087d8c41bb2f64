"""Run tests that others wrote, each inside a process: CPython's own of asyncio, and those of anyio.

    python -m tools.foreign_suites asyncio [--quick] [--plain] [tests]
    python -m tools.foreign_suites anyio

A failure that `tools/foreign_differences.txt` does not list fails the run. CPython's tests are those of the running
Python; those of anyio are in its source distribution, which pip fetches by the hash of `requirements/runtime.txt`.
`--plain` leaves processes out, to see what fails without them.
"""

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import importlib
import inspect
import io
import json
import logging
import os
import socket
import subprocess
import sys
import tarfile
import tempfile
import unittest
import warnings
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

import otp

ROOT: Final = Path(__file__).parent.parent
DIFFERENCES: Final = Path(__file__).with_name("foreign_differences.txt")
MODULES: Final = ("runners", "waitfor", "timeouts", "taskgroups", "locks", "queues", "streams", "subprocess", "tasks")
QUICK: Final = ("runners", "waitfor", "timeouts", "taskgroups", "locks", "queues")
LIMIT_S: Final = 600
NO_TESTS: Final = ("in_process", "run_briefly.<locals>.once")
"""Coroutines that no process awaits: our own, and the one with which a test counts turns of the loop."""


async def in_process(awaitable: Any) -> Any:
    """Return the result of an awaitable that a process of a node in this loop awaits."""
    found: list[tuple[Any, BaseException | None]] = []
    ended = asyncio.Event()

    async def test() -> None:
        try:
            found.append((await awaitable, None))
        except BaseException as error:
            found.append((None, error))
        ended.set()

    async with otp.Node("suite") as node:
        pid: Any = node.spawn(test)
        while not found:
            try:
                await ended.wait()
            except asyncio.CancelledError as cancelled:  # meant for what runs the test
                pid.cancel(*cancelled.args)
    value, error = found.pop()
    try:
        if error is not None:
            raise error
        return value
    finally:
        del error


class Processes:
    """A context in which a process runs what a loop of asyncio would run until it is complete."""

    def __init__(self) -> None:
        self._runner_run: Any = asyncio.Runner.run
        self._loop_run: Any = asyncio.BaseEventLoop.run_until_complete

    def __enter__(self) -> None:
        runner_run, loop_run = self._runner_run, self._loop_run

        def run_until_complete(loop: Any, future: Any) -> Any:
            coro = future.get_coro() if hasattr(future, "get_coro") else future
            is_test = inspect.iscoroutine(coro) and coro.__qualname__ not in NO_TESTS
            return loop_run(loop, in_process(future) if is_test else future)

        def run(runner: Any, coro: Any, **options: Any) -> Any:
            return runner_run(runner, in_process(coro) if inspect.iscoroutine(coro) else coro, **options)

        asyncio.Runner.run = run  # type: ignore[method-assign]
        asyncio.BaseEventLoop.run_until_complete = run_until_complete  # type: ignore[method-assign]

    def __exit__(self, *_: object) -> None:
        asyncio.Runner.run = self._runner_run  # type: ignore[method-assign]
        asyncio.BaseEventLoop.run_until_complete = self._loop_run  # type: ignore[method-assign]


class Results(unittest.TextTestResult):
    """The names of the tests that ran, and the tracebacks of those that failed."""

    def __init__(self, *_: object) -> None:
        super().__init__(unittest.runner._WritelnDecorator(io.StringIO()), False, 0)  # type: ignore[attr-defined]
        self.failed: dict[str, str] = {}
        self.begun: set[str] = set()

    def startTest(self, test: Any) -> None:
        self.begun.add(name_of(test))
        super().startTest(test)

    def addFailure(self, test: Any, err: Any) -> None:
        self.failed[name_of(test)] = self._exc_info_to_string(err, test)  # type: ignore[attr-defined]

    addError = addFailure

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        if err is not None:
            self.addFailure(test, err)


def name_of(test: Any) -> str:
    return test.id().removeprefix("test.test_asyncio.")


def differences(suite: str) -> dict[str, str]:
    """Return the reason of each pattern of tests that differ."""
    found: dict[str, str] = {}
    for line in DIFFERENCES.read_text().splitlines():
        if line and not line.startswith("#"):
            of, pattern, reason = line.split(maxsplit=2)
            if of == suite:
                found[pattern] = reason
    return found


def judge(suite: str, run: int, failed: dict[str, str], fail_again: Callable[[list[str], bool], set[str]]) -> int:
    """Print the verdict; return the exit status.

    `fail_again` runs only the given tests again and returns those that fail; with True, it runs them without processes.
    Without it, those that it cannot run fail. Many tests have time limits that they exceed on a loaded machine.
    """
    known = differences(suite)
    new = {name: text for name, text in failed.items() if not any(fnmatchcase(name, one) for one in known)}
    differ = len(failed) - len(new)
    alone = fail_again([*new], True) if new else set[str]()
    rest = [name for name in new if name not in alone]
    again = fail_again(rest, False) if rest else set[str]()
    for name in again:
        print(f"== {name}\n{new[name]}")
    repeated = len(rest) - len(again)
    print(
        f"{suite}: {run} tests, {run - len(failed)} passed, {differ} differ as listed, {len(alone)} also fail "
        f"here without processes, {repeated} passed when repeated, {len(again)} failed"
    )
    for name in again:
        print(f"failed: {name}")
    return 1 if again else 0


def run_asyncio(modules: tuple[str, ...], plain: bool, only: list[str]) -> int:
    try:
        importlib.import_module("test.test_asyncio")
    except ImportError:
        print("tools.foreign_suites: this Python has no package `test`; install it (Debian: libpython3-testsuite)")
        return 1
    results = asyncio_results(modules, plain, lambda name: not only or any(fnmatchcase(name, one) for one in only))

    def fail_again(names: list[str], plain: bool) -> set[str]:
        again = asyncio_results(modules, plain, names.__contains__)
        return set(again.failed) | (set() if plain else set(names) - again.begun)

    return judge("asyncio", results.testsRun - len(results.skipped), results.failed, fail_again)


def asyncio_results(modules: tuple[str, ...], plain: bool, chosen: Callable[[str], bool]) -> Results:
    results = Results()
    for module in modules:
        found = importlib.import_module(f"test.test_asyncio.test_{module}")
        for test in tests_in(unittest.defaultTestLoader.loadTestsFromModule(found)):
            if not chosen(name_of(test)):
                continue
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                with nullcontext() if plain else Processes():
                    try:
                        unittest.TestSuite([test]).run(results)
                    except KeyboardInterrupt:  # a test about Ctrl-C
                        results.addFailure(test, sys.exc_info())
    return results


def run_anyio(plain: bool, only: list[str]) -> int:
    with tempfile.TemporaryDirectory() as created:
        folder = Path(created)
        tests = fetch_anyio(folder)

        def fail_again(names: list[str], plain: bool) -> set[str]:
            ran, failed = anyio_results(folder, tests, plain, [f"tests/{name}" for name in names])
            return set(failed) if plain or ran == len(names) else set(names)

        return judge("anyio", *anyio_results(folder, tests, plain, only or ["tests"]), fail_again)


def anyio_results(folder: Path, tests: Path, plain: bool, chosen: list[str]) -> tuple[int, dict[str, str]]:
    results = folder / "results.json"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(folder / "site"), str(ROOT)))}
    environment |= {"FOREIGN_RESULTS": str(results), "FOREIGN_PLAIN": "1" if plain else ""}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tools.foreign_plugin", "-p", "no:schemathesis"]
    left_out = "" if localhost_has_ipv6() else " and not ipv6"
    command += ["--timeout", "60", "-k", f"asyncio and not trio{left_out}", *chosen]
    results.unlink(missing_ok=True)
    subprocess.run(command, check=False, cwd=tests, env=environment, stdout=subprocess.DEVNULL)
    found = json.loads(results.read_text())
    return found["ran"], found["failed"]


def localhost_has_ipv6() -> bool:
    """Return whether tests of IPv6 can bind here; the sockets that they leave when they cannot fail other tests."""
    try:
        return bool(socket.getaddrinfo("localhost", 0, socket.AF_INET6))
    except OSError:
        return False


def fetch_anyio(folder: Path) -> Path:
    """Fetch the source distribution of the installed anyio, and what its tests need, into a folder."""
    locked = (ROOT / "requirements" / "runtime.txt").read_text().replace("\\\n", "").splitlines()
    requirement = folder / "anyio.txt"
    requirement.write_text(next(line for line in locked if line.startswith("anyio==")))
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    source = ["--no-binary", "anyio", "-r", str(requirement), "-d", str(folder)]
    subprocess.run([*pip, "download", "--no-deps", "--require-hashes", *source], check=True)
    needed = ["--target", str(folder / "site"), "-r", str(ROOT / "requirements" / "foreign.txt")]
    subprocess.run([*pip, "install", "--no-deps", "--require-hashes", *needed], check=True)
    (archive,) = folder.glob("anyio-*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    return folder / archive.name.removesuffix(".tar.gz")


def tests_in(suite: Any) -> Iterator[Any]:
    for one in suite:
        if isinstance(one, unittest.TestSuite):
            yield from tests_in(one)
        else:
            yield one


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.foreign_suites")
    parser.add_argument("suite", choices=("asyncio", "anyio"))
    parser.add_argument("--quick", action="store_true", help="the modules that take seconds")
    parser.add_argument("--plain", action="store_true", help="without processes")
    parser.add_argument("tests", nargs="*", help="patterns of names, such as 'test_locks.LockTests.*'")
    options = parser.parse_args()
    if options.suite == "anyio":
        return run_anyio(options.plain, options.tests)
    faulthandler.dump_traceback_later(LIMIT_S, exit=True)
    logging.disable(logging.CRITICAL)
    return run_asyncio(QUICK if options.quick else MODULES, options.plain, options.tests)


if __name__ == "__main__":
    sys.exit(main())
