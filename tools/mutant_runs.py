"""Tests run against a mutated copy of the sources, each run in a forked child.

The parent imports pytest and its dependencies once, and never the sources. A child puts its copy first on the path, so
it imports the mutant, and so do the programs it starts. Nothing is written into the checkout: copies, bytecode and
hypothesis's examples are in a temporary folder.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import multiprocessing
import os
import resource
import runpy
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from multiprocessing.context import ForkProcess
from pathlib import Path

from tools.mutant_operators import Mutant

__all__ = ["Judge", "Stage", "Verdict"]

_WARM = ("pytest", "_pytest.doctest", "pytest_timeout", "_hypothesis_pytestplugin", "hypothesis.stateful", "asyncio")
_NOT_IMPORTED = 77  # exit status of a child that ran the original sources
_MEMORY = 6 << 30
_fork = multiprocessing.get_context("fork")


@dataclass(frozen=True)
class Stage:
    """Command lines that a child runs in order; the first failure kills the mutant."""

    commands: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Verdict:
    """Result for a mutant: killed by a test, by the time limit, or not at all."""

    mutant: Mutant
    killed: bool
    by: str = ""


@dataclass
class _Slot:
    """A worker: a copy of the sources, and the child that runs on it."""

    folder: Path
    mutant: Mutant | None = None
    stages: list[Stage] = field(default_factory=list[Stage])
    child: ForkProcess | None = None
    until: float = 0.0

    @property
    def output(self) -> Path:
        return self.folder / "output"


class Judge:
    """Workers that run the stages of each mutant until one fails.

    Args:
        root: The folder of the tests; paths of mutants are relative to it.
        sources: The folder of packages to copy, below the root.
        jobs: Number of mutants judged at a time.
        test_seconds: Time limit of a test; a mutant that hangs is killed.
    """

    def __init__(self, root: Path, sources: Path, jobs: int, *, test_seconds: float = 20.0) -> None:
        self._root = root
        self._sources = sources
        self._test_seconds = test_seconds
        self._temporary = tempfile.TemporaryDirectory(prefix="mutants-")
        self._folder = Path(self._temporary.name)
        self._slots = [_Slot(self._folder / f"copy{number}") for number in range(jobs)]
        self._longest: dict[Stage, float] = {}

    def __enter__(self) -> Judge:
        for name in _WARM:
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
        sys.pycache_prefix = str(self._folder / "bytecode")
        os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix
        os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = str(self._folder / "hypothesis")
        for slot in self._slots:
            shutil.copytree(
                self._root / self._sources, slot.folder / "src", ignore=shutil.ignore_patterns("__pycache__")
            )
        return self

    def __exit__(self, *_: object) -> None:
        for slot in self._slots:
            _end(slot.child)
        self._temporary.cleanup()

    def check(self, stages: Iterable[Stage]) -> str | None:
        """Run each stage on unchanged sources; return the output of the first that fails.

        The time of each stage sets its time limit for mutants.
        """
        pending = list(dict.fromkeys(stages))
        while pending or any(slot.child for slot in self._slots):
            for slot in self._slots:
                if slot.child is None and pending:
                    slot.stages = [pending.pop(0)]
                    self._start(slot, 600.0)
            for slot in self._ended():
                took = 600.0 - (slot.until - time.monotonic())
                if self._reap(slot):
                    return slot.output.read_text(errors="replace")
                self._longest[slot.stages[0]] = 10.0 + 5 * took
        return None

    def judge(self, mutants: Iterable[tuple[Mutant, tuple[Stage, ...]]]) -> Iterator[Verdict]:
        """Yield the verdict of each mutant as soon as it is known."""
        pending = list(mutants)
        while pending or any(slot.child for slot in self._slots):
            for slot in self._slots:
                if slot.child is None and pending:
                    mutant, stages = pending.pop(0)
                    slot.mutant, slot.stages = mutant, list(stages)
                    self._write(slot, mutant.apply(self._source(mutant)))
                    self._start(slot, self._longest[slot.stages[0]])
            for slot in self._ended():
                verdict = self._verdict(slot)
                if verdict is None:
                    slot.stages.pop(0)
                    self._start(slot, self._longest[slot.stages[0]])
                else:
                    self._write(slot, self._source(verdict.mutant))
                    yield verdict

    def _source(self, mutant: Mutant) -> str:
        return (self._root / mutant.path).read_text(encoding="utf-8")

    def _copy_of(self, slot: _Slot, mutant: Mutant) -> Path:
        return slot.folder / "src" / Path(mutant.path).relative_to(self._sources)

    def _write(self, slot: _Slot, text: str) -> None:
        assert slot.mutant is not None
        copy = self._copy_of(slot, slot.mutant)
        copy.write_text(text, encoding="utf-8")
        # Bytecode is matched by size and second, and a mutant may have the same of both.
        Path(importlib.util.cache_from_source(str(copy))).unlink(missing_ok=True)

    def _start(self, slot: _Slot, seconds: float) -> None:
        copy = None if slot.mutant is None else self._copy_of(slot, slot.mutant)
        arguments = (self._root, slot.folder / "src", copy, slot.stages[0], slot.output, self._test_seconds)
        slot.child = _fork.Process(target=_run, args=arguments)
        slot.until = time.monotonic() + seconds
        slot.child.start()

    def _ended(self) -> list[_Slot]:
        """Wait until a child has ended or reached its time limit."""
        running = [slot for slot in self._slots if slot.child is not None]
        first = min(slot.until for slot in running)
        sentinels = [slot.child.sentinel for slot in running if slot.child is not None]
        wait(sentinels, timeout=max(0.0, first - time.monotonic()))
        now = time.monotonic()
        return [slot for slot in running if slot.child is not None and (slot.until <= now or not slot.child.is_alive())]

    def _reap(self, slot: _Slot) -> int | None:
        """Return the exit status of an ended child; `None` if it reached its time limit."""
        child, slot.child = slot.child, None
        assert child is not None
        status = None if child.is_alive() else child.exitcode
        _end(child)
        return status

    def _verdict(self, slot: _Slot) -> Verdict | None:
        """Return the verdict of a mutant; `None` if stages remain."""
        assert slot.mutant is not None
        status = self._reap(slot)
        if status == _NOT_IMPORTED:
            raise RuntimeError(f"expected the tests to import the copy of {slot.mutant.path}, got another one")
        if status == 0:
            return Verdict(slot.mutant, killed=False) if len(slot.stages) == 1 else None
        by = "the time limit" if status in (None, -signal.SIGALRM) else _killer(slot.output.read_text(errors="replace"))
        return Verdict(slot.mutant, killed=True, by=by)


def _end(child: ForkProcess | None) -> None:
    """End a child and the programs it started."""
    if child is None or child.pid is None:
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    if child.is_alive():
        child.kill()
    child.join()


def _killer(output: str) -> str:
    """Return the name of the failed test from the output of a stage."""
    for line in output.splitlines():
        if line.startswith(("FAILED ", "ERROR ", "--- ")):
            return line.split(" - ")[0].split(" ", 1)[1]
    return "an import that failed" if "Error" in output else "a crash"


def _run(root: Path, sources: Path, mutated: Path | None, stage: Stage, output: Path, seconds: float) -> None:
    """Run the commands of a stage in a child, with the copy first on the path."""
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    written = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(written, 1)
    os.dup2(written, 2)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    os.chdir(root)
    sys.path.insert(0, str(sources))
    os.environ["PYTHONPATH"] = os.pathsep.join([str(sources), *filter(None, [os.environ.get("PYTHONPATH")])])
    if mutated is not None:
        sys.dont_write_bytecode = True
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    status = 1
    try:
        for command in stage.commands:
            status = _status(command, seconds)
            if status:
                break
        if status == 0 and mutated is not None and not _is_imported(sources, mutated):
            status = _NOT_IMPORTED
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


class _Timer:
    """Time limit per test; it works even if a mutant catches every exception."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def pytest_runtest_logstart(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, self._seconds)


def _status(command: tuple[str, ...], seconds: float) -> int:
    program, *arguments = command
    if program == "pytest":
        import pytest

        return int(pytest.main(arguments, plugins=[_Timer(seconds)]))
    sys.argv = list(command)
    try:
        runpy.run_path(program, run_name="__main__")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0


def _is_imported(sources: Path, mutated: Path) -> bool:
    name = ".".join(mutated.relative_to(sources).with_suffix("").parts).removesuffix(".__init__")
    module = sys.modules.get(name)
    return module is not None and module.__file__ == str(mutated)
