"""What the operations on applications and on code answer."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

__all__ = [
    "ApplicationChange",
    "ApplicationDetails",
    "Environment",
    "EnvironmentValue",
    "ModuleDetails",
    "ModuleLine",
    "OldObject",
    "OldReference",
    "Upgrade",
    "UpgradedServer",
    "VersionLine",
]

Pid = str


class ApplicationDetails(BaseModel):
    """An application that the node knows. `type`, `top` and `master` are null while it does not run.

    One that lives in the playground has no type and no master: the platform starts it again when it gives up.
    """

    name: str
    what: str = Field(description="`module:Class`")
    description: str
    vsn: str
    running: bool
    type: Literal["permanent", "transient", "temporary"] | None
    top: Pid | None = Field(description="its top supervisor")
    master: Pid | None
    applications: list[str] = Field(description="those that must run before it")
    environment: list[str] = Field(description="keys of its environment")


class ApplicationChange(BaseModel):
    """What was started or stopped, in that order."""

    name: str
    started: list[str]
    stopped: list[str]


class Environment(BaseModel):
    """The environment of an application; values are bounded, secrets hidden."""

    name: str
    values: dict[str, Any]


class EnvironmentValue(BaseModel):
    """One value of the environment of an application; `set` says whether there is one."""

    name: str
    key: str
    set: bool
    value: Any


class ModuleLine(BaseModel):
    """A module whose behaviours run."""

    module: str
    servers: int
    classes: list[str]
    versions: int = Field(description="how many different versions run")
    platform: bool = Field(description="it belongs to the platform; a reload takes `force`")


class VersionLine(BaseModel):
    """A class in one version, and who runs it."""

    what: str
    vsn: str
    count: int
    pids: list[Pid] = Field(description="at most 100")


class ModuleDetails(ModuleLine):
    """A module in all versions that run."""

    file: str | None
    running: list[VersionLine]


class UpgradedServer(BaseModel):
    """A server that goes over to new code."""

    pid: Pid
    what: str
    old_vsn: str
    new_vsn: str


class OldReference(BaseModel):
    """A name of another module, `name` in `module`, that stands for the old class or function `what`."""

    module: str
    name: str
    what: str


class OldObject(BaseModel):
    """A process whose state or mailbox has an object of the old class `what`."""

    pid: Pid
    where: Literal["state", "mailbox"]
    what: str


class Upgrade(BaseModel):
    """The result of a reload or rollback, done or foreseen. `still_old` are functions that go on with old code."""

    module: str
    done: bool
    servers: list[UpgradedServer] = Field(description="at most 1,000 of `servers_count`")
    servers_count: int
    still_old: list[Pid]
    warnings: list[str] = Field(description="what goes on with old classes without a word, and what to do about it")
    old_references: list[OldReference] = Field(description="names in other modules that stand for something old")
    old_objects: list[OldObject] = Field(description="processes with objects of old classes, at a short look")
