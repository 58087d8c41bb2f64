"""The prompt with the operations: functions, results, errors, sessions."""

from __future__ import annotations

import inspect
import json
import os
import select
import subprocess
import sys
from collections.abc import Callable
from keyword import iskeyword
from pathlib import Path
from typing import Any

import pytest

from superlearner.base.identifiers import identifier
from superlearner.cli.console.batch import run_text
from superlearner.cli.console.calls import Caller
from superlearner.cli.console.failures import NoField, NoPlatform, OperationFailed, WrongCall
from superlearner.cli.console.names import namespace
from superlearner.cli.console.originals import HINTS, MEMBERS
from superlearner.cli.remote import Remote
from superlearner.operations.adapters.console import docstring_of, signature_of
from superlearner.operations.builtin.arsenal import describe_operation
from superlearner.operations.engine.registry import all_operations

pytestmark = pytest.mark.program

Run = Callable[..., subprocess.CompletedProcess[str]]
Terminal = Callable[..., Any]
OPERATIONS = list(all_operations())


def names_of(remote: Remote) -> dict[str, Any]:
    return namespace(Caller(remote, {line["name"]: line for line in remote.operations()}))


def test_an_operation_is_called_with_its_own_parameters() -> None:
    for one in OPERATIONS:
        line = describe_operation(one).model_dump(mode="json")
        shown = signature_of(line).parameters
        ours = {"node"} if one.on_node else set[str]()
        ours |= {"dry_run"} if one.changes else set()
        assert {*(identifier(parameter.name) for parameter in one.parameters), *ours} == set(shown)
        required = {identifier(parameter.name) for parameter in one.parameters if parameter.required}
        assert required == {name for name, facts in shown.items() if facts.default is inspect.Parameter.empty}
        assert docstring_of(line).startswith(one.summary)
        assert f"{one.method} /api/v1" in docstring_of(line)


def _simulate(simulator: Any, cluster: Any) -> None:
    """Use the simulator under the names of the original."""
    assert (simulator.simulation_enabled(), simulator.get_simulated_nodes()) == (False, [])
    simulator.enable_simulation(2)
    assert [one.name for one in simulator.get_simulated_nodes()] == ["n1@simulated", "n2@simulated"]
    assert [one.kind for one in simulator.simulate_network_partition(["n1"]).faults] == ["cut"]
    assert [one.one_way for one in cluster.cut("n1", "n2", one_way=True).faults] == [False]
    assert (simulator.heal_partition().faults, simulator.get_simulation_status().enabled) == ([], True)
    assert simulator.simulate_node_failure("n2").failed_nodes == ["n2@simulated"]
    assert simulator.restart_node("n2").failed_nodes == []
    assert simulator.disable_simulation().enabled is False


def test_every_operation_is_a_function_with_help(start: Callable[..., Any]) -> None:
    names = names_of(Remote("console", data_dir=start().data_dir))
    for one in OPERATIONS:
        category, _, verb = one.name.partition(".")
        assert callable(getattr(names[category], f"{verb}_" if iskeyword(verb) else verb)), one.name
        assert getattr(names["Arsenal"], category) is names[category]
    assert "kill" in dir(names["process"])
    assert "Kill a process." in repr(names["process"])
    services = {"AnalyticsServer", "Arsenal", "ClusterStateManager", "Control", "MessageTracer", "Node", "ToolManager"}
    assert services | {"SingleNodeSimulator"} <= set(names)
    _simulate(names["SingleNodeSimulator"], names["cluster"])
    tools, cluster = names["ToolManager"], names["ClusterStateManager"]
    home = cluster.get_cluster_topology().current_node
    assert (tools.get_mode(), cluster.get_partition_status()) == ("single_node", "healthy")
    status = tools.get_cluster_status()
    assert (status.current_node, status.nodes, status.cluster_info.health) == (home, [home], "healthy")
    assert (status.mode, status.connected_nodes, status.tools) == ("single_node", [home], len(OPERATIONS))
    assert (list(status.cluster_info.topology), status.cluster_info.last_updated > 0) == ([home], True)
    assert cluster.get_process_distribution()[home] > 0
    assert cluster.get_node_info(home).status == "up"
    assert len(OPERATIONS) == len(names["ToolManager"].list_active_tools())
    assert "process.kill" in [line.name for line in names["Arsenal"].list_operations("process")]
    assert names["Arsenal"].get_operation_config("process.kill").scope == "operate"
    assert names["Arsenal"].generate_api_docs().openapi.startswith("3.1")


