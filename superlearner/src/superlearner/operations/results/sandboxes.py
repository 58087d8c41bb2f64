"""Result models of sandboxes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from superlearner.control.terms import json_of
from superlearner.operations.declaration import Body
from superlearner.operations.results import Child
from superlearner.operations.results.result import ResultModel
from superlearner.sandbox.messages import SourceWarning
from superlearner.sandbox.record import Configuration, Limits, Sandbox, Status, Version, Wall

__all__ = [
    "LimitsGiven",
    "SandboxDestroyed",
    "SandboxHealth",
    "SandboxInfo",
    "SandboxMemory",
    "SandboxOutput",
    "SandboxPid",
    "SandboxRecord",
    "SandboxReload",
    "SandboxServer",
    "SandboxSource",
    "SandboxTemplate",
    "SandboxVersion",
    "SandboxWarning",
    "Strategy",
    "WallLine",
    "WallsHere",
    "describe_wall",
    "limits_of",
    "record_of",
    "version_of",
    "warnings_of",
]  # fmt: skip

DEFAULTS: Final = Limits()
MEANS: Final = {
    "files": "access only to its own folder, not to your files",
    "network": "no network access, not even to this machine",
    "signals": "no signals to other processes, no access to them",
    "memory": "no more memory than its limit",
    "cpu": "no more processor time than its limit",
    "processes": "no more processes and threads than its limit",
    "rights": "no more privileges than at its start",
    "calls": "only system calls that a Python program needs",
}
Strategy = Literal["one_for_one", "one_for_all", "rest_for_one"]


class LimitsGiven(Body):
    """Limits on the resources of a sandbox."""

    memory_mb: Annotated[int, Field(ge=64, le=8192, description="megabytes of memory of all its processes")] = (
        DEFAULTS.memory_mb
    )
    processes: Annotated[int, Field(ge=8, le=512, description="processes and threads")] = DEFAULTS.processes
    cpu_s: Annotated[float, Field(ge=1, le=86_400, description="seconds of processor time in total")] = DEFAULTS.cpu_s
    held_s: Annotated[float, Field(ge=0.5, le=60, description="seconds that a callback may block the loop")] = (
        DEFAULTS.held_s
    )
    output_kb: Annotated[int, Field(ge=1, le=100_000, description="kilobytes of output")] = DEFAULTS.output_kb
    idle_s: Annotated[
        float, Field(ge=0, le=604_800, description="seconds without a request until it is stopped; 0: never")
    ] = DEFAULTS.idle_s
    lifetime_s: Annotated[float, Field(ge=0, le=604_800, description="seconds until it is stopped; 0: never")] = (
        DEFAULTS.lifetime_s
    )


class SandboxConfiguration(ResultModel):
    """The configuration of a sandbox, which restarts keep. Null: the code decides."""

    origin: Literal["source", "file", "module", "demo", "template"]
    supervisor_module: str | None
    title: str | None = Field(description="the demo, the template or the file it came from")
    strategy: str | None
    max_restarts: int | None
    max_seconds: float | None
    custom_config: Any = Field(description="argument of `init` of its top supervisor, or of `start` of its application")
    limits: LimitsGiven


class WallLine(ResultModel):
    """An isolation layer of a sandbox."""

    name: str
    up: bool
    required: bool
    means: str = Field(description="its effect on the sandbox, in a few words")
    says: str = Field(description="its mechanism, or the reason why it is missing")


class SandboxWarning(ResultModel):
    """A mistake in a source that runs, such as a call without `await`."""

    line: int
    text: str


class SandboxRecord(ResultModel):
    """A sandbox. It has a `reason` once it ends or is being stopped."""

    id: str
    owner: str
    node: str = Field(description="pass it as `node` to other operations")
    member: str | None = Field(
        default=None, description="the member of the cluster that runs it; only if it is not the platform's machine"
    )
    os_pid: int | None = Field(description="on the machine that runs it; null while it has no process")
    supervisor_pid: str | None = Field(description="the pid of its top supervisor, on its node")
    status: Status
    created_at: float = Field(description="seconds since 1970")
    ended_at: float | None = Field(default=None, description="seconds since 1970; only if it has ended")
    restart_count: int = Field(description="restarts of the whole sandbox")
    configuration: SandboxConfiguration
    walls: list[WallLine]
    memory_bytes: int | None = Field(
        default=None, description="memory of all its processes while it runs; only in `sandbox.list` and `sandbox.info`"
    )
    reason: str | None = None
    warnings: list[SandboxWarning] = Field(default=[], description="mistakes in the source that runs, by line")


class SandboxMemory(ResultModel):
    """The memory of a sandbox."""

    total_memory_bytes: int | None = Field(description="of all its processes; null unless it runs")


class SandboxHealth(ResultModel):
    """The health of a sandbox's tree: its top supervisor and the children of that."""

    total_children: int
    alive_children: int
    dead_children: int
    supervisor_strategy: str | None
    supervisor_alive: bool
    app_alive: bool = Field(description="whether its program runs")


