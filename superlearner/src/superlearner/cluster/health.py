"""The health of the members of a cluster: a score of what was measured, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from superlearner.base.commands import command

__all__ = ["MemberHealth", "NodeStatus", "Overall", "Partition", "health_of", "overall_of", "partition_of"]

NodeStatus = Literal["up", "down", "unreachable"]
Overall = Literal["healthy", "warning", "degraded", "critical"]
Partition = Literal["healthy", "partial_partition", "minority_partition"]

GIB: Final = 2**30
FULL: Final = 100
SCORES: Final[dict[NodeStatus, int]] = {"down": 0, "unreachable": 10}
"""The scores of members that measure nothing."""

MEMORY: Final = ((4 * GIB, 30, "critical"), (GIB, 10, "elevated"))
CPU: Final = ((90.0, 40, "critical"), (70.0, 20, "high"), (50.0, 5, "elevated"))
PROCESSES: Final = ((10_000, 15), (5_000, 5))
"""Limits with what exceeding them takes from the score, highest first."""

ALL_BUT_FEW: Final = 0.8
HALF: Final = 0.5


@dataclass(frozen=True, slots=True)
class MemberHealth:
    """The health of a member, from 0 to 100, with the reasons for what is missing to 100."""

    status: NodeStatus
    health_score: int
    cpu_status: str
    memory_status: str
    issues: list[str] = field(default_factory=list[str])
    advice: list[str] = field(default_factory=list[str])


def health_of(
    name: str, status: NodeStatus, *, why: str = "", memory: int | None = None, cpu: float = 0.0, processes: int = 0
) -> MemberHealth:
    """Return the health of a member.

    Args:
        name: its name, for the texts.
        status: whether it is connected and answers.
        why: the reason if it is not `up`.
        memory: resident memory of its program in bytes, None if unknown.
        cpu: its use of a core in percent.
        processes: the number of its processes.

    >>> health_of("b@127.0.0.1", "up", memory=2 * 2**30, cpu=75.0, processes=10).health_score
    70
    """
    if status != "up":
        advice = {
            "down": f"start {name} again, or forget it: `{command('cluster.forget', name)}`",
            "unreachable": f"look whether {name} is busy or paused: `{command('cluster.ping', name)}`",
        }[status]
        return MemberHealth(status, SCORES[status], "unknown", "unknown", [why or f"it is {status}"], [advice])
    score, cpu_status, memory_status = FULL, "normal", "unknown" if memory is None else "normal"
    issues: list[str] = []
    advice_of: list[str] = []
    for limit, cost, word in MEMORY:
        if memory is not None and memory > limit:
            score, memory_status = score - cost, word
            issues.append(f"its program uses {memory / GIB:.1f} GiB of memory, more than {limit // GIB}")
            advice_of.append(f"see which processes of {name} grow: `{command('process.list', node=name)}`")
            break
    for percent, cost, word in CPU:
        if cpu > percent:
            score, cpu_status = score - cost, word
            issues.append(f"it uses {cpu:.0f} % of a core, more than {percent:.0f}")
            advice_of.append(f"see what keeps {name} busy: `{command('system.bottlenecks', node=name)}`")
            break
    for count, cost in PROCESSES:
        if processes > count:
            score -= cost
            issues.append(f"it has {processes:,} processes, more than {count:,}")
            advice_of.append(f"see which supervisor of {name} starts them: `{command('tree', node=name)}`")
            break
    return MemberHealth(status, score, cpu_status, memory_status, issues, advice_of)


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