def test_the_functions_of_services_return_data_of_the_platform(start: Callable[..., Any]) -> None:
    names = names_of(Remote("console", data_dir=start().data_dir))
    control, analytics, node = names["Control"], names["AnalyticsServer"], names["Node"]
    before = control.get_process_info("counter_1")
    assert "demo_one_for_one" in [one.name for one in control.list_supervisors()]
    tried = control.kill_process("counter_1", dry_run=True)
    assert tried.would.startswith("send the exit signal kill")
    assert control.kill_process("counter_1").terminated
    after = control.get_process_info("counter_1")
    assert (after["name"], after.pid != before.pid) == ("counter_1", True)
    assert after.pid in repr(control.get_supervision_tree("demo_one_for_one"))
    (restart,) = analytics.get_restart_history("demo_one_for_one")
    assert (restart.child_id, restart.old_pid, restart.child_pid) == ("counter_1", before.pid, after.pid)
    assert 1 == analytics.get_failure_rate("demo_one_for_one", window=60_000).restarts
    assert 1 == analytics.sync("demo_one_for_one").total_restarts
    assert control.get_process_state("counter_2").state == "100"
    assert {"processes", "links"} <= set(control.build_process_graph())
    assert "anomalies" in control.detect_system_anomalies()
    assert [] == node.list()
    assert node.self() == names["system"].health().node
    with pytest.raises(OperationFailed, match=r"node_unavailable: .*no_such_door"):
        node.connect("no_such_door")
    message = names["process"].message
    assert message("counter_2", ("add", 4), message_type="cast").message_sent
    assert 104 == message("counter_2", "get_value", message_type="call").reply
    (row,) = names["process"].list(search="counter_2")
    assert "counter_2" == names["process"].info(row).name
    assert "104" == names["Arsenal"].execute_operation("state.get", pid="counter_2").state
    audit = names["audit"].list(operation="process.kill")
    assert [("console", "ok")] == [(line.claims, line.outcome) for line in audit]


ORIGINAL = {
    "AnalyticsServer": """
        establish_baseline get_all_supervisor_stats get_failure_rate get_restart_history register_supervisor sync
    """,
    "Arsenal": "execute_operation generate_api_docs get_operation_config list_operations register_operation TestRunner",
    "ClusterDiscovery": """
        cluster_formed cluster_info connect_cluster discover_nodes node_index node_name wait_for_cluster
    """,
    "ClusterStateManager": """
        get_cluster_topology get_node_info get_partition_status get_process_distribution refresh_cluster_state
        subscribe_to_changes
    """,
    "Control": """
        build_process_graph create_sandbox destroy_sandbox detect_system_anomalies get_failure_rate get_process_info
        get_process_state get_restart_history get_sandbox_info get_supervision_tree get_supervisor_analytics
        get_supervisor_children kill_process list_all_processes list_processes list_sandboxes list_supervisors
        restart_sandbox simulate_crash to_pid
    """,
    "Counter": "",
    "DemoSupervisor": "",
    "IsolatedCompiler": "",
    "MessageTracer": "analyze_message_patterns get_message_history stop_tracing trace_messages",
    "ModuleVersionManager": "",
    "Node": "connect list self",
    "OTPSupervisor": "",
    "Printer": "",
    "SandboxManager": """
        create_sandbox destroy_sandbox get_sandbox_info get_sandbox_pid list_sandboxes restart_sandbox sync
    """,
    "SingleNodeSimulator": """
        disable_simulation enable_simulation get_process_node get_simulated_nodes get_simulated_topology
        simulate_cross_node_call simulate_network_partition simulate_node_failure simulation_enabled
    """,
    "SystemAnalyzer": "",
    "TestDemoSupervisor": "",
    "ToolManager": """
        get_cluster_status get_mode handle_simulation_event list_active_tools register_tool set_mode unregister_tool
    """,
    "TraceSessionStorage": "",
}
"""The modules and functions that the documents of the original use at its prompt."""


