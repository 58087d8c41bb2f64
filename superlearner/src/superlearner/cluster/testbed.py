"""The test cluster of a data directory: background members in a folder of their own, apart from the real cluster.

`cluster.json` in that folder has its size, the options of its members, and what tests need to join it.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from otp.locked_entries import open_regular
from superlearner.cluster.background import (
    LOGS,
    NotConnected,
    begun_members,
    recreate_file,
    start_members,
    stop_members,
)
from superlearner.cluster.control import FOLDER, Record, records
from superlearner.cluster.cookie import COOKIE_FILE, read_or_make_cookie
from superlearner.cluster.ways import INCARNATIONS, member_name

__all__ = ["Plan", "Testbed"]

NAME: Final = "test-cluster"
PLAN: Final = "cluster.json"
REPORT: Final = "report.xml"
TEACHING: Final = "--teaching"


@dataclass(frozen=True, slots=True)
class Plan:
    """A start of a test cluster: its size, the options of its members, and whether a run of tests began it."""

    size: int
    options: tuple[str, ...] = ()
    by_run: bool = False


class Testbed:
    """The test cluster of a data directory.

    Args:
        data_dir: the data directory.
    """

    __test__: Final = False
    """It is no test, although its name begins like one."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.folder: Path = data_dir / NAME
        self.plan_file: Path = self.folder / PLAN
        self.report: Path = self.folder / REPORT

    def begun(self) -> list[str]:
        """Return the names of the members that were started here and run. Raises `NotConnected`."""
        return [member_name(name) for name in begun_members(self.folder)]

    def others(self) -> list[Record]:
        """Return the members that run here, and that another command started."""
        own = {os_pid for os_pid, _ in begun_members(self.folder).values()}
        return [record for record in records(self.folder) if record.os_pid not in own]

    def plan(self) -> Plan | None:
        """Return how it was started; None if it was not, or its file is damaged."""
        try:
            with open(open_regular(self.plan_file), encoding="utf-8") as file:
                found = json.load(file)
            return Plan(int(found["size"]), tuple(map(str, found["options"])), bool(found["by_run"]))
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def start(self, plan: Plan, timeout: float) -> list[str]:
        """Start the members that are missing, and return their names; all that run are connected then.

        Members that run keep their options, and new ones get them.

        Raises:
            NotConnected: they are not connected in time, or members with other options run.
        """
        running, before = self.begun(), self.plan()
        if running and before is not None:
            if plan.options and before.options != plan.options:
                has = " ".join(before.options) or "none"
                raise NotConnected(f"{', '.join(running)} run with other options ({has}); end them first")
            plan = replace(before, size=max(plan.size, len(running)))
        (self.folder / LOGS).mkdir(parents=True, exist_ok=True, mode=0o700)
        read_or_make_cookie(self.folder)
        missing = plan.size - len(running)
        started = start_members(self.folder, missing, options=plan.options, timeout=timeout)[0] if missing > 0 else []
        if started or before is None:
            self._write(plan)
        return started

    def _write(self, plan: Plan) -> None:
        """Write the plan, with what the plug-in of pytest reads: see `otp.testing.cluster_members`."""
        start = [
            *(sys.executable, "-m", "superlearner", "cluster", "test", "start"),
            *("--data-dir", str(self.data_dir), "--size", str(plan.size), *plan.options),
        ]
        cookie, members = str(self.folder / COOKIE_FILE), str(self.folder / FOLDER)
        joining: dict[str, Any] = {
            "cookie": cookie,
            "members": members,
            "start": start,
            "teaching": TEACHING in plan.options,
        }
        draft = self.plan_file.with_suffix(".draft")
        with recreate_file(draft) as file:
            file.write(json.dumps({**asdict(plan), **joining}).encode())
        draft.replace(self.plan_file)

    @contextmanager
    def running_tests(self, plan: Plan, timeout: float) -> Generator[None]:
        """Start what is missing for a run of tests, and end it after the block, however that ends.

        Members that a killed run has left are ended first; those that run otherwise keep their plan. Raises
        `NotConnected`, also while another run is active.
        """
        with self.lock():
            if (before := self.plan()) is not None and before.by_run:
                self.stop()
            kept = self.begun()
            try:
                self.start(replace(plan, by_run=True), timeout)
                yield
            finally:
                if kept and before is not None:
                    self._write(before)
                if started := [name for name in self.begun() if name not in kept]:
                    self.stop(started)

    @contextmanager
    def lock(self) -> Generator[None]:
        """Let one run of tests use the folder at a time; the system releases the lock of a killed one."""
        import fcntl  # not on every system

        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise NotConnected(f"another run of tests uses {self.folder}; wait for its end") from None
            yield
        finally:
            os.close(descriptor)

    def stop(self, names: Sequence[str] = ()) -> list[str]:
        """End members that were started here, by default all; return their names. Raises `NotConnected`."""
        return stop_members(self.folder, names)

    def logs(self) -> dict[str, Path]:
        """Return the log files of members, by name."""
        files = sorted((self.folder / LOGS).glob("*.log"))
        return {member_name(file.stem): file for file in files}

    def clean(self) -> list[Path]:
        """Remove the files of ended members, and return what was removed. Raises `OSError`.

        Members that another command started keep their cookie, their records and the folder.
        """
        if self.others():
            gone = [self.plan_file, self.report, *self.logs().values()]
        else:
            gone = [self.folder / name for name in (PLAN, REPORT, LOGS, INCARNATIONS, COOKIE_FILE, "tmp")]
        removed = [path for path in gone if path.exists()]
        for path in removed:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        if self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()
            removed.append(self.folder)
        return removed
