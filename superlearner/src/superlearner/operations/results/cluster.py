"""Result models of the cluster; each names the members that did not answer."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from superlearner.cluster.health import NodeStatus, Overall, Partition
from superlearner.cluster.members import ClusterEvent
from superlearner.cluster.simulator import SimulatedChild, SimulatedFault, SimulatedState
from superlearner.operations.results import Pid, ProcessLine
from superlearner.operations.results.restarts import RestartLine
from superlearner.operations.results.result import ResultModel
from superlearner.operations.results.system import AnomalyLine
from superlearner.operations.results.tree import TreeResult

__all__ = [
    "ClusterAnomalies",
    "ClusterAnomaly",
    "ClusterConnected",
    "ClusterDisconnected",
    "ClusterDrained",
    "ClusterEntries",
    "ClusterEvents",
    "ClusterMap",
    "ClusterMove",
    "ClusterMoves",
    "ClusterPing",
    "ClusterProcess",
    "ClusterProcesses",
    "ClusterRestarts",
    "ClusterSimulation",
    "ClusterTopology",
    "ClusterTrees",
    "HealthFigure",
    "MapKey",
    "MapMember",
    "MemberEntries",
    "MemberLine",
    "Missing",
    "NodeHealth",
    "NodeInfo",
    "PlacedChild",
    "PlacedChildren",
    "TableEntry",
    "TreesSummary",
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
    simulated: bool = Field(default=False, description="it is simulated in the platform's program")


class HealthFigure(ResultModel):
    """A figure that a health score is made of, with the limit it is compared with."""

    what: Literal["memory", "cpu", "processes"] = Field(
        description="memory of the program in bytes, its processor time in percent of a core, number of processes"
    )
    measured: float | None = Field(description="null if the system does not say")
    limit: float = Field(description="the limit that it exceeds, else the lowest one")
    cost: int = Field(description="points it takes off the score")
    status: str = Field(description="normal, elevated, high, critical, or unknown")


class NodeHealth(ResultModel):
    """The health of a node, from what it measures itself."""

    status: NodeStatus = Field(description="down: it is not connected; unreachable: it is, and does not answer")
    health_score: int = Field(description="from 0 to 100")
    cpu_status: str = Field(description="normal, elevated, high, critical, or unknown")
    memory_status: str = Field(description="normal, elevated, critical, or unknown")
    issues: list[str] = Field(description="what is missing to 100")
    evidence: list[HealthFigure] = Field(description="what was measured, and against which limit")


class ClusterTopology(ResultModel):
    """The cluster as the platform sees it."""

    cluster_name: str = Field(description="the name of the member that answers")
    formation_time: float | None = Field(description="the join of its longest member, in seconds since 1970")
    mode: Literal["single_node", "multi_node", "simulated"]
    simulation_enabled: bool = Field(description="members are simulated")
    state: Literal["off", "joining", "member", "refused", "left"] = Field(
        description="that of the platform's membership"
    )
    why: str | None = Field(description="the reason why the platform is no member")
    current_node: str
    connected_nodes: list[str]
    total_nodes: int
    partition_status: Partition = Field(description="minority_partition: at most half of the known members")
    heartbeat: float | None = Field(description="seconds between two signs of life")
    dead: float | None = Field(description="seconds of silence after which a member is lost")
    settle: float | None = Field(description="seconds until the children of a lost member start elsewhere")
    nodes: list[MemberLine]
    process_distribution: dict[str, int | None] = Field(description="processes by node; null without an answer")
    sample_pids: dict[str, list[Pid]] | None = Field(description="up to 5 pids by node, with `include_processes`")
    node_health: dict[str, NodeHealth] | None = Field(description="by node, with `include_health`")
    missing: list[Missing]


class ClusterPerformance(ResultModel):
    """The last measurements of the nodes."""

    total_processes: int
    memory_usage: dict[str, int | None] = Field(description="resident memory by node, in bytes")
    queues: dict[str, int] = Field(description="waiting messages by node")
    gc_pause_ms: dict[str, float] = Field(description="longest pause of the garbage collector, by node")


class ClusterHealth(ResultModel):
    """The health of the cluster as the platform sees it."""

    overall_status: Overall
    partition_status: Partition
    nodes_total: int
    nodes_healthy: int = Field(description="those that are up")
    nodes_unhealthy: int
    node_statuses: dict[str, NodeHealth]
    cluster_uptime: float | None = Field(description="seconds since its longest member joined")
    performance_metrics: ClusterPerformance | None = Field(description="with `include_metrics`")
    health_history: list[ClusterEvent] | None = Field(description="with `include_history`, newest first")
    recommendations: list[str]
    last_updated: float = Field(description="in seconds since 1970")
    missing: list[Missing]


class NodeInfo(ResultModel):
    """A node of the cluster. Unknown values are null."""

    name: str
    status: NodeStatus
    processes: int | None
    memory_usage: dict[str, int | None] = Field(description="`total`: resident memory of its program, in bytes")
    cpu_usage: float | None = Field(description="percent of a core")
    last_seen: float | None = Field(description="in seconds since 1970; null: it has not been seen")
    simulated: bool
    health: NodeHealth
    system_info: dict[str, Any] = Field(description="python, otp, os_pid, uptime_s")
    applications: list[str]
    network_info: dict[str, Any] = Field(description="address, http, round_trip_ms, and the traffic with it")
    process_list: list[ProcessLine] | None = Field(description="with `include_processes`")
    missing: list[Missing]


class ClusterEvents(ResultModel):
    """The members that came and went, newest first."""

    events: list[ClusterEvent]


class ClusterProcess(ProcessLine):
    """A process with its node."""

    node: str


class ClusterProcesses(ResultModel):
    """Processes of all nodes."""

    processes: list[ClusterProcess]
    total_count: int = Field(description="before the limit")
    nodes_queried: list[str]
    filters_applied: dict[str, str]
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


class TableEntry(ResultModel):
    """A key of a registry, a child of a distributed supervisor, a global name or a group, with a process."""

    kind: Literal["registry", "supervisor", "name", "group"]
    table: str = Field(description="the name of the registry or supervisor; `global`; the scope of the group")
    key: str = Field(description="the key, the id of the child, the name, or the group")
    node: str | None = Field(description="the member of its process")
    pid: Pid | None = Field(description="null for a lost child that has yet to start elsewhere")
    since: float | None = Field(
        default=None, description="start of the process in seconds since 1970, as its own member knows it"
    )
    goes_to: str | None = Field(default=None, description="with `without`: the member on which a child would start")


class MemberEntries(ResultModel):
    """The entries of shared tables, as one member sees them."""

    entries: list[TableEntry]
    tables: list[str] = Field(description="names of these registries and supervisors, also of empty ones")
    total: int = Field(description="before the limit")


class Stranded(ResultModel):
    """A distributed supervisor with children that no member can run, since its last members are lost."""

    table: str
    children: dict[str, str] = Field(description="the last member of each child, by its id")
    text: str = Field(description="what to do")


class ClusterEntries(ResultModel):
    """The entries of shared tables on all members."""

    entries: list[TableEntry]
    running_on: dict[str, list[str]] = Field(description="the members that run each registry or supervisor")
    stranded: list[Stranded] = Field(description="distributed supervisors whose last members are lost")
    nodes_queried: list[str]
    missing: list[Missing]


class ClusterMove(ResultModel):
    """A child of a distributed supervisor that moved to another member, or ran on two."""

    at: float = Field(description="when it was lost, moved or ended, in seconds since 1970")
    text: str = Field(description="what happened, and why")
    conflict: bool = Field(description="it ran on two members, and one of its processes has ended")
    node: str = Field(description="the member that reports it: the new one, in a conflict that of the ended process")
    ref: str = Field(description="its id, as of a restart")


class ClusterMoves(ResultModel):
    """Children that moved between members, and conflicts, newest first."""

    moves: list[ClusterMove]
    stranded: list[Stranded] = Field(description="distributed supervisors whose last members are lost")


class PlacedChildren(ClusterEntries):
    """A distributed supervisor with its children."""

    moves: list[ClusterMove] = Field(description="moves and conflicts of children with these ids, newest first")


class PlacedChild(ResultModel):
    """A child of a distributed supervisor that was started or stopped."""

    supervisor: str
    id: str
    node: str | None = Field(description="its member; null if its start was ignored, or if it was lost")
    pid: Pid | None


class MapMember(ResultModel):
    """A member on the map of the cluster."""

    name: str
    share: float = Field(description="of all possible keys on its side, from 0 to 1")
    keys: int = Field(description="children of distributed supervisors that run there")


class MapKey(ResultModel):
    """A key and its member."""

    table: str | None = Field(description="the distributed supervisor of the child; null for a key that was tried")
    key: str
    node: str = Field(description="the member of the child, or of the key by its hash")
    goes_to: str | None = Field(description="the member it would go to; null if it would stay")


class ClusterMap(ResultModel):
    """The keys of the cluster by member."""

    members: list[MapMember]
    sides: list[list[str]] = Field(
        default=[], description="if simulated members are cut off: the groups that are connected"
    )
    keys: list[MapKey]
    tried: MapKey | None = Field(description="with `key`")
    without: str | None = Field(description="the member that would leave")
    missing: list[Missing]


class ClusterDrained(ResultModel):
    """The children that moved away from a member, and those that could not; each as `supervisor: id`."""

    moved: list[str]
    kept: list[str]


class ClusterSimulation(ResultModel):
    """A simulated cluster in the platform's program, seen by all of its members."""

    enabled: bool = Field(description="there are simulated members")
    simulated: Literal[True]
    seed: int | None
    since: float | None = Field(description="its start, in seconds since 1970")
    members: list[SimulatedState]
    sides: list[list[str]] = Field(description="the running members in groups that are connected")
    healthy_nodes: list[str] = Field(description="members that are connected to all running members")
    partitioned_nodes: list[str] = Field(description="running members that are cut off from others")
    failed_nodes: list[str]
    process_distribution: dict[str, int] = Field(description="processes by member")
    faults: list[SimulatedFault] = Field(description="those in effect")
    children: list[SimulatedChild]
    moves: list[ClusterMove] = Field(description="since its start, newest first")


class TreesSummary(ResultModel):
    """Counts over all nodes."""

    nodes_queried: int
    successful: int
    failed: int
    total_supervisors: int = Field(description="those shown")
    errors: list[str]


class ClusterTrees(ResultModel):
    """The supervision trees of all nodes."""

    supervision_trees: dict[str, TreeResult] = Field(description="by node")
    processes: dict[str, dict[Pid, ProcessLine]] | None = Field(
        description="by node and pid, with `include_process_details`"
    )
    text: str | None = Field(default=None, description="all trees as text, with `format` text")
    summary: TreesSummary
    nodes_queried: list[str]
    missing: list[Missing]


class ClusterConnected(ResultModel):
    """The members after connecting."""

    members: list[str]


class ClusterDisconnected(ResultModel):
    """A member that was disconnected."""

    name: str
    disconnected: Literal[True]


class ClusterForgotten(ResultModel):
    """A lost member that counts as gone for good."""

    name: str
    forgotten: Literal[True]


class ClusterPing(ResultModel):
    """The round trip to a member."""

    name: str
    round_trip_ms: float