def test_every_name_of_the_original_is_there_or_says_what_to_write(
    start: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    names = names_of(Remote("console", data_dir=start().data_dir))
    hints = {name: HINTS.get(name) for name in ORIGINAL if name not in names}
    assert None not in hints.values()
    for name, hint in hints.items():
        assert 1 == run_text(f"{name}.anything()", dict(names))
        assert f"name '{name}' is not defined\n{hint}\n" in capsys.readouterr().err
    for service, functions in ORIGINAL.items():
        for one in functions.split():
            if one in MEMBERS.get(service, ()):
                with pytest.raises(NoField, match=f"{service} has no function '{one}'; "):
                    getattr(names[service], one)
            else:
                assert callable(getattr(names[service], one)), f"{service}.{one}"
    with pytest.raises(NoField, match="Control has no function 'list_supervisor'; did you mean list_supervisors"):
        _ = names["Control"].list_supervisor


def test_the_demo_of_the_original_starts_in_a_sandbox(start: Callable[..., Any]) -> None:
    names = names_of(Remote("console", data_dir=start().data_dir))
    control, sandboxes = names["Control"], names["SandboxManager"]
    for name in ("DemoSupervisor", "TestDemoSupervisor"):
        sandboxes.create_sandbox(name, names[name], strategy="one_for_all")
        (counter, _, _) = control.get_supervisor_children("DemoOneForOne", node=name)
        assert counter.pid == control.to_pid("counter_1", node=name)
    assert sandboxes.destroy_sandbox("DemoSupervisor").destroyed
    assert ["TestDemoSupervisor"] == [one.id for one in sandboxes.list_sandboxes()]


def test_messages_are_traced_from_the_prompt(start: Callable[..., Any]) -> None:
    names = names_of(Remote("console", data_dir=start().data_dir))
    tracer, message = names["MessageTracer"], names["process"].message
    assert tracer.trace_messages("counter_2").tracing
    message("counter_2", "increment", message_type="cast")
    message("counter_2", "get_value", message_type="call")
    history = tracer.get_message_history("counter_2")
    assert ["cast", "call", "reply"] == [one.type for one in history]
    assert 3 == tracer.analyze_message_patterns("counter_2").total_messages
    assert not tracer.stop_tracing("counter_2").tracing


def test_failures_are_errors_with_hints_for_the_prompt(start: Callable[..., Any]) -> None:
    program = start()
    names = names_of(Remote("console", data_dir=program.data_dir))
    process = names["process"]
    with pytest.raises(OperationFailed, match=r"process_not_found: .*'absent'\n  see process\.list\(\)"):
        process.kill("absent")
    with pytest.raises(OperationFailed, match=r"critical_process_protection(.|\n)*add force=True"):
        process.kill("web")
    with pytest.raises(OperationFailed, match=r"validation_error(.|\n)*per_page"):
        process.list(per_page=1001)
    with pytest.raises(WrongCall, match=r"process\.kill\(pid: str.*missing a required argument: 'pid'"):
        process.kill()
    with pytest.raises(WrongCall, match="unexpected keyword argument 'why'"):
        process.kill("counter_1", why="x")
    with pytest.raises(WrongCall, match=r"'raeson'; did you mean reason\?"):
        process.kill("counter_1", raeson="x")
    with pytest.raises(WrongCall, match="message: expected a JSON value, got set"):
        process.message("counter_1", {1})
    with pytest.raises(NoField, match="no field 'nmae'; there are pid, name"):
        _ = process.info("counter_1").nmae
    with pytest.raises(OperationFailed, match=r"node_not_found: .*'moon'"):
        process.info("counter_1", node="moon")
    program.end()
    with pytest.raises(NoPlatform, match="superlearner run"):
        process.list()


def test_batches_print_expressions_and_end_with_an_exit_code(
    start: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    program = start()
    names = names_of(Remote("console", data_dir=program.data_dir))
    assert 0 == run_text("x = 20\nfor n in [1]:\n    y = x + n\nx + y\nprocess.info('counter_1').name", names)
    assert "41\n'counter_1'\n" == capsys.readouterr().out
    assert 0 == run_text("process.info('counter_1')['name']", names, as_json=True)
    assert '"counter_1"\n' == capsys.readouterr().out
    for text, code, said in (
        ("process.kill('absent'); print('never')", 1, "superlearner: process_not_found"),
        ("process.kill()", 1, "missing a required argument: 'pid'"),
        ("1 / 0", 1, "ZeroDivisionError"),
        ("1 +", 2, "SyntaxError"),
        ("from superlearner.cli.cells import span\nspan('x')", 1, "line 2, in <module>\nTypeError"),
        ("node.eval('(1 +', node='superlearner')", 1, "\n  "),
    ):
        assert code == run_text(text, dict(names))
        written = capsys.readouterr()
        assert ("", True) == (written.out, said in written.err)
        assert [] == [word for word in (__file__, "superlearner/", "otp/", "\\n") if word in written.err]
    program.end()
    assert 3 == run_text("process.list()", names)


def test_code_comes_from_an_option_or_a_pipe(start: Callable[..., Any], superlearner: Run, tmp_path: Path) -> None:
    assert 3 == superlearner("console", "-c", "1").returncode
    program = start()
    done = superlearner("console", "-c", "Control.list_supervisors()")
    assert (0, "") == (done.returncode, done.stderr)
    assert "demo_one_for_one" in done.stdout
    several = superlearner("console", "-c", "x = 40", "-c", "1 +", "-c", "print(x + 2)", "-c", "1 / 0", "-c", "x + 3")
    assert (2, "42\n43\n") == (several.returncode, several.stdout), several.stderr
    assert "SyntaxError" in several.stderr
    missing = superlearner("console", "--node", "moon", "-c", "1")
    assert (1, True) == (missing.returncode, "'moon'" in missing.stderr)
    piped = subprocess.run(
        [sys.executable, "-m", "superlearner", "console", "--data-dir", str(program.data_dir), "--json"],
        input="Node.list()\n", cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "[]\n" == piped.stdout


WITHOUT_IPYTHON = """\
import importlib.util, sys
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "IPython" else find(name, *rest)
from superlearner.cli import main
sys.argv = ["superlearner", "console", "--data-dir", sys.argv[1]]
main()
"""


def test_the_prompt_of_ipython_completes_prints_and_exits(start: Callable[..., Any], terminal: Terminal) -> None:
    program = start()
    command = [sys.executable, "-m", "superlearner", "console", "--data-dir", str(program.data_dir)]
    typing = terminal(*command)
    assert "Control" in typing.until("In [1]:")
    typing.type("process.kill('absent')\n")
    assert "process_not_found" in typing.until("In [2]:")
    typing.type("Control.get_process_sta\t")
    typing.until("get_process_state")
    typing.type("('counter_2').state\n")
    assert "'100'" in typing.until("In [3]:")
    typing.type("1 / 0\n")
    assert "cli/console" not in typing.until("In [4]:")
    typing.type("\x04")
    assert 0 == typing.ends()
    assert "process.kill('absent')" in (program.data_dir / "console" / "history.sqlite").read_bytes().decode("latin-1")


def test_the_prompt_of_ipython_explains_names_of_the_original(start: Callable[..., Any], terminal: Terminal) -> None:
    typing = terminal(sys.executable, "-m", "superlearner", "console", "--data-dir", str(start().data_dir))
    typing.until("In [1]:")
    typing.type("SystemAnalyzer\n")
    assert "write process.list(search=...)" in typing.until("In [2]:")
    typing.type("nonsense\n")
    assert "name 'nonsense' is not defined" in typing.until("In [3]:")
    typing.type("ToolManager.set_mode\n")
    assert "there is no cluster mode" in typing.until("In [4]:")
    typing.type("\x04")
    assert 0 == typing.ends()


def test_without_ipython_pythons_own_prompt_is_used(start: Callable[..., Any], terminal: Terminal) -> None:
    program = start()
    typing = terminal(sys.executable, "-c", WITHOUT_IPYTHON, str(program.data_dir))
    assert "pip install 'ipython>=9'" in typing.until(">>> ")
    typing.type("process.kill('absent')\n")
    said = typing.until(">>> ")
    assert ("process_not_found" in said, "Traceback" in said) == (True, False)
    typing.type("Control.get_process_info('counter_2').name\n")
    assert "'counter_2'" in typing.until(">>> ")
    typing.type("\x04")
    assert 0 == typing.ends()


def test_a_platform_started_by_a_prompt_ends_with_it(superlearner: Run, terminal: Terminal, tmp_path: Path) -> None:
    typing = terminal(
        sys.executable, "-m", "superlearner", "run", "--console", "--port", "0", "--no-browser",
        "--data-dir", str(tmp_path / "data"),
    )  # fmt: skip
    assert "Ctrl-D ends it" in typing.until("In [1]:")
    typing.type("process.kill('counter_1').name\n")
    shown = typing.until("In [2]:")
    assert ("'counter_1'" in shown, "terminated by" in shown) == (True, False)
    assert 0 == superlearner("system", "health").returncode
    typing.type("\x04")
    assert 0 == typing.ends()
    assert 3 == superlearner("system", "health").returncode
    assert "stopping … done" in (tmp_path / "data" / "console" / "platform.log").read_text(encoding="utf-8")


def test_a_prompt_that_is_killed_leaves_no_platform_behind(terminal: Terminal, tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    typing = terminal(
        sys.executable, "-m", "superlearner", "run", "--console", "--port", "0", "--no-browser",
        "--data-dir", str(data_dir),
    )  # fmt: skip
    typing.until("In [1]:")
    platform = os.pidfd_open(json.loads((data_dir / "lock").read_text())["pid"])
    typing.process.kill()
    ended, _, _ = select.select([platform], [], [], 30)
    os.close(platform)
    assert ended
    assert "stopping … done" in (data_dir / "console" / "platform.log").read_text(encoding="utf-8")


def test_an_error_explains_why_the_platform_of_a_prompt_did_not_start(superlearner: Run, tmp_path: Path) -> None:
    done = superlearner("run", "--console", "nowhere.py:Bank", "--port", "0")
    assert (1, "") == (done.returncode, done.stdout)
    assert "there is no file nowhere.py" in done.stderr
