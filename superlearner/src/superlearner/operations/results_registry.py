"""What the operations on names and registries answer."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

__all__ = ["EntryLine", "NameLine", "NameRemoved", "RegistryDetails"]

Pid = str


class NameLine(BaseModel):
    """A registered name and who has it."""

    name: str
    pid: Pid
    what: str


class NameRemoved(BaseModel):
    """A name, or a key, that nobody has any more."""

    name: str
    pid: Pid
    unregistered: Literal[True]


class RegistryDetails(BaseModel):
    """A registry that runs."""

    name: str
    pid: Pid
    keys: Literal["unique", "duplicate"] = Field(description="one process a key, or any number")
    entries: int


class EntryLine(BaseModel):
    """One registration; key and value are bounded, secrets hidden."""

    key: str
    pid: Pid
    name: str | None
    value: Any
