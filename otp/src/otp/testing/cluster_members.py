"""The members that a test's node joins: simulated ones in its event loop, or programs on this machine.

Programs are those of `superlearner cluster test`. The variable `OTP_TEST_CLUSTER` names a JSON file about them: `size`,
paths of the `cookie` and of the folder in which `members` find each other, `teaching` if they notice a silent member
after a second, and `start`, a command that starts those that are missing.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from otp.kernel.values.errors import BadArgument

if TYPE_CHECKING:
    from otp.cluster import Cluster
    from otp.cluster.simulation import SimulatedCluster
    from otp.kernel.steps.node import Node

__all__ = ["VARIABLE", "ClusterMembers", "Programs", "join_programs", "join_simulated", "programs_of"]

VARIABLE: Final = "OTP_TEST_CLUSTER"
SOON_S: Final = 1.0
"""Seconds after which missing programs are started again."""
START_S: Final = 30.0


class Programs(NamedTuple):
    """The programs of a test cluster: how many, and how to find and to start them."""

    size: int
    cookie: str
    members: str
    start: tuple[str, ...]
    teaching: bool = False


def programs_of(environment: Mapping[str, str]) -> Programs | None:
    """Return the programs that `OTP_TEST_CLUSTER` names; None without it. Raises `BadArgument` for a damaged file."""
    path = environment.get(VARIABLE)
    if not path:
        return None
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
        return Programs(
            int(found["size"]), str(found["cookie"]), str(found["members"]), tuple(found["start"]),
            bool(found.get("teaching", False)),
        )  # fmt: skip
    except (OSError, ValueError, TypeError, KeyError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is damaged"
        raise BadArgument(
            f"{VARIABLE}: expected the cluster_file of `superlearner cluster test start`, got {path}: {why}"
        ) from None


class ClusterMembers:
    """The members of a test's cluster, and what a test may do to them; `cluster` is that of the test's node."""

    def __init__(self, cluster: Cluster, simulation: SimulatedCluster | None) -> None:
        self.cluster: Cluster = cluster
        self.simulation: SimulatedCluster | None = simulation
        self._stalled: set[int] = set()

    @property
    def names(self) -> list[str]:
        """The names of the connected members, without the test's node."""
        return sorted(member.name for member in self.cluster.members()[1:])

    def kill(self, name: str) -> None:
        """End a member without notice, as `kill -9` does."""
        if self.simulation is not None:
            self.simulation.kill(name)
        else:
            os.kill(self._os_pid(name), signal.SIGKILL)

    def stall(self, name: str) -> None:
        """Stop a member until `resume`, or the end of the test, as SIGSTOP does."""
        if self.simulation is not None:
            self.simulation.stall(name)
        else:
            os_pid = self._os_pid(name)
            self._stalled.add(os_pid)
            os.kill(os_pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let all stalled members continue."""
        if self.simulation is not None:
            for name in self.simulation.alive:
                self.simulation.resume(name)
        while self._stalled:
            with suppress(ProcessLookupError):
                os.kill(self._stalled.pop(), signal.SIGCONT)

    def _os_pid(self, name: str) -> int:
        """Return the process of a member, which has to be on this machine."""
        found = {member.name: member for member in self.cluster.members()[1:]}
        member = found.get(name)
        meta: Any = None if member is None else member.meta
        if member is None or not isinstance(meta, dict) or not (member.address or "").startswith("unix/"):
            raise BadArgument(f"expected one of {', '.join(found) or 'no member'}, on this machine, got {name!r}")
        return int(meta["os_pid"])  # pyright: ignore[reportUnknownArgumentType]


@asynccontextmanager
async def join_simulated(node: Node, size: int, options: Mapping[str, Any]) -> AsyncGenerator[ClusterMembers]:
    """Simulate members with the names of programs, and let `node` join them, which starts none of their children."""
    from otp.cluster.simulation import SimulatedCluster

    names = [f"m{number}@127.0.0.1" for number in range(1, size + 1)]
    forms: Any = options.get("children", ())

    def children(name: str) -> Sequence[Any]:
        found: Any = forms(name) if callable(forms) else forms
        return () if name == node.name else found

    given: dict[str, Any] = {**options, "children": children}
    async with SimulatedCluster(names, **given) as simulation:
        cluster = await simulation.join(node)
        await cluster.wait_size(size + 1)
        yield ClusterMembers(cluster, simulation)


@asynccontextmanager
async def join_programs(node: Node, programs: Programs, folder: Path) -> AsyncGenerator[ClusterMembers]:
    """Let `node` join the programs, after those are started that an earlier test has ended.

    Args:
        node: the node of the test.
        programs: those to join.
        folder: a folder for incarnations, which lasts for all tests.
    """
    from otp.cluster import Cluster, Folder
    from otp.distribution import TEACHING

    discovery, incarnations = Folder(programs.members), folder / node.name
    cluster = await Cluster.join(
        node, cookie=_read(programs.cookie), discovery=discovery, incarnations=incarnations,
        settings=TEACHING if programs.teaching else None,
    )  # fmt: skip
    members = ClusterMembers(cluster, None)
    try:
        try:
            await cluster.wait_size(programs.size + 1, SOON_S)
        except TimeoutError:
            await _start_missing(programs)
            await cluster.wait_size(programs.size + 1, START_S)
        yield members
    finally:
        members.resume()
        await cluster.leave()


def _read(path: str) -> str:
    return Path(path).read_text(encoding="utf-8").strip()


async def _start_missing(programs: Programs) -> None:
    starting = await asyncio.create_subprocess_exec(
        *programs.start, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    text, _ = await starting.communicate()
    if starting.returncode:
        raise RuntimeError(f"expected {programs.size} members, and they do not start: {text.decode(errors='replace')}")
