"""The health of the members of a cluster: a score of what was measured, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from superlearner.base.commands import command

__all__ = [
    "HealthEvidence",
    "MemberHealth",
    "NodeStatus",
    "Overall",
    "Partition",
    "health_of",
    "overall_of",
    "partition_of",
]

NodeStatus = Literal["up", "down", "unreachable"]
Overall = Literal["healthy", "warning", "degraded", "critical"]
Partition = Literal["healthy", "partial_partition", "minority_partition"]

GIB: Final = 2**30
FULL: Final = 100
SCORES: Final[dict[NodeStatus, int]] = {"down": 0, "unreachable": 10}
"""The scores of members that measure nothing."""

MEMORY: Final = ((4 * GIB, 30, "critical"), (GIB, 10, "elevated"))
CPU: Final = ((90.0, 40, "critical"), (70.0, 20, "high"), (50.0, 5, "elevated"))
PROCESSES: Final = ((10_000, 15, "critical"), (5_000, 5, "elevated"))
"""Limits with what exceeding them takes from the score, and a word; highest first."""

ALL_BUT_FEW: Final = 0.8
HALF: Final = 0.5


@dataclass(frozen=True, slots=True)
class HealthEvidence:
    """A figure that a score is made of.

    Attributes:
        what: memory in bytes, cpu in percent of a core, or the number of processes.
        measured: the figure; None if the system does not say.
        limit: the limit that it exceeds, else the lowest one.
        cost: points it takes off the score.
        status: a word for it.
    """

    what: Literal["memory", "cpu", "processes"]
    measured: float | None
    limit: float
    cost: int
    status: str


@dataclass(frozen=True, slots=True)
class MemberHealth:
    """The health of a member, from 0 to 100, with the reasons for what is missing to 100."""

    status: NodeStatus
    health_score: int
    cpu_status: str
    memory_status: str
    issues: list[str] = field(default_factory=list[str])
    advice: list[str] = field(default_factory=list[str])
    evidence: list[HealthEvidence] = field(default_factory=list[HealthEvidence])


def health_of(
    name: str,
    status: NodeStatus,
    *,
    why: str = "",
    disconnected: bool = False,
    memory: int | None = None,
    cpu: float = 0.0,
    processes: int = 0,
) -> MemberHealth:
    """Return the health of a member.

    Args:
        name: its name, for the texts.
        status: whether it is connected and answers.
        why: the reason if it is not `up`.
        disconnected: True for a member that was disconnected on purpose.
        memory: resident memory of its program in bytes, None if unknown.
        cpu: its use of a core in percent.
        processes: the number of its processes.

    >>> found = health_of("b@127.0.0.1", "up", memory=2 * 2**30, cpu=75.0, processes=10)
    >>> found.health_score, [(one.what, one.measured, one.limit, one.cost) for one in found.evidence][1:]
    (70, [('cpu', 75.0, 70.0, 20), ('processes', 10, 5000, 0)])
    """
    if status != "up":
        back = f"connect {name} again: `{command('cluster connect', name)}`" if disconnected else f"start {name} again"
        advice = {
            "down": f"{back}, or forget it: `{command('cluster.forget', name)}`",
            "unreachable": f"look whether {name} is busy or paused: `{command('cluster.ping', name)}`",
        }[status]
        return MemberHealth(status, SCORES[status], "unknown", "unknown", [why or f"it is {status}"], [advice])
    evidence = [
        _compare("memory", memory, MEMORY),
        _compare("cpu", cpu, CPU),
        _compare("processes", processes, PROCESSES),
    ]
    exceeded = {one.what: one for one in evidence if one.cost}
    issues: list[str] = []
    advice_of: list[str] = []
    if (one := exceeded.get("memory")) and memory is not None:
        issues.append(f"its program uses {memory / GIB:.1f} GiB of memory, more than {one.limit / GIB:.0f}")
        advice_of.append(f"see which processes of {name} grow: `{command('process.list', node=name)}`")
    if one := exceeded.get("cpu"):
        issues.append(f"it uses {cpu:.0f} % of a core, more than {one.limit:.0f}")
        advice_of.append(f"see what keeps {name} busy: `{command('system.bottlenecks', node=name)}`")
    if one := exceeded.get("processes"):
        issues.append(f"it has {processes:,} processes, more than {one.limit:,.0f}")
        advice_of.append(f"see which supervisor of {name} starts them: `{command('tree', node=name)}`")
    score = FULL - sum(one.cost for one in evidence)
    memory_one, cpu_one, _ = evidence
    return MemberHealth(status, score, cpu_one.status, memory_one.status, issues, advice_of, evidence)


def _compare(
    what: Literal["memory", "cpu", "processes"],
    measured: float | None,
    limits: Sequence[tuple[float, int, str]],
) -> HealthEvidence:
    """Return a figure with the highest limit that it exceeds."""
    if measured is None:
        return HealthEvidence(what, None, limits[-1][0], 0, "unknown")
    for limit, cost, status in limits:
        if measured > limit:
            return HealthEvidence(what, measured, limit, cost, status)
    return HealthEvidence(what, measured, limits[-1][0], 0, "normal")


def partition_of(connected: int, known: int) -> Partition:
    """Return what the number of connected members, itself included, says about the network; for display only.

    >>> partition_of(3, 3), partition_of(2, 3), partition_of(1, 2)
    ('healthy', 'partial_partition', 'minority_partition')
    """
    if connected == known:
        return "healthy"
    return "minority_partition" if connected <= known * HALF else "partial_partition"


def overall_of(statuses: Sequence[NodeStatus], partition: Partition) -> Overall:
    """Return the health of a cluster, from the share of its members that are up.

    >>> overall_of(["up"] * 4 + ["unreachable"], "healthy"), overall_of(["up", "down"], "minority_partition")
    ('warning', 'degraded')
    """
    share = statuses.count("up") / len(statuses) if statuses else 1.0
    if share < HALF:
        return "critical"
    if partition != "healthy" or share < ALL_BUT_FEW:
        return "degraded"
    return "healthy" if share == 1.0 else "warning"