class SandboxInfo(SandboxRecord):
    """A sandbox with what was requested about its tree."""

    children: list[Child] = Field(
        default=[], description="children of its top supervisor; only with `include_children`"
    )
    uptime_seconds: float | None = Field(
        default=None, description="since its last start, null unless it runs; this and the next: only `include_stats`"
    )
    memory_usage: SandboxMemory | None = None
    health_stats: SandboxHealth | None = None


class SandboxDestroyed(SandboxRecord):
    """A deleted sandbox, as it was at its end."""

    sandbox_id: str = Field(description="the same as `id`")
    destroyed: Literal[True]


class SandboxPid(ResultModel):
    """The node and pids of a sandbox."""

    id: str
    node: str
    os_pid: int
    supervisor_pid: str


class SandboxVersion(ResultModel):
    """A version of a sandbox's source."""

    version: int
    current: bool
    sha256: str
    lines: int
    created_at: float
    by: str


class SandboxSource(ResultModel):
    """The text of a source version."""

    id: str
    version: int
    starts: str = Field(description="the class that it starts")
    source: str
    by: str = Field(description="who ran it last; for an earlier version, who ran it first")


class SandboxServer(ResultModel):
    """An upgraded process with its states before and after."""

    pid: str
    name: str
    what: str
    old_vsn: str
    new_vsn: str
    before: str | None
    after: str | None


class SandboxReload(ResultModel):
    """The result of a reload; `still_old` are functions that keep the old source."""

    id: str
    version: int
    status: Literal["hot_swapped", "no_change"] = Field(description="`no_change` if this source was already running")
    changed: bool = Field(description="whether `status` is `hot_swapped`")
    servers: list[SandboxServer] = Field(description="at most 200 of `servers_count`")
    servers_count: int
    still_old: list[str]
    warnings: list[SandboxWarning] = Field(default=[], description="mistakes in this source, by line")


class SandboxOutput(ResultModel):
    """The latest output of a sandbox."""

    id: str
    text: str
    total: int = Field(description="bytes of output in total")
    cut: bool = Field(description="older output is missing")


class SandboxTemplate(ResultModel):
    """A template for a source."""

    id: str
    title: str
    about: str
    source: str


class WallsHere(ResultModel):
    """The isolation of sandboxes on this machine."""

    up: int
    of: int
    untrusted: bool = Field(description="every required layer is active, so untrusted code may run")
    weak: bool = Field(description="the platform was started with --weak-walls")
    says: str
    walls: list[WallLine]


def record_of(sandbox: Sandbox, memory_bytes: int | None = None) -> SandboxRecord:
    """Return the result for a sandbox."""
    optional: dict[str, Any] = {
        "ended_at": sandbox.ended_at,
        "reason": sandbox.reason,
        "member": sandbox.configuration.member,
        "memory_bytes": memory_bytes,
        "warnings": warnings_of(sandbox.warnings) or None,
    }
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
        walls=[describe_wall(one) for one in sandbox.walls],
        **{name: value for name, value in optional.items() if value is not None},
    )


def warnings_of(found: Iterable[SourceWarning]) -> list[SandboxWarning]:
    """Return the results for mistakes in a source."""
    return [SandboxWarning(line=one.line, text=one.text) for one in found]


def _configuration_of(wanted: Configuration) -> SandboxConfiguration:
    limits = {name: getattr(wanted.limits, name) for name in LimitsGiven.model_fields}
    return SandboxConfiguration(
        origin=wanted.origin,
        supervisor_module=wanted.module,
        title=wanted.title,
        strategy=wanted.strategy,
        max_restarts=wanted.max_restarts,
        max_seconds=wanted.max_seconds,
        custom_config=json_of(wanted.custom_config),  # redacts secrets
        limits=LimitsGiven(**limits),
    )


def limits_of(given: LimitsGiven) -> Limits:
    """Return the requested limits."""
    return Limits(**given.model_dump())


def describe_wall(wall: Wall) -> WallLine:
    """Return the result for an isolation layer."""
    means = MEANS.get(wall.name, wall.name) if wall.up else "not prevented on this machine"
    return WallLine(name=wall.name, up=wall.up, required=wall.required, means=means, says=wall.says)


def version_of(version: Version, current: int) -> SandboxVersion:
    """Return the result for a source version."""
    source = version.source
    return SandboxVersion(
        version=version.number,
        current=version.number == current,
        sha256=source.sha256,
        lines=len(source.text.splitlines()),
        created_at=version.created_at,
        by=version.by,
    )
