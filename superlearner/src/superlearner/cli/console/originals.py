"""Names of the original SuperLearner, in Elixir, and what to write here instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["DEMOS", "HINTS", "MEMBERS", "explain"]

DEMOS: Final = {name: name for name in ("DemoSupervisor", "TestDemoSupervisor")}
"""Demo trees, as `SandboxManager.create_sandbox` takes them."""

_CLUSTER: Final = "cluster.topology() shows the members of the cluster"
_MODES: Final = f"there is no cluster mode to set; {_CLUSTER}"
_SIMULATION: Final = "SingleNodeSimulator.get_simulation_status() shows what the simulated members see"
_CODE: Final = "write SandboxManager.hot_reload(id, source=...) and SandboxManager.list_versions(id)"
_TRACES: Final = "write MessageTracer.trace_messages(pid); see help(recording) to keep messages"
_PREFIX: Final = "write the last part of the name alone, such as Control.list_supervisors()"

HINTS: Final[Mapping[str, str]] = {
    "Counter": 'write process.message("counter_1", "increment", message_type="cast"), or message "get_value" as a call',
    "IsolatedCompiler": "write sandbox.create(id, source=..., dry_run=True) to check a source",
    "ModuleVersionManager": _CODE,
    "OTPSupervisor": _PREFIX,
    "OtpSupervisor": _PREFIX,
    "Printer": 'write process.message("printer_1", ["print", "hello"], message_type="cast")',
    "SystemAnalyzer": "write process.list(search=...), Control.detect_system_anomalies() or system.health()",
    "TraceSessionStorage": _TRACES,
}
"""Modules that have no counterpart at the prompt."""

MEMBERS: Final[Mapping[str, Mapping[str, str]]] = {
    "AnalyticsServer": {"register_supervisor": "each supervisor is watched from its start"},
    "Arsenal": {
        "TestRunner": "write Arsenal.list_operations()",
        "register_operation": 'operations come from installed packages, see docs.page("plug-ins")',
    },
    "ClusterDiscovery": {
        "connect_cluster": "members find and connect each other; write wait_for_cluster(size)",
        "node_index": "members have names, not numbers; write Node.self()",
        "node_name": "members have names, not numbers; write discover_nodes()",
    },
    "ClusterStateManager": {"refresh_cluster_state": "every answer is current"},
    "SandboxManager": {"sync": "each call answers when it is done"},
    "SingleNodeSimulator": {
        "simulate_cross_node_call": 'operations take the name of a node, such as process.list(node="n1")'
    },
    "ToolManager": {
        "handle_simulation_event": _SIMULATION,
        "register_tool": "tools are the operations of the platform and of installed packages",
        "set_mode": _MODES,
        "unregister_tool": "tools are the operations of the platform and of installed packages",
    },
}
"""Functions of services that have no counterpart at the prompt."""


def explain(error: BaseException) -> None:
    """Add a note to a `NameError` about a name of the original.

    >>> error = NameError("name 'ModuleVersionManager' is not defined", name="ModuleVersionManager")
    >>> explain(error)
    >>> error.__notes__
    ['write SandboxManager.hot_reload(id, source=...) and SandboxManager.list_versions(id)']
    """
    if isinstance(error, NameError) and error.name in HINTS:
        error.add_note(HINTS[error.name])
        error.name = None  # Python would also suggest a name that looks alike
