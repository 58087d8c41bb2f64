"""Examples of all operations on the demo of `superlearner run`, as values, curl calls and shell commands.

Most examples come from the declarations: `Field(examples=…)` of the required parameters. `EXAMPLES` holds the rest. A
test runs every example.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

from superlearner.base.commands import command, quoted
from superlearner.operations import PREFIX
from superlearner.operations.adapters.cli import entry_of
from superlearner.operations.declaration import Operation

__all__ = ["EXAMPLES", "command_of", "curl_of", "example_of", "example_of_schema"]

COUNTER: Final = "superlearner.demo.counters:DemoCounter"

EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "cluster.start_child": {"name": "counters", "start": COUNTER, "id": "counter_7"},
    "analytics.stored": {"supervisor": "demo_one_for_one"},
    "application.env": {"name": "superlearner"},
    "application.get_env": {"name": "superlearner", "key": "greeting"},
    "application.info": {"name": "superlearner"},
    "application.restart": {"name": "shop"},
    "application.set_env": {"name": "shop", "key": "greeting", "value": "hello"},
    "application.start": {"application": "superlearner"},
    "application.stop": {"name": "shop"},
    "application.unset_env": {"name": "shop", "key": "greeting"},
    "audit.list": {"operation": "process.kill"},
    "cluster.cut": {"from": "n1", "to": "n2"},
    "cluster.simulate": {"nodes": 3},
    "debug.log": {"pid": "counter_1"},
    "mailbox.drop": {"pid": "counter_1", "tag": "add"},
    "mailbox.search": {"pid": "counter_1", "tag": "add"},
    "process.bulk": {"action": "kill", "pids": ["counter_1", "counter_2"]},
    "process.list": {"search": "counter"},
    "process.message": {"pid": "counter_1", "message": ["add", 41], "message_type": "cast"},
    "recording.load": {"content": "H4sIAAAAAAAA"},
    "registry.entries": {"registry": "rooms"},
    "registry.register_key": {"registry": "rooms", "key": "lobby", "pid": "counter_1"},
    "registry.unregister": {"name": "counter_1"},
    "registry.unregister_key": {"registry": "rooms", "key": "lobby"},
    "sandbox.create": {"sandbox_id": "my_first", "demo": "demo_one_for_one"},
    "sandbox.hot_reload": {"sandbox_id": "my_first", "version": 1},
    "simulation.cancel": {"id": "1"},
    "state.set": {"pid": "counter_1", "state": 42},
    "state.update": {"pid": "counter_1", "changes": {"colour": "green"}},
    "supervisor.bulk_children": {"name": "demo_one_for_one", "action": "restart", "children": ["counter_1"]},
    "supervisor.change_strategy": {"name": "demo_one_for_one", "strategy": "rest_for_one"},
    "supervisor.set_flags": {"name": "demo_one_for_one", "max_restarts": 10},
    "supervisor.start": {
        "name": "my_tree",
        "children": [{"start": "superlearner.demo.one_for_one:Counter", "id": "first", "arg": 7}],
    },
    "node.start_child": {"supervisor": "counters", "start": COUNTER, "id": "counter_7"},
    "supervisor.start_child": {
        "name": "demo_one_for_one",
        "start": "superlearner.demo.one_for_one:Counter",
        "id": "counter_3",
        "arg": 300,
    },
    "token.create": {"name": "build-server", "scopes": ["read"]},
    "token.revoke": {"name": "build-server"},
    "trace.start_group": {"supervisor": "demo_one_for_one"},
    "user.quota": {"name": "ada", "sandboxes": 4},
}
"""Parameters of examples by operation, where the declarations have none."""


def example_of(operation: Operation) -> dict[str, Any]:
    """Return the parameters of an operation's example: those in `EXAMPLES`, and the other required ones."""
    given = EXAMPLES.get(operation.name, {})
    schema = operation.schema()
    found: dict[str, Any] = {}
    for one in operation.parameters:
        if one.name in given:
            found[one.name] = given[one.name]
        elif one.required:
            found[one.name] = example_of_schema(schema["properties"][one.name], schema.get("$defs", {}))
    return found


def example_of_schema(schema: Mapping[str, Any], known: Mapping[str, Any]) -> Any:
    """Return a value of a schema: its example, default, first choice or minimum, else None."""
    if "$ref" in schema:
        schema = {**known[str(schema["$ref"]).rpartition("/")[2]], **schema}
    if schema.get("examples"):
        return schema["examples"][0]
    if schema.get("default") is not None:
        return schema["default"]
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    if schema.get("type") in ("integer", "number") and "minimum" in schema:
        return schema["minimum"]
    for one in schema.get("anyOf", ()):
        if one.get("type") != "null" and (value := example_of_schema(one, known)) is not None:
            return value
    return None


def curl_of(operation: Operation, values: Mapping[str, Any], at: str) -> str:
    """Return the curl command for the platform at the address `at`.

    Operations with the `code` scope always need a credential, which `superlearner token` prints.
    """
    address, query, body = f"{at}{PREFIX}{_path(operation, values)}", dict[str, Any](), dict[str, Any]()
    for one in operation.parameters:
        if one.name in values and one.place != "path":
            (query if one.place == "query" or operation.method == "DELETE" else body)[one.name] = values[one.name]
    if query:
        address += "?" + urlencode({name: _in_query(value) for name, value in query.items()})
    words = ["curl", "-sN" if getattr(operation, "streams", False) else "-s"]
    if operation.method != "GET":
        words += ["-X", operation.method]
    lines = [" ".join(words), *([_token()] if operation.scope == "code" else [])]
    if body:
        lines += ["-H 'content-type: application/json'", f"-d {shlex.quote(json.dumps(body, ensure_ascii=False))}"]
    lines.append(quoted(address))
    return " \\\n  ".join(lines) if len(lines) > 2 else " ".join(lines)


def command_of(operation: Operation, values: Mapping[str, Any]) -> str:
    """Return the shell command, such as `superlearner process kill counter_1`."""
    entry = entry_of(operation)
    kinds = {one["name"]: one for one in entry["parameters"]}
    places = re.findall(r"\{(\w+)\}", entry["path"])
    options: dict[str, Any] = {}
    for name, value in values.items():
        if name not in places:
            typed = isinstance(value, str) or kinds[name]["kind"] in ("flag", "list")
            options[name] = value if typed else json.dumps(value, ensure_ascii=False)
    return command(operation.name, *(values[one] for one in places), **options)


def _path(operation: Operation, values: Mapping[str, Any]) -> str:
    return re.sub(r"\{(\w+)(?::path)?\}", lambda found: quote(str(values[found[1]]), safe="/:"), operation.path)


def _in_query(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _token() -> str:
    return f'-H "authorization: Bearer $({command("token")})"'
