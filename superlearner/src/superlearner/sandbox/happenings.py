"""Events of sandboxes, and the actions that follow them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from superlearner.sandbox.messages import SourceWarning
from superlearner.sandbox.record import Configuration, ProgramFacts, Sandbox
from superlearner.sandbox.source import Source

__all__ = [
    "Action",
    "Admit",
    "Change",
    "Checked",
    "Create",
    "Destroy",
    "FleetAnswer",
    "FleetEvent",
    "FleetRefused",
    "Forsaken",
    "Kill",
    "Launch",
    "NotReloaded",
    "NotStarted",
    "ProgramEnded",
    "Reload",
    "Reloaded",
    "Restart",
    "Resumed",
    "Started",
    "StillThere",
    "Stop",
    "StopAll",
    "Tell",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class FleetRefused:
    """A refusal: a code of `superlearner.operations.failures`, and words."""

    code: str
    message: str
    hint: str | None = None


Admit: TypeAlias = Callable[[Sandbox, Iterable[Sandbox]], Sandbox | FleetRefused]
"""A check before a sandbox starts beside all others: returns it, perhaps with lower limits, or a refusal."""


def _always(sandbox: Sandbox, fleet: Iterable[Sandbox]) -> Sandbox:
    del fleet
    return sandbox


# Events: requests, or reports about a program. `run` is the number of the sandbox's program concerned.


@dataclass(frozen=True, slots=True)
class Create:
    """A request to create a sandbox."""

    caller: Any
    id: str
    owner: str
    node: str
    configuration: Configuration
    source: Source | None = None
    admit: Admit = _always


@dataclass(frozen=True, slots=True)
class Restart:
    """A request to restart a sandbox, perhaps with another source."""

    caller: Any
    id: str
    by: str
    source: Source | None = None
    admit: Admit = _always


@dataclass(frozen=True, slots=True)
class Destroy:
    """A request to destroy a sandbox."""

    caller: Any
    id: str
    force: bool = False


@dataclass(frozen=True, slots=True)
class Reload:
    """A request to load another source into a running sandbox."""

    caller: Any
    id: str
    by: str
    source: Source


@dataclass(frozen=True, slots=True)
class StopAll:
    """A request to stop the sandboxes of some owners; they keep their code."""

    caller: Any
    owners: frozenset[str]
    why: str


@dataclass(frozen=True, slots=True)
class Started:
    """The tree of a sandbox is running."""

    id: str
    run: int
    facts: ProgramFacts


@dataclass(frozen=True, slots=True)
class NotStarted:
    """A program could not be started; nothing of it is left."""

    id: str
    run: int
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class ProgramEnded:
    """The program of a sandbox has ended."""

    id: str
    run: int
    reason: str


@dataclass(frozen=True, slots=True)
class StillThere:
    """A program did not stop in time."""

    id: str
    run: int


@dataclass(frozen=True, slots=True)
class Reloaded:
    """The new source runs; `report` describes the reload."""

    id: str
    run: int
    by: str
    report: Any
    warnings: tuple[SourceWarning, ...] = ()


@dataclass(frozen=True, slots=True)
class NotReloaded:
    """The new source was rejected; everything is as before."""

    id: str
    run: int
    reason: str
    ended: bool = False
    """The tree has ended, so there is nothing to reload."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A periodic check; `used` has the time of the last request to each sandbox.

    For `stood_still` seconds before it, the platform could not receive requests.
    """

    used: Mapping[str, float]
    stood_still: float = 0.0


@dataclass(frozen=True, slots=True)
class Forsaken:
    """An owner is gone and cannot return; their sandboxes go too."""

    owner: str


@dataclass(frozen=True, slots=True)
class Resumed:
    """The service restarted, so the progress of each action is unknown."""


FleetEvent = (
    Create | Restart | Destroy | Reload | StopAll | Started | NotStarted | ProgramEnded | StillThere | Reloaded
    | NotReloaded | Checked | Forsaken | Resumed
)  # fmt: skip

# Actions.


@dataclass(frozen=True, slots=True)
class Launch:
    """Start a program for a sandbox."""

    sandbox: Sandbox


@dataclass(frozen=True, slots=True)
class Stop:
    """Shut a sandbox down, from the leaves to the root."""

    sandbox: Sandbox


@dataclass(frozen=True, slots=True)
class Kill:
    """End the whole process group at once."""

    sandbox: Sandbox
    why: str


@dataclass(frozen=True, slots=True)
class Change:
    """Load another source into a running sandbox."""

    sandbox: Sandbox
    source: Source
    by: str


@dataclass(frozen=True, slots=True)
class FleetAnswer:
    """Answer a caller: with the sandbox, the ids of those that stop, the report of a reload, or a refusal."""

    caller: Any
    answer: Any


@dataclass(frozen=True, slots=True)
class Tell:
    """Show a notice on the page."""

    level: Literal["info", "bad"]
    sandbox: Sandbox
    text: str


Action = Launch | Stop | Kill | Change | FleetAnswer | Tell
