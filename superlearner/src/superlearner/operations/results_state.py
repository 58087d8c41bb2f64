"""What the operations on states answer."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from superlearner.control.differences import Difference
from superlearner.nodes.backups import Why
from superlearner.operations.results import Pid, ProcessType

__all__ = ["BackupLine", "Forgotten", "StateChange", "StateDifference", "StateView"]


class StateView(BaseModel):
    """The state of a server, bounded: as text, and in the types of JSON."""

    pid: Pid
    name: str | None
    type: ProcessType
    what: str
    status: str
    state: str | None = Field(description="null for a plain function; `<sensitive>` for a process that hides it")
    value: Any = Field(description="the same in the types of JSON, secrets always hidden; null where it is not seen")
    redacted: bool


class BackupLine(BaseModel):
    """A state that was kept; secrets are hidden in `state`."""

    id: str
    at: str
    pid: Pid = Field(description="the process it was taken from")
    name: str | None
    what: str
    why: Why
    label: str
    state: Any
    copied: bool = Field(description="false: it could not be copied, so the server may still change it in place")


class StateChange(BaseModel):
    """A state that was changed; restoring `undo` brings the one before back."""

    pid: Pid
    name: str | None
    before: Any
    after: Any
    undo: str


class StateDifference(BaseModel):
    """What has changed since a backup; secrets are hidden, so a change of one is not seen."""

    pid: Pid
    backup_id: str
    same: bool
    changes: list[Difference] = Field(description="the first 200 of `change_count`")
    change_count: int


class Forgotten(BaseModel):
    """A backup that was dropped."""

    id: str
    forgotten: Literal[True]
