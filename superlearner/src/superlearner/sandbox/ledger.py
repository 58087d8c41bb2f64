"""The record of sandboxes on disk, for a report and cleanup at the next start.

Each sandbox has a file `ID.json`, readable only by the owner of the data directory, since it contains the source. The
guard of a program ends it and removes its folder when the platform is killed; the next start finishes that if needed.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from pydantic import TypeAdapter, ValidationError

from superlearner.sandbox.fleet import MOST_ENDED
from superlearner.sandbox.record import Configuration, Sandbox, Version
from superlearner.sandbox.traces import SandboxTraces, remove

__all__ = ["ENDED_WITH_US", "Found", "SandboxLedger"]

ENDED_WITH_US: Final = "the platform ended"


@dataclass(frozen=True, slots=True)
class SandboxLedgerEntry:
    """The record of a sandbox.

    `ended_at` is None while it runs, `traces` if its program cannot be identified later.
    """

    id: str
    owner: str
    node: str
    created_at: float
    started_at: float | None
    ended_at: float | None
    restart_count: int
    configuration: Configuration
    version: Version | None
    traces: SandboxTraces | None


ENTRY: Final = TypeAdapter(SandboxLedgerEntry)


class Found(NamedTuple):
    """Sandboxes left by an earlier run."""

    sandboxes: list[Sandbox]
    """The sandboxes as they are now: ended."""

    said: list[tuple[Sandbox, str]]
    """New facts about some of them, in words."""

    unreadable: list[str]
    """Names of files that are not valid entries; they are left alone."""


class SandboxLedger:
    """The entries in a folder of the data directory; methods raise OSError.

    Args:
        folder: the folder; it is created with the first entry.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, sandbox: Sandbox, traces: SandboxTraces | None = None) -> None:
        """Write the entry of a sandbox, atomically."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        version = next((one for one in sandbox.versions if one.number == sandbox.current), None)
        entry = SandboxLedgerEntry(
            sandbox.id, sandbox.owner, sandbox.node, sandbox.created_at, sandbox.started_at, sandbox.ended_at,
            sandbox.restart_count, sandbox.configuration, version, traces,
        )  # fmt: skip
        handle, part = tempfile.mkstemp(".part", "", self._folder)  # 0600
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(ENTRY.dump_json(entry))
            os.replace(part, self._path(sandbox.id))
        except BaseException:
            os.unlink(part)
            raise

    def forget(self, id: str) -> None:
        """Delete the entry of a sandbox."""
        self._path(id).unlink(missing_ok=True)

    def take_over(self, now: float) -> Found:
        """Return the sandboxes of earlier runs, newest first, and clean up after them.

        Args:
            now: the end of those that still ran, as far as is known, in seconds since 1970.
        """
        found = Found([], [], [])
        if not self._folder.is_dir():
            return found
        for part in self._folder.glob("*.part"):  # killed halfway through a write
            part.unlink(missing_ok=True)
        entries: list[SandboxLedgerEntry] = []
        for path in self._folder.glob("*.json"):
            try:
                entry = ENTRY.validate_json(path.read_bytes(), strict=True)
            except ValidationError:
                entry = None
            if entry is None or path != self._path(entry.id):
                found.unreadable.append(path.name)
            else:
                entries.append(entry)
        for number, entry in enumerate(sorted(entries, key=lambda one: -one.created_at)):
            removed = [] if entry.traces is None else remove(entry.traces)
            sandbox = _ended(entry, now)
            if number < MOST_ENDED:
                found.sandboxes.append(sandbox)
                self.write(sandbox)
            else:
                self.forget(entry.id)
            if entry.ended_at is None:
                more = f"; {' and '.join(removed)} was left over and has been removed" if removed else ""
                found.said.append((sandbox, f"sandbox {entry.id} ended: {ENDED_WITH_US}{more}"))
        return found

    def _path(self, id: str) -> Path:
        return self._folder / f"{id}.json"


def _ended(entry: SandboxLedgerEntry, now: float) -> Sandbox:
    known = () if entry.version is None else (entry.version,)
    return Sandbox(
        entry.id, entry.owner, entry.node, entry.configuration, entry.created_at,
        status="ended", restart_count=entry.restart_count, reason=ENDED_WITH_US, started_at=entry.started_at,
        ended_at=now if entry.ended_at is None else entry.ended_at, versions=known,
        current=0 if entry.version is None else entry.version.number,
    )  # fmt: skip
