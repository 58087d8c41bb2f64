"""What can happen to sandboxes, and what can follow: the words between the fleet and who does things."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from superlearner.sandbox.record import Configuration, Facts, Sandbox
from superlearner.sandbox.source import Source

__all__ = [
    "Action", "Answer", "Change", "Create", "Destroy", "Ended", "Event", "Forsaken", "Kill", "Launch", "Looked",
    "NotReloaded", "NotStarted", "Refused", "Reload", "Reloaded", "Restart", "Resumed", "Started", "StillThere", "Stop",
    "Tell",
]  # fmt: skip

# What happens: somebody asks, or a program does something. `run` says which program of the sandbox it was.


@dataclass(frozen=True, slots=True)
class Create:
    """Somebody wants a new one."""

    caller: Any
    id: str
    owner: str
    node: str
    configuration: Configuration
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class Restart:
    """Somebody wants it from the start, perhaps with another source."""

    caller: Any
    id: str
    by: str
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class Destroy:
    """Somebody wants it gone."""

    caller: Any
    id: str
    force: bool = False


@dataclass(frozen=True, slots=True)
class Reload:
    """Somebody wants another source in what runs."""

    caller: Any
    id: str
    by: str
    source: Source


@dataclass(frozen=True, slots=True)
class Started:
    """Its tree runs."""

    id: str
    run: int
    facts: Facts


@dataclass(frozen=True, slots=True)
class NotStarted:
    """It could not be started; the program is gone."""

    id: str
    run: int
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Ended:
    """Its program is gone."""

    id: str
    run: int
    reason: str


@dataclass(frozen=True, slots=True)
class StillThere:
    """It was asked to stop and has not in time."""

    id: str
    run: int


@dataclass(frozen=True, slots=True)
class Reloaded:
    """The new source runs; `report` is what came of it."""

    id: str
    run: int
    by: str
    report: Any


@dataclass(frozen=True, slots=True)
class NotReloaded:
    """The new source does not run: everything is as before."""

    id: str
    run: int
    reason: str


@dataclass(frozen=True, slots=True)
class Looked:
    """Time has gone by; `used` says when each was last asked something."""

    used: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Forsaken:
    """An owner is gone, and cannot come back for what they own."""

    owner: str


@dataclass(frozen=True, slots=True)
class Resumed:
    """The service starts anew: who waited has had their answer, and nobody knows how far things were."""


Event = (
    Create | Restart | Destroy | Reload | Started | NotStarted | Ended | StillThere | Reloaded | NotReloaded | Looked
    | Forsaken | Resumed
)  # fmt: skip

# What follows.


@dataclass(frozen=True, slots=True)
class Launch:
    """Start a program for it."""

    sandbox: Sandbox


@dataclass(frozen=True, slots=True)
class Stop:
    """Let it end in order, from the leaves to the root."""

    sandbox: Sandbox


@dataclass(frozen=True, slots=True)
class Kill:
    """End its whole process group, now."""

    sandbox: Sandbox
    why: str


@dataclass(frozen=True, slots=True)
class Change:
    """Put another source into what runs."""

    sandbox: Sandbox
    source: Source
    by: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Tell a caller: the sandbox, or what came of a reload, or why not."""

    caller: Any
    answer: Any


@dataclass(frozen=True, slots=True)
class Tell:
    """Say it on the page."""

    level: Literal["info", "bad"]
    sandbox: Sandbox
    text: str


Action = Launch | Stop | Kill | Change | Answer | Tell


@dataclass(frozen=True, slots=True)
class Refused:
    """Why something is not done: a code of `superlearner.operations.failures`, and words."""

    code: str
    message: str
    hint: str | None = None
