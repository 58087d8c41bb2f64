"""What the operations on sandboxes answer."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Field

from superlearner.control.terms import json_of
from superlearner.operations.declaration import Body
from superlearner.sandbox.record import Configuration, Limits, Sandbox, Version, Wall
from superlearner.sandbox.sandboxes import Notice

__all__ = [
    "LimitsGiven", "SandboxNotice", "SandboxOutput", "SandboxPid", "SandboxRecord", "SandboxReload", "SandboxServer",
    "SandboxSource", "SandboxTemplate", "SandboxVersion", "Strategy", "WallLine", "WallsHere", "limits_of", "notice_of",
    "record_of", "version_of", "wall_of",
]  # fmt: skip

DEFAULTS: Final = Limits()
MEANS: Final = {
    "files": "its own folder only, none of your files",
    "network": "no network: neither this machine nor another",
    "signals": "no signal to a process outside, and no look into one",
    "memory": "no more memory than its limit",
    "cpu": "no more processor time than its limit",
    "processes": "no more processes and threads than its limit",
    "rights": "no more rights than it begins with",
    "calls": "only what a Python program asks the kernel for",
}
Strategy = Literal["one_for_one", "one_for_all", "rest_for_one"]


class LimitsGiven(Body):
    """What a sandbox may take; what is left out has its default."""

    memory_mb: Annotated[int, Field(ge=64, le=8192, description="megabytes of memory, of all its processes")] = (
        DEFAULTS.memory_mb
    )
    processes: Annotated[int, Field(ge=8, le=512, description="processes and threads")] = DEFAULTS.processes
    cpu_s: Annotated[float, Field(ge=1, le=86_400, description="seconds of processor time in all")] = DEFAULTS.cpu_s
    held_s: Annotated[float, Field(ge=0.5, le=60, description="seconds that a callback may hold its loop")] = (
        DEFAULTS.held_s
    )
    output_kb: Annotated[int, Field(ge=1, le=100_000, description="kilobytes it may print")] = DEFAULTS.output_kb
    idle_s: Annotated[
        float, Field(ge=0, le=604_800, description="it is stopped when nobody asked it anything for so long; 0: never")
    ] = DEFAULTS.idle_s
    lifetime_s: Annotated[float, Field(ge=0, le=604_800, description="seconds it may run; 0: as long as it likes")] = (
        DEFAULTS.lifetime_s
    )


class SandboxConfiguration(BaseModel):
    """What somebody asked for; it stays over restarts. Null leaves it to the code."""

    origin: Literal["source", "file", "module", "demo"]
    supervisor_module: str | None
    title: str | None = Field(description="the demo or the file it came from")
    strategy: str | None
    max_restarts: int | None
    max_seconds: float | None
    custom_config: Any = Field(description="what `init` of its top supervisor, or `start` of its application, gets")
    limits: LimitsGiven


class WallLine(BaseModel):
    """A wall: whether it stands, and what that means for what runs behind it."""

    name: str
    up: bool
    required: bool
    means: str = Field(description="what a sandbox behind it can do and cannot, in a few words")
    says: str = Field(description="what holds it up, or why it does not stand")


class SandboxRecord(BaseModel):
    """A sandbox. `reason` is there when it has ended or is being stopped; `memory_bytes` where it is looked at."""

    id: str
    owner: str
    node: str = Field(description="ask about it with `?node=` this")
    os_pid: int | None = Field(description="null while it has no program")
    supervisor_pid: str | None = Field(description="the pid of its top supervisor, on its node")
    status: Literal["starting", "running", "stopping", "ended"]
    created_at: float = Field(description="seconds since 1970")
    ended_at: float | None = Field(default=None, description="seconds since 1970; there when it has ended")
    restart_count: int = Field(description="restarts of the whole sandbox")
    configuration: SandboxConfiguration
    walls: list[WallLine]
    memory_bytes: int | None = Field(
        default=None, description="of all its processes, while it runs; in the list and where one is asked for"
    )
    reason: str | None = None


class SandboxPid(BaseModel):
    """Where a sandbox runs."""

    id: str
    node: str
    os_pid: int
    supervisor_pid: str


class SandboxVersion(BaseModel):
    """A source of a sandbox that ran."""

    version: int
    current: bool
    sha256: str
    lines: int
    created_at: float
    by: str


class SandboxSource(BaseModel):
    """The text of a version."""

    id: str
    version: int
    starts: str = Field(description="the class that is started")
    source: str


class SandboxServer(BaseModel):
    """A process that went over to the new source, with its state before and after."""

    pid: str
    name: str
    what: str
    old_vsn: str
    new_vsn: str
    before: str | None
    after: str | None


class SandboxReload(BaseModel):
    """What a reload did; nobody lost a pid, a mailbox or a state. `still_old` are functions that run the old source."""

    id: str
    version: int
    changed: bool = Field(description="false if this source runs already")
    servers: list[SandboxServer] = Field(description="at most 200 of `servers_count`")
    servers_count: int
    still_old: list[str]


class SandboxOutput(BaseModel):
    """What a sandbox printed: the newest of it."""

    id: str
    text: str
    total: int = Field(description="bytes that it printed in all")
    cut: bool = Field(description="whether there was more than is shown")


class SandboxNotice(BaseModel):
    """Something that happened to a sandbox, or in it."""

    at: float
    text: str


class SandboxTemplate(BaseModel):
    """A source to start from."""

    id: str
    title: str
    about: str
    source: str


class WallsHere(BaseModel):
    """The walls that this machine has for sandboxes, and whether code of others may run behind them."""

    up: int
    of: int
    untrusted: bool = Field(description="every required wall stands")
    weak: bool = Field(description="the platform was started with --weak-walls")
    says: str
    walls: list[WallLine]


def record_of(sandbox: Sandbox, memory_bytes: int | None = None) -> SandboxRecord:
    """A sandbox as the API has it."""
    told: dict[str, Any] = {"ended_at": sandbox.ended_at, "reason": sandbox.reason, "memory_bytes": memory_bytes}
    return SandboxRecord(
        id=sandbox.id,
        owner=sandbox.owner,
        node=sandbox.node,
        os_pid=sandbox.os_pid,
        supervisor_pid=sandbox.supervisor_pid,
        status=sandbox.status,
        created_at=sandbox.created_at,
        restart_count=sandbox.restart_count,
        configuration=_configuration_of(sandbox.configuration),
        walls=[wall_of(one) for one in sandbox.walls],
        **{name: value for name, value in told.items() if value is not None},
    )


def _configuration_of(wanted: Configuration) -> SandboxConfiguration:
    limits = {name: getattr(wanted.limits, name) for name in LimitsGiven.model_fields}
    return SandboxConfiguration(
        origin=wanted.origin,
        supervisor_module=wanted.module,
        title=wanted.title,
        strategy=wanted.strategy,
        max_restarts=wanted.max_restarts,
        max_seconds=wanted.max_seconds,
        custom_config=json_of(wanted.custom_config),  # who may look sees no password in it
        limits=LimitsGiven(**limits),
    )


def limits_of(given: LimitsGiven) -> Limits:
    """The limits that were asked for."""
    return Limits(**given.model_dump())


def wall_of(wall: Wall) -> WallLine:
    """A wall as the API has it."""
    means = MEANS.get(wall.name, wall.name) if wall.up else "not kept from it here"
    return WallLine(name=wall.name, up=wall.up, required=wall.required, means=means, says=wall.says)


def version_of(version: Version, current: int) -> SandboxVersion:
    """A version as the API has it."""
    source = version.source
    return SandboxVersion(
        version=version.number,
        current=version.number == current,
        sha256=source.sha256,
        lines=len(source.text.splitlines()),
        created_at=version.created_at,
        by=version.by,
    )


def notice_of(notice: Notice) -> SandboxNotice:
    """A notice as the API has it."""
    return SandboxNotice(at=notice.at, text=notice.text)
