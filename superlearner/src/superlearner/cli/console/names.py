"""The names at the prompt: operations by category, and services of the platform."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from superlearner.base.identifiers import identifier
from superlearner.cli.console.calls import Caller, Changed, Functions, made
from superlearner.cli.console.clusters import describe_cluster, discovery, processes_in_simulation
from superlearner.cli.console.failures import OperationFailed, WrongCall
from superlearner.cli.console.originals import DEMOS
from superlearner.cli.console.values import Record, Rows, value_of
from superlearner.operations import PREFIX

__all__ = ["namespace", "node_names"]


def _(method: str, path: str, **changed: Any) -> tuple[str, str, Changed]:
    return method, path, Changed(**changed)


SANDBOX: Final = "/sandboxes/{sandbox_id}"
SUPERVISOR: Final = "/supervisors/{name}"
ANALYTICS: Final = f"{SUPERVISOR}/analytics"
TRACE: Final = "/processes/{pid}/trace"
SCHEMES: Final = ("tcp/", "tls/", "unix/")
"""The beginnings of the addresses of members."""

LIST_PROCESSES: Final = _("GET", "/processes", fixed={"per_page": 1000}, first=("type",))
RESTARTS: Final = _("GET", ANALYTICS, pick=("restart_history",), words="Its last restarts, newest first.")
FAILURES: Final = _(
    "GET",
    ANALYTICS,
    renamed={"window_ms": "window"},
    pick=("failure_rate",),
    first=("window_ms",),
    words="Its restarts in a window, and how many that is a second.",
)
SUPERVISOR_STATS: Final = _("GET", "/analytics/supervisors")
SIMULATION: Final = "GET", "/cluster/simulation"
TOPOLOGY: Final = _("GET", "/cluster/topology")
SANDBOXES: Final = {
    "create_sandbox": _("POST", "/sandboxes", first=("supervisor_module",)),
    "restart_sandbox": _("POST", f"{SANDBOX}/restart"),
    "destroy_sandbox": _("DELETE", SANDBOX),
    "list_sandboxes": _("GET", "/sandboxes", fixed={"per_page": 1000}),
    "get_sandbox_info": _("GET", SANDBOX),
}

SERVICES: Final[dict[str, tuple[str, dict[str, tuple[str, str, Changed]]]]] = {
    "Control": (
        "processes and supervision trees.",
        {
            "list_supervisors": _("GET", "/supervisors", fixed={"per_page": 1000}),
            "get_supervision_tree": _("GET", "/system/process-tree", fixed={"format": "text"}, first=("root",)),
            "kill_process": _("DELETE", "/processes/{pid}", first=("reason",)),
            "get_process_info": _("GET", "/processes/{pid}/info"),
            "to_pid": _("GET", "/processes/{pid}/info", pick=("pid",), words="The pid of a name or pid."),
            "get_supervisor_children": _("GET", f"{SUPERVISOR}/children", fixed={"per_page": 1000}),
            "list_all_processes": LIST_PROCESSES,
            "list_processes": LIST_PROCESSES,
            "build_process_graph": _("GET", "/system/graph"),
            "get_process_state": _("GET", "/processes/{pid}/state"),
            "detect_system_anomalies": _("GET", "/system/anomalies"),
            "simulate_failure": _("POST", f"{SUPERVISOR}/simulate-failure", first=("failure_type",)),
            "simulate_crash": _("POST", "/processes/{pid}/simulate/crash", first=("reason",)),
            "get_restart_history": RESTARTS,
            "get_failure_rate": FAILURES,
            "get_supervisor_analytics": SUPERVISOR_STATS,
            **SANDBOXES,
        },
    ),
    "AnalyticsServer": (
        "what supervisors did, in numbers.",
        {
            "establish_baseline": _("POST", f"{ANALYTICS}/baseline"),
            "get_restart_history": RESTARTS,
            "get_failure_rate": FAILURES,
            "get_trend": _("GET", f"{SUPERVISOR}/trends"),
            "get_all_supervisor_stats": SUPERVISOR_STATS,
            "sync": _(
                "GET",
                ANALYTICS,
                fixed={"sync": True},
                words="Wait until a supervisor has handled its messages; then return its metrics.",
            ),
        },
    ),
    "SandboxManager": (
        "programs of their own for code that may do anything.",
        {
            **SANDBOXES,
            "get_sandbox_pid": _("GET", f"{SANDBOX}/pid"),
            "hot_reload": _("POST", f"{SANDBOX}/hot-reload"),
            "list_versions": _("GET", f"{SANDBOX}/versions"),
        },
    ),
    "ClusterStateManager": (
        "the cluster: its members and their health.",
        {
            "get_cluster_topology": TOPOLOGY,
            "get_node_info": _("GET", "/cluster/nodes/{name}/info"),
            "get_partition_status": _(
                "GET", TOPOLOGY[1], pick=("partition_status",), words="What the lost members say about the network."
            ),
            "subscribe_to_changes": _(
                "GET",
                "/events",
                fixed={"types": ["cluster_changed"]},
                pick=("items",),
                first=("limit", "timeout_ms"),
                words="Wait for members that come or go, for 5 s or `timeout_ms`.",
            ),
            "get_process_distribution": _(
                "GET", TOPOLOGY[1], pick=("process_distribution",), words="The number of processes by node."
            ),
        },
    ),
    "SingleNodeSimulator": (
        "simulated members of a cluster.",
        {
            "simulation_enabled": _(*SIMULATION, pick=("enabled",), words="Return whether members are simulated."),
            "enable_simulation": _("POST", "/cluster/simulation", first=("nodes",)),
            "disable_simulation": _("DELETE", "/cluster/simulation"),
            "get_simulated_nodes": _(*SIMULATION, pick=("members",), words="The simulated members."),
            "get_simulated_topology": _(*SIMULATION),
            "get_simulation_status": _(*SIMULATION),
            "simulate_node_failure": _("POST", "/cluster/simulation/fail"),
            "restart_node": _("POST", "/cluster/simulation/restart"),
            "simulate_network_partition": _("POST", "/cluster/simulation/partition"),
            "heal_partition": _("POST", "/cluster/simulation/heal"),
        },
    ),
    "MessageTracer": (
        "the messages of a process.",
        {
            "trace_messages": _("POST", TRACE),
            "stop_tracing": _("DELETE", TRACE),
            "get_message_history": _(
                "GET", "/processes/{pid}/messages", fixed={"per_page": 1000}, pick=("messages",), first=("page",)
            ),
            "analyze_message_patterns": _(
                "GET", "/processes/{pid}/messages", pick=("patterns",), words="What was sent, counted by kind."
            ),
        },
    ),
}
"""The services by their names in the platform, without parts that have no route."""


def namespace(caller: Caller) -> dict[str, Any]:
    """Return the initial names of the prompt."""
    categories: dict[str, dict[str, str]] = {}
    for name in caller.lines:
        category, _, verb = name.partition(".")
        categories.setdefault(category, {})[_word(verb)] = name
    groups = {
        _word(category): Functions(
            _word(category),
            f"{len(verbs)} operation{'s' if len(verbs) > 1 else ''}; help({_word(category)}) tells more.",
            {verb: made(caller, name, f"{_word(category)}.{verb}") for verb, name in verbs.items()},
        )
        for category, verbs in categories.items()
    }
    services = {name: _service(caller, name, *of_it) for name, of_it in SERVICES.items()}
    services["SingleNodeSimulator"] = _with(services["SingleNodeSimulator"], processes_in_simulation(caller))
    services["ClusterDiscovery"] = Functions("ClusterDiscovery", "the members that are connected.", discovery(caller))
    found: dict[str, Any] = {**groups, **{name: one for name, one in services.items() if one.__all__}}
    found["Arsenal"] = Functions("Arsenal", "all operations of the platform.", {**groups, **_arsenal(caller)})
    found["ToolManager"] = Functions("ToolManager", "the tools: one for each operation.", _tools(caller))
    found["Node"] = Functions("Node", "the nodes.", _nodes(caller))
    found["OperationFailed"] = OperationFailed
    found.update(DEMOS)
    return found


def _service(caller: Caller, service: str, words: str, known: dict[str, tuple[str, str, Changed]]) -> Functions:
    members: dict[str, Any] = {}
    for name, (method, path, one) in known.items():
        operation = caller.routes.get((method, path))
        if operation is not None:
            members[name] = made(caller, operation, f"{service}.{name}", one)
    return Functions(service, words, members)


def _with(service: Functions, more: dict[str, Any]) -> Functions:
    members = {name: getattr(service, name) for name in service.__all__}
    return Functions(service.__name__, service.__doc__ or "", {**members, **more})


def _arsenal(caller: Caller) -> dict[str, Callable[..., Any]]:
    def list_operations(category: str | None = None) -> Rows:
        """List all operations, or those of a category: name, scope, summary."""
        lines = [one for one in caller.lines.values() if category in (None, one["category"])]
        return Rows([Record({key: one[key] for key in ("name", "scope", "changes", "summary")}) for one in lines])

    def get_operation_config(name: str) -> Record:
        """Return route, scope and parameters of an operation."""
        return value_of(_line(caller, name))

    def execute_operation(name: str, **parameters: Any) -> Any:
        """Run an operation by name; `dry_run=True` only says what it would do."""
        _line(caller, name)
        return made(caller, name, name)(**parameters)

    found: dict[str, Callable[..., Any]] = {
        "list_operations": list_operations,
        "get_operation_config": get_operation_config,
        "execute_operation": execute_operation,
    }
    if ("GET", "/arsenal/docs") in caller.routes:
        found["generate_api_docs"] = made(caller, caller.routes["GET", "/arsenal/docs"], "Arsenal.generate_api_docs")
    return found


def _tools(caller: Caller) -> dict[str, Callable[..., Any]]:
    def list_active_tools() -> Rows:
        """List the operations: name, category, method, path."""
        return Rows(
            Record(
                name=one["name"], category=one["category"], method=one["method"], path=one["path"].removeprefix(PREFIX)
            )
            for one in caller.lines.values()
        )

    return {"list_active_tools": list_active_tools, **describe_cluster(caller)}


def _nodes(caller: Caller) -> dict[str, Callable[..., Any]]:
    def self() -> str:
        """Return the name of the node that calls go to."""
        return caller.node or node_names(caller)[0]

    def nodes() -> list[str]:
        """Return the names of all other nodes of the platform."""
        here = self()
        return [name for name in node_names(caller) if name != here]

    nodes.__name__ = nodes.__qualname__ = "list"

    def connect(address: str, **parameters: Any) -> Any:
        """Connect the cluster with a member at an address, such as 'tcp/10.0.0.5:7447'; attach to a service by name."""
        operation = "cluster.add" if address.startswith(SCHEMES) else "node.attach"
        return made(caller, operation, "Node.connect")(address, **parameters)

    found: dict[str, Callable[..., Any]] = {"self": self, "list": nodes}
    if {"cluster.add", "node.attach"} <= caller.lines.keys():
        found["connect"] = connect
    return found


def node_names(caller: Caller) -> list[str]:
    """Return the nodes of the platform, its own first."""
    return [one.name for one in replace(caller, node=None).ask("node.list", {})]


def _line(caller: Caller, name: str) -> dict[str, Any]:
    if name not in caller.lines:
        raise WrongCall(f"there is no operation {name!r}; see Arsenal.list_operations()")
    return caller.lines[name]


def _word(name: str) -> str:
    return identifier(name.replace(".", "_"))
