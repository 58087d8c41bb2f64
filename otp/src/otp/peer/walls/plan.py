"""The walls between a peer and everything else: their parts, and which are required."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from otp.kernel.values.errors import BadArgument, Error

__all__ = ["PARTS", "REQUIRED", "WALLS", "Part", "Wall", "WallMissing", "Walls", "walls_of"]

PARTS: Final = (
    "user",
    "pid",
    "network",
    "ipc",
    "mount",
    "limits",
    "uid",
    "privileges",
    "landlock",
    "seccomp",
)
"""The parts of walls, in the order in which a peer puts them up: five namespaces, and five kernel features."""

WALLS: Final[Mapping[str, str]] = {
    "files": "reads and writes no file of yours",
    "network": "opens no connection, to this machine or another",
    "signals": "neither signals nor traces a process outside",
    "memory": "has so much memory and no more",
    "cpu": "has so much time of the processor and no more",
    "processes": "has so many processes and threads and no more",
    "rights": "cannot come by more rights",
    "calls": "cannot ask the kernel for what no peer needs",
}
"""The walls, each with the restriction on the program behind it."""

REQUIRED: Final = frozenset({"files", "network", "signals", "memory", "cpu", "processes"})
"""The walls required before untrusted code runs."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a peer's walls: whether it is up, and which one it is or why not.

    >>> str(Part("landlock", True, "ABI 7"))
    'landlock (ABI 7)'
    """

    name: str
    up: bool
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.detail})" if self.detail else self.name


@dataclass(frozen=True, slots=True)
class Wall:
    """A wall: whether it is up, what implements it, and why it is not up."""

    name: str
    up: bool
    by: tuple[str, ...]
    why_not: str = ""

    def __str__(self) -> str:
        return f"{self.name}: " + (", ".join(self.by) if self.up else f"none ({self.why_not})")


class WallMissing(Error):
    """A missing required wall, so that the peer was not started. `reason` is `("wall_missing", names)`."""

    def __init__(self, missing: Iterable[Wall]) -> None:
        walls = tuple(missing)
        super().__init__(("wall_missing", tuple(wall.name for wall in walls)))
        self.walls: tuple[Wall, ...] = walls

    def __str__(self) -> str:
        told = "; ".join(f"{wall.name} ({wall.why_not})" for wall in self.walls)
        return f"expected every required wall, got none for {told}; for code of your own try Walls(required=…)"


@dataclass(frozen=True, slots=True)
class Walls:
    """The walls of a peer. All that this system supports are put up.

    Without those `required` it does not start.

    Args:
        required: names from `WALLS`; for untrusted code keep the default.
        readable: additional files and folders that it may read.
        hidden: folders below readable ones, or below those of the interpreter, that it may not read.
        without: parts from `PARTS` to leave out, as if this system did not support them.
        uids: the range from which its account is chosen if we are root; None: see `otp.peer.walls.privileges`.

    >>> "network" in Walls().required
    True
    """

    required: frozenset[str] = REQUIRED
    readable: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    without: frozenset[str] = frozenset()
    uids: range | None = None

    def __post_init__(self) -> None:
        for what, given, known in (("required", self.required, WALLS), ("without", self.without, PARTS)):
            strange = sorted(set(given) - set(known))
            if strange:
                raise BadArgument(f"Walls({what}=): expected names of {', '.join(known)}, got {', '.join(strange)}")

    def missing(self, walls: Mapping[str, Wall]) -> list[Wall]:
        """Return the required walls that are not up."""
        return [walls[name] for name in WALLS if name in self.required and not walls[name].up]


def walls_of(parts: Iterable[Part]) -> dict[str, Wall]:
    """Return the walls that the parts make up.

    Any one of its parts is enough, except for limits.

    >>> str(walls_of([Part("landlock", True, "ABI 3")])["network"])
    'network: none (no network: not tried; landlock (ABI 3) has no TCP; no seccomp: not tried)'
    """
    known = {part.name: part for part in parts}
    part = {name: known.get(name, Part(name, False, "not tried")) for name in PARTS}
    abi = _number(part["landlock"].detail) if part["landlock"].up else 0
    landlock = part["landlock"]

    def wall(name: str, *names: str, least_abi: int = 1, lacks: str = "") -> Wall:
        up = [part[n] for n in names if part[n].up and (n != "landlock" or abi >= least_abi)]
        why = [
            f"{landlock} has {lacks}" if n == "landlock" and landlock.up else f"no {n}: {part[n].detail}" for n in names
        ]
        return Wall(name, bool(up), tuple(map(str, up)), "" if up else "; ".join(why))

    limits = part["limits"]
    counted = wall("processes", "uid", "user")
    if counted.up and not limits.up:
        counted = Wall("processes", False, (), f"no limits: {limits.detail}")
    return {
        "files": wall("files", "mount", "landlock"),
        "network": wall("network", "network", "landlock", "seccomp", least_abi=4, lacks="no TCP"),
        "signals": wall("signals", "pid", "uid", "landlock", least_abi=6, lacks="no signals"),
        "memory": wall("memory", "limits"),
        "cpu": wall("cpu", "limits"),
        "processes": counted,
        "rights": wall("rights", "privileges"),
        "calls": wall("calls", "seccomp"),
    }


def _number(text: Any) -> int:
    digits = "".join(filter(str.isdigit, str(text)))
    return int(digits) if digits else 0
