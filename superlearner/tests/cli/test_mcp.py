"""Tools for AI clients, called by the protocol's own client."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters
from mcp_types import CallToolResult, TextContent

from superlearner.operations.adapters.mcp import LONGEST, result_of, tool_name, tool_of
from superlearner.operations.adapters.mcp_choice import CHOSEN
from superlearner.operations.builtin.arsenal import describe_operation
from superlearner.operations.engine.registry import all_operations

pytestmark = pytest.mark.program

Run = Callable[..., subprocess.CompletedProcess[str]]
OPERATIONS = list(all_operations())


def with_client(
    data_dir: Path, test: Callable[[Client], Awaitable[Any]], *arguments: str, mode: str = "auto", **extra: str
) -> Any:
    """Start `superlearner mcp` as a client does, and pass the client to `test`."""
    environment = {**os.environ, "SUPERLEARNER_DATA_DIR": str(data_dir), **extra}
    command = ["-m", "superlearner", "mcp", *arguments]
    server = StdioServerParameters(command=sys.executable, args=command, env=environment, cwd=data_dir.parent)

    async def main() -> Any:
        async with Client(server, mode=mode) as client:
            return await test(client)

    return asyncio.run(asyncio.wait_for(main(), 60))


def text_of(result: CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


def data_of(result: CallToolResult) -> Any:
    assert not result.is_error, result.content
    assert result.structured_content == json.loads(text_of(result))
    return result.structured_content["data"]


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_a_client_lists_the_tools_kills_a_process_and_sees_the_restart(start: Callable[..., Any], mode: str) -> None:
    program = start()

    async def test(client: Client) -> None:
        tools = (await client.list_tools()).tools
        assert [tool_name(one.name) for one in OPERATIONS] == [tool.name for tool in tools]
        before = data_of(await client.call_tool("process_info", {"pid": "counter_1"}))["pid"]
        tried = data_of(await client.call_tool("process_kill", {"pid": "counter_1", "dry_run": True}))
        assert tried["would"].startswith("send the exit signal kill to counter_1")
        assert before == data_of(await client.call_tool("process_info", {"pid": "counter_1"}))["pid"]
        assert data_of(await client.call_tool("process_kill", {"pid": "counter_1"}))["terminated"]
        seen = data_of(await client.call_tool("supervisor_info", {"name": "demo_one_for_one"}))
        child = seen["children"][0]
        assert (child["id"], child["alive"], child["restarts"]) == ("counter_1", True, 1)
        assert child["pid"] != before
        audit = data_of(await client.call_tool("audit_list", {"operation": "process.kill"}))
        assert [("mcp", "ok")] == [(line["claims"], line["outcome"]) for line in audit]

    with_client(program.data_dir, test, "--all", "--scope", "code", mode=mode)


def test_failures_are_errors_with_a_code_and_a_hint_that_names_tools(start: Callable[..., Any]) -> None:
    program = start()

    async def test(client: Client) -> None:
        for name, arguments, said in (
            ("process_kill", {"pid": "nobody"}, ["process_not_found", "'nobody'", "the tool process_list"]),
            ("process_kill", {"pid": "web"}, ["critical_process_protection", "set force to true"]),
            ("process_kill", {}, ["validation_error", "'pid'"]),
            ("process_kill", {"pid": ""}, ["validation_error", "pid"]),
            ("process_kill", {"pid": "counter_1", "why": "x"}, ["validation_error", "'why'", "pid, reason", "dry_run"]),
            ("process_kill", {"pid": "counter_1", "dry_run": "yes"}, ["validation_error", "dry_run"]),
            ("process_list", {"per_page": 1001}, ["validation_error", "per_page"]),
            ("process_fly", {}, ["operation_not_found", "process_fly"]),
        ):
            result = await client.call_tool(name, arguments)
            text = text_of(result)
            assert result.is_error
            assert [] == [words for words in said if words not in text], text
            assert result.structured_content["error"]["code"] == said[0]

    with_client(program.data_dir, test)


def test_it_reconnects_to_the_platform_and_reports_if_none_runs(start: Callable[..., Any], tmp_path: Path) -> None:
    async def test(client: Client) -> None:
        assert len(OPERATIONS) == len((await client.list_tools()).tools)
        none = await client.call_tool("system_health", {})
        assert none.is_error
        assert none.structured_content["error"]["code"] == "no_platform"
        assert "superlearner run" in text_of(none)
        for _ in range(2):
            program = start()
            assert "healthy" == data_of(await client.call_tool("system_health", {}))["status"]
            program.end()
            assert (await client.call_tool("system_health", {})).is_error

    with_client(tmp_path / "data", test, "--all", "--scope", "code")


def test_by_default_a_client_gets_a_choice_and_reaches_the_others_by_name(start: Callable[..., Any]) -> None:
    program = start()

    async def test(client: Client) -> None:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert {*map(tool_name, CHOSEN), "find_operation", "run_operation"} == set(tools)
        size = sum(len(tool.model_dump_json(exclude_none=True)) for tool in tools.values()) // 4
        assert size < 9000
        hints = {name: tool.annotations for name, tool in tools.items() if tool.annotations is not None}
        assert all(hints[name].destructive_hint for name in ("process_kill", "run_operation"))
        assert hints["find_operation"].read_only_hint
        (first, *_) = data_of(await client.call_tool("find_operation", {"words": "shutdown process"}))
        assert ("process.shutdown", True) == (first["operation"], first["destructiveHint"])
        assert "pid" in first["parameters"]["properties"]
        run = {"operation": "process.shutdown", "parameters": {"pid": "counter_1", "dry_run": True}}
        assert data_of(await client.call_tool("run_operation", run))["dry_run"]
        wrong: list[tuple[dict[str, Any], str]] = [
            ({"operation": "process.shutdown", "parameters": {"pid": "web"}}, "critical_process_protection"),
            ({"operation": "process.shutdown", "parameters": {"pid": "counter_1", "why": 1}}, "validation_error"),
            ({"operation": "process.shutdwn", "parameters": {}}, "did you mean process.shutdown?"),
            ({"operation": "token.create", "parameters": {"name": "x"}}, "--scope"),
            ({"operation": 1}, "validation_error"),
        ]
        for arguments, said in wrong:
            refused = await client.call_tool("run_operation", arguments)
            assert refused.is_error
            assert said in text_of(refused)
        direct = await client.call_tool("process_shutdown", {"pid": "counter_1"})
        assert "find_operation" in text_of(direct)
        done = {"operation": "process.shutdown", "parameters": {"pid": "counter_1"}}
        data_of(await client.call_tool("run_operation", done))

    with_client(program.data_dir, test)
    with program.client() as client:
        client.headers["authorization"] = f"Bearer {(program.data_dir / 'token').read_text().strip()}"
        audit = client.get("/api/v1/audit", params={"operation": "process.shutdown"}).json()["data"]
    assert [("mcp", "ok"), ("mcp", "critical_process_protection")] == [(one["claims"], one["outcome"]) for one in audit]


@pytest.mark.parametrize("scope", ["code", "admin"])
def test_a_process_of_the_platform_is_ended_only_by_a_server_with_the_scope_admin(
    start: Callable[..., Any], scope: str
) -> None:
    program = start()

    async def test(client: Client) -> None:
        result = await client.call_tool("process_kill", {"pid": "tracer", "force": True})
        if scope == "admin":
            assert data_of(result)["terminated"] is True
        else:
            assert result.is_error
            assert result.structured_content["error"]["code"] == "missing_scope"
            assert "--scope admin" in text_of(result)

    with_client(program.data_dir, test, "--scope", scope)


def test_a_learner_finds_and_runs_operations_on_their_own_things_alone(start: Callable[..., Any]) -> None:
    program = start("--auth", "all", "--weak-walls")
    with program.client() as http:
        http.headers.update(program.owner)
        assert http.post("/api/v1/users", json={"name": "ada", "role": "learner"}).status_code == 200
        made = http.post("/api/v1/tokens", json={"name": "ada", "scopes": ["own"]})
        secret = made.json()["data"]["secret"]
        node = http.get("/api/v1/nodes").json()["data"][0]["name"]

    async def test(client: Client) -> None:
        tools = {tool.name for tool in (await client.list_tools()).tools}
        assert {"process_kill", "find_operation", "run_operation"} <= tools
        names = [one["operation"] for one in data_of(await client.call_tool("find_operation", {"words": "user"}))]
        assert not {"user.add", "user.list"} & {*names}
        done = {"operation": "process.shutdown", "parameters": {"pid": "counter_1"}}
        data_of(await client.call_tool("run_operation", done))
        data_of(await client.call_tool("process_kill", {"pid": "counter_2"}))
        (home,) = data_of(await client.call_tool("sandbox_list", {}))
        assert home["id"].startswith("home-ada-")
        refused: list[tuple[str, dict[str, Any], str]] = [
            ("process.kill", {"pid": "counter_1", "node": node}, "missing_scope"),
            ("process.shutdown", {"pid": "web", "node": node}, "missing_scope"),
            ("recording.show", {"name": "lesson"}, "recording_not_found"),
            ("user.list", {}, "operation_not_found"),
        ]
        for operation, parameters, code in refused:
            answer = await client.call_tool("run_operation", {"operation": operation, "parameters": parameters})
            assert answer.is_error
            assert code in text_of(answer)

    with_client(program.data_dir, test, SUPERLEARNER_TOKEN=secret)
    with program.client() as http:
        audit = http.get("/api/v1/audit?user=ada", headers=program.owner).json()["data"]
    assert [(one["operation"], one["claims"], one["outcome"]) for one in audit] == [
        ("recording.show", "mcp", "recording_not_found"),
        ("process.shutdown", "mcp", "missing_scope"),
        ("process.kill", "mcp", "missing_scope"),
        ("process.kill", "mcp", "ok"),
        ("process.shutdown", "mcp", "ok"),
    ]


def test_a_server_can_be_narrowed_to_a_scope_and_to_categories(start: Callable[..., Any]) -> None:
    program = start()

    async def test(client: Client) -> None:
        names = {tool.name for tool in (await client.list_tools()).tools}
        wanted = {tool_name(one.name) for one in OPERATIONS if one.scope == "read" and one.category == "process"}
        assert names == wanted
        refused = await client.call_tool("process_kill", {"pid": "counter_1"})
        assert refused.is_error
        assert "--scope" in text_of(refused)
        assert "counter_1" == data_of(await client.call_tool("process_info", {"pid": "counter_1"}))["name"]

    with_client(program.data_dir, test, "--scope", "read", "--category", "process")


def test_an_unknown_category_is_a_usage_error(superlearner: Run) -> None:
    done = superlearner("mcp", "--category", "proces")
    assert (2, "") == (done.returncode, done.stdout)
    assert "proces" in done.stderr


def test_without_the_extra_it_says_how_to_install_it(superlearner: Run, tmp_path: Path) -> None:
    hidden = tmp_path / "hidden" / "mcp.py"
    hidden.parent.mkdir()
    hidden.write_text("raise ModuleNotFoundError(\"No module named 'mcp'\", name='mcp')\n")
    done = superlearner("mcp", PYTHONPATH=str(hidden.parent))
    assert (1, "") == (done.returncode, done.stdout)
    assert "pip install 'mcp>=2'" in done.stderr


def test_a_tool_declares_its_changes_and_parameters() -> None:
    for one in OPERATIONS:
        tool = tool_of(describe_operation(one).model_dump(mode="json"))
        hints = tool["annotations"]
        assert (not one.changes, one.destroys) == (hints["readOnlyHint"], hints.get("destructiveHint", False))
        assert one.summary in tool["description"]
        ours = [name for name, there in (("dry_run", one.changes), ("node", one.on_node)) if there]
        wanted = {*(parameter.name for parameter in one.parameters), *ours}
        assert wanted == set(tool["inputSchema"]["properties"])
        required = [parameter.name for parameter in one.parameters if parameter.required]
        assert required == tool["inputSchema"].get("required", [])


def test_no_two_operations_make_the_same_tool() -> None:
    assert len(OPERATIONS) == len({tool_name(one.name) for one in OPERATIONS})


def test_an_answer_is_bounded_and_names_what_is_omitted() -> None:
    rows = [{"name": "x" * 990} for _ in range(100)]
    listed = result_of(rows, {"total": 100})["structuredContent"]
    assert 0 < len(listed["data"]) < 100
    assert len(listed["data"]) + listed["meta"]["left_out"] == listed["meta"]["total"]
    for value in (rows, {"text": "y" * LONGEST}, ["z" * LONGEST]):
        (content,) = result_of(value)["content"]
        assert len(content["text"]) < LONGEST * 1.1
        json.loads(content["text"])


def test_no_name_can_change_the_text_direction() -> None:
    (content,) = result_of({"name": "\u202eabc\x1b[2J"})["content"]
    assert content["text"].isprintable()
    assert json.loads(content["text"]) == {"data": {"name": "\u202eabc\x1b[2J"}}
