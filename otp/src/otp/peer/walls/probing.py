"""Detection of available walls: a child puts up every part for itself, reports, and ends.

Versions and settings are not evaluated: what a container, a security module or a setting of the machine forbids shows
in the attempt.
"""

from __future__ import annotations

import json
import os.path
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from errno import EAGAIN
from typing import Any, Final

from otp.peer.limits import Limits
from otp.peer.walls.plan import PARTS, Part, Wall, Walls, walls_of
from otp.peer.walls.privileges import choose_uid, uids_in_use

__all__ = ["Available", "make_plan", "probe"]

PATIENCE_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Available:
    """The parts and walls of this system; `untrusted` says whether untrusted code may run here."""

    parts: tuple[Part, ...]
    walls: Mapping[str, Wall]
    untrusted: bool

    def __str__(self) -> str:
        if self.untrusted:
            up = sum(wall.up for wall in self.walls.values())
            return f"{up} of {len(self.walls)} walls; every required one stands"
        lacking = ", ".join(wall.name for wall in Walls().missing(self.walls))
        return f"own code only: no wall for {lacking}"


def probe(walls: Walls | None = None) -> Available:
    """Try every wall in a separate process, which takes about 0.1 s and blocks.

    Args:
        walls: what to leave out, and which accounts; the default tries all.

    Raises `OSError` if they cannot be tried at present (no room for a process or a folder, or it took too long).

    >>> sorted(probe().walls) == ["calls", "cpu", "files", "memory", "network", "processes", "rights", "signals"]
    True
    """
    wanted = Walls() if walls is None else walls
    if sys.platform != "linux":
        parts = tuple(Part(name, False, f"{sys.platform} has none") for name in PARTS)
        return Available(parts, walls_of(parts), untrusted=False)
    with tempfile.TemporaryDirectory(prefix="otp-peer-") as folder:
        plan = make_plan(wanted, Limits(), folder)
        try:
            done = subprocess.run(
                [sys.executable, "-I", "-m", "otp.peer.walls.trial"],
                input=json.dumps(plan),
                capture_output=True,
                text=True,
                env={},
                timeout=PATIENCE_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise BlockingIOError(EAGAIN, f"trying the walls took longer than {PATIENCE_S:g} s") from None
    try:
        parts = tuple(Part(**part) for part in json.loads(done.stdout))
    except (ValueError, TypeError):
        last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        parts = tuple(Part(name, False, f"the attempt ended early: {last:.200}") for name in PARTS)
    standing = walls_of(parts)
    return Available(parts, standing, untrusted=not Walls().missing(standing))


def make_plan(walls: Walls, limits: Limits, folder: str) -> dict[str, Any]:
    """Return what the child needs to put up the walls, as plain values."""
    uid = None if "uid" in walls.without else choose_uid(uids_in_use(), walls.uids)
    return {
        "uid": uid,
        "folder": folder,
        "readable": [*map(os.path.abspath, walls.readable)],
        "hidden": [*map(os.path.realpath, walls.hidden)],
        "without": sorted(walls.without),
        "required": sorted(walls.required),
        "limits": asdict(limits),
    }
