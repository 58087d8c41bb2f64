"""Result models of the cluster; each names the members that did not answer."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from superlearner.cluster.members import ClusterEvent
from superlearner.operations.results import ProcessLine, SupervisorDetails
from superlearner.operations.results.restarts import RestartLine
from superlearner.operations.results.result import ResultModel
from superlearner.operations.results.system import AnomalyLine
from superlearner.operations.results.tree import TreeResult

__all__ = [
    "ClusterAnomalies",
    "ClusterAnomaly",
    "ClusterConnected",
    "ClusterDisconnected",
    "ClusterEvents",
    "ClusterPing",
    "ClusterProcess",
    "ClusterProcesses",
    "ClusterRestarts",
    "ClusterSupervisor",
    "ClusterSupervisors",
    "ClusterTopology",
    "ClusterTrees",
    "MemberLine",
    "Missing",
]

Health = Literal["healthy", "slow", "silent"]


class Missing(ResultModel):
    """A node that did not answer."""

    node: str
    reason: str


class MemberLine(ResultModel):
    """A member of the cluster, as the platform sees it."""

    name: str
    status: Literal["up", "leaving", "lost"]
    own: bool = Field(description="the platform's own node")
    kind: str = Field(description="`platform` or `node`, as the member says")
    incarnation: int = Field(description="unique to each start of the member")
    os_pid: int | None
    address: str | None = Field(description="where others can connect to it")
    http: str | None = Field(description="the address of its page, if it is a platform")
    version: str = Field(description="version of the library there")
    since: float = Field(description="its join, in seconds since 1970 by its own clock")
    health: Health
    evidence: str = Field(description="the reason for its health")
    round_trip_ms: float | None = Field(description="null for the own node, and without an answer")
    frames_sent: int
    frames_received: int
    bytes_sent: int
    bytes_received: int
    observed: bool = Field(description="pages and operations work on it")


class ClusterTopology(ResultModel):
    """The cluster as the platform sees it."""

    mode: Literal["single_node", "multi_node"]
    state: Literal["off", "joining", "member", "refused", "left"] = Field(
        description="that of the platform's membership"
    )
    why: str | None = Field(description="the reason why the platform is no member")
    current_node: str
    connected_nodes: list[str]
    total_nodes: int
    partition_status: Literal["none", "suspected"]
    heartbeat: float | None = Field(description="seconds between two signs of life")
    dead: float | None = Field(description="seconds of silence after which a member is lost")
    nodes: list[MemberLine]
    process_distribution: dict[str, int | None] = Field(description="processes by node; null without an answer")
    missing: list[Missing]


class ClusterEvents(ResultModel):
    """The members that came and went since the platform started, newest first."""

    events: list[ClusterEvent]


class ClusterProcess(ProcessLine):
    """A process with its node."""

    node: str


class ClusterProcesses(ResultModel):
    """Processes of all nodes."""

    processes: list[ClusterProcess]
    total_count: int = Field(description="before the limit")
    nodes_queried: list[str]
    missing: list[Missing]


class ClusterRestarts(ResultModel):
    """The newest restarts of all nodes, newest first."""

    restarts: list[RestartLine]
    nodes_queried: list[str]
    missing: list[Missing]


class ClusterAnomaly(AnomalyLine):
    """An anomaly with its node."""

    node: str


class ClusterAnomalies(ResultModel):
    """The anomalies of all nodes."""

    anomalies: list[ClusterAnomaly]
    nodes_queried: list[str]
    missing: list[Missing]


class ClusterSupervisor(SupervisorDetails):
    """A supervisor with its node."""

    node: str


class ClusterSupervisors(ResultModel):
    """The supervisors of all nodes."""

    supervisors: list[ClusterSupervisor]
    nodes_queried: list[str]
    missing: list[Missing]


class ClusterTrees(ResultModel):
    """The supervision trees of all nodes."""

    trees: list[TreeResult]
    nodes_queried: list[str]
    missing: list[Missing]


class ClusterConnected(ResultModel):
    """The members after connecting."""

    members: list[str]


class ClusterDisconnected(ResultModel):
    """A member that was disconnected."""

    name: str


class ClusterForgotten(ResultModel):
    """A lost member that counts as gone for good."""

    name: str


class ClusterPing(ResultModel):
    """The round trip to a member."""

    name: str
    round_trip_ms: float
