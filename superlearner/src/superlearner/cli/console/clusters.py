"""Console functions about the cluster that combine operations, named as in the original."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from superlearner.cli.console.calls import Caller
from superlearner.cli.console.failures import WrongCall
from superlearner.cli.console.values import Record, value_of

__all__ = ["describe_cluster", "discovery", "processes_in_simulation"]

Found = dict[str, Callable[..., Any]]

TOPOLOGY: Final = "cluster.topology"
LONGEST_S: Final = 3600.0


def describe_cluster(caller: Caller) -> Found:
    """Return the functions of `ToolManager` about the cluster; none if the platform lacks the operations."""
    if not {TOPOLOGY, "cluster.health"} <= caller.lines.keys():
        return {}
    everywhere = replace(caller, node=None)

    def get_mode() -> str:
        """Return `single_node`, `multi_node` or `simulated`, depending on the connected members."""
        return everywhere.ask(TOPOLOGY, {"include_health": False})["mode"]

    def get_cluster_status() -> Record:
        """Return mode, members and health of the cluster."""
        shown = everywhere.ask(TOPOLOGY, {"include_health": False})
        healthy = everywhere.ask("cluster.health", {"include_metrics": False})
        return value_of(
            {
                **{name: shown[name] for name in ("mode", "current_node", "connected_nodes")},
                "nodes": list(healthy["node_statuses"]),
                "tools": len(caller.lines),
                "cluster_info": {
                    "topology": shown["process_distribution"],
                    "health": healthy["overall_status"],
                    "last_updated": healthy["last_updated"],
                },
            }
        )

    return {"get_mode": get_mode, "get_cluster_status": get_cluster_status}


def discovery(caller: Caller) -> Found:
    """Return the functions of `ClusterDiscovery`; none if the platform lacks the operations."""
    if not {TOPOLOGY, "events.stream"} <= caller.lines.keys():
        return {}
    everywhere = replace(caller, node=None)

    def cluster_info() -> Record:
        """Return the members of the cluster, as `cluster.topology()` does."""
        return everywhere.ask(TOPOLOGY, {})

    def discover_nodes(size: int | None = None) -> list[str]:
        """Return the names of the connected members, this platform first; at most `size`."""
        return list(everywhere.ask(TOPOLOGY, {"include_health": False})["connected_nodes"][:size])

    def cluster_formed(size: int) -> bool:
        """Return whether at least `size` members are connected."""
        return len(discover_nodes()) >= size

    def wait_for_cluster(size: int, timeout: float = 30.0) -> list[str]:
        """Wait until at least `size` members are connected; return their names.

        Raises:
            TimeoutError: fewer are connected after `timeout` seconds.
        """
        end, place = time.monotonic() + min(timeout, LONGEST_S), None
        home = replace(caller, node=everywhere.ask(TOPOLOGY, {"include_health": False})["current_node"])
        while True:
            left = max(1, round(1000 * (end - time.monotonic())))
            wanted = {"types": ["cluster_changed"], "limit": 1, "timeout_ms": 1 if place is None else left}
            place = home.ask("events.stream", wanted | ({} if place is None else {"last_id": place}))["last_id"]
            names = discover_nodes()
            if len(names) >= size:
                return names
            if time.monotonic() >= end:
                raise TimeoutError(f"expected {size} members after {timeout:g} s, got {len(names)}: {', '.join(names)}")

    return {one.__name__: one for one in (cluster_formed, cluster_info, discover_nodes, wait_for_cluster)}


def processes_in_simulation(caller: Caller) -> Found:
    """Return the functions of `SingleNodeSimulator` about processes; none if the platform lacks the operation."""
    if "cluster.processes" not in caller.lines:
        return {}

    def get_process_node(pid: str) -> str | None:
        """Return the node of the process with this name or pid, or None.

        Raises:
            WrongCall: several nodes have such a process.
        """
        found = replace(caller, node=None).ask("cluster.processes", {"search": pid})["processes"]
        nodes = sorted({one["node"] for one in found if pid in (one["pid"], one["name"], one["child_id"])})
        if len(nodes) > 1:
            raise WrongCall(f"get_process_node({pid!r}): several nodes have one: {', '.join(nodes)}; try a unique name")
        return nodes[0] if nodes else None

    return {"get_process_node": get_process_node}
