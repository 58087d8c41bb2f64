"""Result models of applications and code."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from superlearner.operations.results import Pid
from superlearner.operations.results.result import ResultModel

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


class ApplicationDetails(ResultModel):
    """An application. `type`, `top` and `master` are null while it is not running.

    One in the playground has no type and no master: the platform restarts it after it gave up.
    """

    name: str
    what: str = Field(description="`module:Class`")
    description: str
    vsn: str
    running: bool
    type: Literal["permanent", "transient", "temporary"] | None
    top: Pid | None = Field(description="its top supervisor")
    master: Pid | None
    applications: list[str] = Field(description="its dependencies")
    environment: list[str] = Field(description="keys of its environment")


class ApplicationChange(ResultModel):
    """The applications that were started or stopped, in order."""

    name: str
    started: list[str]
    stopped: list[str]


class Environment(ResultModel):
    """The environment of an application; values are bounded, secrets redacted."""

    name: str
    values: dict[str, Any]


class EnvironmentValue(ResultModel):
    """A value of an application's environment; `set` is false if there is none."""

    name: str
    key: str
    set: bool
    value: Any


class ModuleLine(ResultModel):
    """A module of running behaviours."""

    module: str
    servers: int
    classes: list[str]
    versions: int = Field(description="number of running versions")
    platform: bool = Field(description="it belongs to the platform; a reload needs `force`")


class VersionLine(ResultModel):
    """A version of a class, and the servers that run it."""

    what: str
    vsn: str
    count: int
    pids: list[Pid] = Field(description="at most 100")


class ModuleDetails(ModuleLine):
    """A module with its running versions."""

    file: str | None
    running: list[VersionLine]


class UpgradedServer(ResultModel):
    """A server that changes to new code."""

    pid: Pid
    what: str
    old_vsn: str
    new_vsn: str


class OldReference(ResultModel):
    """A reference to an old class or function `what`: `name` in another `module`."""

    module: str
    name: str
    what: str


class OldObject(ResultModel):
    """A process whose state or mailbox contains an object of the old class `what`."""

    pid: Pid
    where: Literal["state", "mailbox"]
    what: str


class Upgrade(ResultModel):
    """The result of a reload or rollback, done or predicted; `still_old` are functions that keep their old code."""

    module: str
    done: bool
    servers: list[UpgradedServer] = Field(description="at most 1,000 of `servers_count`")
    servers_count: int
    still_old: list[Pid]
    warnings: list[str] = Field(description="silent uses of old classes, and what to do about them")
    old_references: list[OldReference] = Field(description="references in other modules to old classes or functions")
    old_objects: list[OldObject] = Field(description="processes with objects of old classes, from a brief scan")
