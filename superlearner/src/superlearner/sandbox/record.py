"""The record of one sandbox, as a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal

from superlearner.sandbox.messages import SourceWarning
from superlearner.sandbox.source import Source
from superlearner.sandbox.traces import SandboxTraces

__all__ = [
    "BUILT_IN",
    "MOST_VERSIONS",
    "WORKBENCH",
    "Configuration",
    "ProgramFacts",
    "Limits",
    "Origin",
    "Sandbox",
    "Status",
    "Version",
    "Wall",
    "node_of_sandbox",
]

Origin = Literal["source", "file", "module", "demo", "template"]
BUILT_IN: Final[frozenset[Origin]] = frozenset(("demo", "template"))
"""The origins whose code is a part of the platform."""

Status = Literal["starting", "running", "stopping", "ended"]
Goal = Literal["keep", "start", "remove"]
"""The step after a stop: the record stays, the sandbox restarts, or it is removed."""

MOST_VERSIONS: Final = 10
_PREFIX: Final = "sandbox-"


def node_of_sandbox(sandbox_id: str) -> str:
    """Return the name of a sandbox's node.

    >>> node_of_sandbox("a")
    'sandbox-a@127.0.0.1'
    """
    return f"{_PREFIX}{sandbox_id}@127.0.0.1"


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits on a sandbox: megabytes, seconds, kilobytes.

    `held_s`: how long a callback may hold the loop. `idle_s`: how long it may be idle; 0: no limit.
    """

    memory_mb: int = 512
    processes: int = 32
    cpu_s: float = 600.0
    held_s: float = 2.0
    output_kb: int = 1024
    idle_s: float = 1800.0
    lifetime_s: float = 28_800.0


WORKBENCH: Final = "workbench-"
"""The beginning of the ids of sandboxes in which the cells of a lesson run."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """The options of a request, kept over restarts. None leaves a value to the code."""

    origin: Origin
    module: str | None = None
    """`package.module:Class`; None for a separate source."""

    title: str | None = None
    strategy: str | None = None
    max_restarts: int | None = None
    max_seconds: float | None = None
    custom_config: Any = None
    limits: Limits = field(default_factory=Limits)
    member: str | None = None
    """The member of the cluster that runs it; None for the platform's own machine."""


@dataclass(frozen=True, slots=True)
class Version:
    """A source that ran, or runs; `number` counts from 1."""

    number: int
    source: Source
    created_at: float
    by: str


@dataclass(frozen=True, slots=True)
class Wall:
    """An isolation measure: its effect if active, else why it is missing."""

    name: str
    up: bool
    required: bool
    says: str


@dataclass(frozen=True, slots=True)
class ProgramFacts:
    """Facts about a sandbox, known once it has started."""

    os_pid: int
    supervisor_pid: str
    walls: tuple[Wall, ...]
    source: Source | None = None
    """The source of a tree from a module, if it could be read."""

    warnings: tuple[SourceWarning, ...] = ()
    traces: SandboxTraces | None = None
    """None if the kernel does not provide them."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A sandbox. `run` counts its programs; reports of earlier ones are ignored."""

    id: str
    owner: str
    node: str
    configuration: Configuration
    created_at: float
    status: Status = "starting"
    run: int = 1
    restart_count: int = 0
    os_pid: int | None = None
    supervisor_pid: str | None = None
    walls: tuple[Wall, ...] = ()
    reason: str | None = None
    started_at: float | None = None
    ended_at: float | None = None
    used_at: float = 0.0
    stood_still: float = 0.0
    """Seconds of this run in which the platform stood still, which do not count towards its lifetime."""

    warnings: tuple[SourceWarning, ...] = ()
    """Mistakes in the source that runs."""

    versions: tuple[Version, ...] = ()
    current: int = 0
    ran_by: str = ""
    """The user who started or changed the code last; "" before that."""
    ran_at: float = 0.0
    """When the code was last changed, perhaps to an earlier version; 0 before that."""

    goal: Goal = "keep"
    changing: Source | None = None
    waiting: tuple[tuple[str, Any], ...] = ()
    """Pending requests: their kind, and the caller to answer."""

    @property
    def alive(self) -> bool:
        """Return whether it has a program, or is about to have one."""
        return self.status != "ended"

    @property
    def source(self) -> Source | None:
        """Return the running source; None for a module whose source is not known."""
        return next((one.source for one in self.versions if one.number == self.current), None)

    @property
    def busy(self) -> str | None:
        """Return what is being done with it, in words; None if nothing is."""
        if self.status == "starting":
            return "is starting"
        if self.status == "stopping":
            return "is being restarted" if self.goal == "start" else "is stopping"
        return "is changing its code" if self.changing is not None else None
