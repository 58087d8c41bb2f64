"""Result models of names and registries."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from superlearner.operations.results import Pid

__all__ = ["EntryLine", "NameLine", "NameRemoved", "RegistryDetails"]


class NameLine(BaseModel):
    """A registered name and its process."""

    name: str
    pid: Pid
    what: str


class NameRemoved(BaseModel):
    """An unregistered name or key."""

    name: str
    pid: Pid
    unregistered: Literal[True]


class RegistryDetails(BaseModel):
    """A running registry."""

    name: str
    pid: Pid
    keys: Literal["unique", "duplicate"] = Field(description="one process per key, or any number")
    entries: int


class EntryLine(BaseModel):
    """An entry of a registry; key and value are bounded, secrets redacted."""

    key: str
    pid: Pid
    name: str | None
    value: Any
