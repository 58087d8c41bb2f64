"""Result models of states."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from superlearner.control.differences import Difference
from superlearner.nodes.backups import Why
from superlearner.operations.results import Pid, ProcessType
from superlearner.operations.results.result import ResultModel

__all__ = ["BackupLine", "Forgotten", "StateChange", "StateDifference", "StateView"]


class StateView(ResultModel):
    """The state of a process, bounded, as text and as JSON."""

    pid: Pid
    name: str | None
    type: ProcessType
    what: str
    status: str
    state: str | None = Field(description="null for a plain function; `<sensitive>` for a process that hides it")
    value: Any = Field(description="the same as JSON, secrets always redacted; null if not available")
    state_note: str | None = Field(None, description="why there is no state to show; null if there is")
    redacted: bool


class BackupLine(ResultModel):
    """A backup of a state; secrets are redacted in `state`."""

    id: str
    at: str
    pid: Pid = Field(description="the process it was taken from")
    name: str | None
    what: str
    why: Why
    label: str
    state: Any
    copied: bool = Field(description="false: it could not be copied, so the server may change it in place")


class StateChange(ResultModel):
    """A changed state; pass `undo` to `state.restore` to revert it."""

    pid: Pid
    name: str | None
    before: Any
    after: Any
    undo: str


class StateDifference(ResultModel):
    """The differences from a backup; secrets are redacted, so changes of them do not show."""

    pid: Pid
    backup_id: str
    same: bool
    changes: list[Difference] = Field(description="the first 200 of `change_count`")
    change_count: int


class Forgotten(ResultModel):
    """A deleted backup."""

    id: str
    forgotten: Literal[True]
