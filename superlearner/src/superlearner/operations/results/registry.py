"""Result models of names and registries."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from superlearner.operations.results import Pid
from superlearner.operations.results.result import ResultModel

__all__ = ["EntryLine", "NameLine", "NameRemoved", "RegistryDetails"]


class NameLine(ResultModel):
    """A registered name and its process."""

    name: str
    pid: Pid
    what: str


class NameRemoved(ResultModel):
    """An unregistered name or key."""

    name: str
    pid: Pid
    unregistered: Literal[True]


class RegistryDetails(ResultModel):
    """A running registry."""

    name: str
    pid: Pid
    keys: Literal["unique", "duplicate"] = Field(description="one process per key, or any number")
    entries: int


class EntryLine(ResultModel):
    """An entry of a registry; key and value are bounded, secrets redacted."""

    key: str
    pid: Pid
    name: str | None
    value: Any
