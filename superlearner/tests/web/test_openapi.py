"""The OpenAPI document: accepted by a validator, complete, and with examples that the platform really takes."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlsplit

import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

import otp
from described_answers import unlike
from superlearner import web
from superlearner.base.listening import Listener
from superlearner.cli import operations as cli
from superlearner.cli.manifest import entry_of_verb, verb_of
from superlearner.operations.engine.examples import EXAMPLES, command_of, example_of
from superlearner.operations.engine.registry import all_operations
from superlearner.operations.failures import CODES
from superlearner.settings.settings import Settings
from superlearner.web.described import ErrorCode
from superlearner.web.platform import Platform

Inside = Callable[..., Any]
OPERATIONS = list(all_operations())
NONE_YET = {"trace_not_found", "recording_not_found", "sandbox_not_found"}
"""Codes of examples that need something to be started first."""

REFUSED = {
    "application.restart": "application_not_found",
    "application.set_env": "application_not_found",
    "application.start": "already_started",
    "cluster.add": "node_unavailable",
    "cluster.cut": "conflict",
    "cluster.disconnect": "node_unavailable",
    "cluster.drain": "node_not_found",
    "cluster.end_simulation": "conflict",
    "cluster.fail": "conflict",
    "cluster.forget": "node_unavailable",
    "cluster.heal": "conflict",
    "cluster.partition": "conflict",
    "cluster.ping": "node_unavailable",
    "cluster.registry": "registry_not_found",
    "cluster.supervisor": "supervisor_not_found",
    "cluster.restart": "conflict",
    "course.learner": "user_not_found",
    "course.solution": "not_yet",
    "node.detach": "node_not_found",
    "node.drain": "node_unavailable",
    "node.eval": "eval_not_allowed",
    "node.start_child": "supervisor_not_found",
    "node.terminate_child": "supervisor_not_found",
    "registry.register": "conflict",
    "restart.compare": "restart_not_found",
    "restart.export": "restart_not_found",
    "restart.show": "restart_not_found",
    "supervisor.delete_child": "conflict",
    "application.stop": "application_not_found",
    "application.unset_env": "application_not_found",
    "registry.entries": "registry_not_found",
    "registry.register_key": "registry_not_found",
    "registry.unregister_key": "registry_not_found",
    "simulation.cancel": "process_not_found",
    "state.diff": "backup_not_found",
    "state.forget": "backup_not_found",
    "state.restore": "backup_not_found",
    "token.revoke": "token_not_found",
    "user.link": "user_not_found",
    "user.remove": "user_not_found",
    "user.quota": "user_not_found",
    "user.role": "user_not_found",
    "user.sign_out": "user_not_found",
    "user.usage": "user_not_found",
}
"""Examples that are understood, and do not go with the demo as it begins: what they name is not there, or runs."""


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    with closing(Listener.bind("127.0.0.1", 0)) as listener:
        return Platform(otp.Node("here@127.0.0.1"), Settings(browser=False), listener).openapi()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield f"{method.upper()} {path}", operation


@pytest.mark.program
def test_a_validator_accepts_the_document(document: dict[str, Any]) -> None:
    assert [] == [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()]
    broken = {**document, "paths": {"/x": {"get": {"summary": 7}}}}
    assert list(OpenAPIV31SpecValidator(broken).iter_errors())


def test_every_operation_documents_its_purpose_scope_and_errors(document: dict[str, Any]) -> None:
    tags = {tag["name"]: tag["description"] for tag in document["tags"]}
    schemes = set(document["components"]["securitySchemes"])
    lacking: list[str] = []
    for place, operation in operations(document):
        lacking += [f"{place}: no {name}" for name in ("summary", "description", "tags") if not operation.get(name)]
        lacking += [f"{place}: tag {tag}" for tag in operation["tags"] if not tags.get(tag)]
        assert {name for one in operation["security"] for name in one} <= schemes
        assert ({} in operation["security"]) == (operation["x-scope"] != "code")
        for one in operation.get("parameters", ()):
            lacking += [f"{place}: {one['name']} has no words"] * (not one.get("description"))
        for status, answer in operation["responses"].items():
            content = answer.get("content", {})
            if status != "200":
                codes = content["application/json"]["examples"]
                assert {int(status)} == {CODES[code] for code in codes}
            lacking += [f"{place}: {status} has no content"] * (not content)
    assert [] == lacking
    assert len(OPERATIONS) == len(list(operations(document)))


def test_every_field_of_a_body_has_words(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    lacking = [
        f"{name}.{field}"
        for name, schema in schemas.items()
        if name.endswith("Request")
        for field, inside in schema["properties"].items()
        if not (inside.get("description") or any("description" in one for one in inside.get("anyOf", ())))
    ]
    assert [] == lacking


def test_examples_are_what_their_schemas_say(document: dict[str, Any]) -> None:
    root = {"components": document["components"]}
    wrong: list[str] = []
    count = 0
    for place, operation in operations(document):
        bodies = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        given = [
            (one["name"], one["schema"], one["example"]) for one in operation.get("parameters", ()) if "example" in one
        ]
        given += [("body", bodies["schema"], bodies["example"])] if bodies else []
        required = [one["name"] for one in operation.get("parameters", ()) if one["required"]]
        assert set(required) <= {name for name, _, _ in given}, place
        for name, schema, example in given:
            count += 1
            wrong += [
                f"{place}: {name}: {error.message}" for error in OAS31Validator({**root, **schema}).iter_errors(example)
            ]
    assert [] == wrong
    assert len(OPERATIONS) < count
    answer = {"$ref": "#/components/schemas/ErrorAnswer"}
    for code, example in document["components"]["examples"].items():
        assert [] == unlike(document["components"]["schemas"], answer, example["value"]), code


@pytest.mark.program
def test_every_curl_line_is_taken_by_the_platform(inside: Inside, document: dict[str, Any], tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        wrong: dict[str, Any] = {}
        for _, operation in sorted(operations(document), key=lambda one: one[1]["x-changes"]):
            method, path, body = parsed(operation["x-codeSamples"][0]["source"])
            options: dict[str, Any] = {"params": {"dry_run": "true"}} if operation["x-changes"] else {}
            if "text/event-stream" in operation["responses"]["200"]["content"]:
                options = {"params": {"timeout_ms": 1}}  # else it never ends by itself
            if "?" in path and options:
                path, options = f"{path}&dry_run=true", {}
            content = None if body is None else body.encode()
            headers = {"authorization": f"Bearer {TOKEN}"} | (
                {} if body is None else {"content-type": "application/json"}
            )
            answer = await platform.client.request(method, path, headers=headers, content=content, **options)
            name = operation["x-operation"]
            code = answer.json()["error"]["code"] if answer.is_error else None
            if REFUSED.get(name) != code and code not in NONE_YET:
                wrong[name] = answer.text[:400]
        assert [] == [f"{name}: {text}" for name, text in wrong.items()]

    inside(test, data_dir=tmp_path)


def test_every_command_line_is_understood(document: dict[str, Any]) -> None:
    for operation in OPERATIONS:
        _, category, verb, *words = shlex.split(command_of(operation, example_of(operation)))
        entry = entry_of_verb(category, verb)
        assert entry is not None, operation.name
        assert verb_of(operation.name) == verb
        cli.command_of(entry).make_context(verb, words)


def test_no_example_is_of_an_operation_that_is_not_there() -> None:
    names = {operation.name for operation in OPERATIONS}
    categories = {name.partition(".")[0] for name in names}
    assert set() == {name for name in (*EXAMPLES, *REFUSED) if name.partition(".")[0] in categories} - names


@pytest.mark.operation("arsenal.docs")
def test_there_is_one_openapi_document_of_all_routes(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        document = await platform.get("/api/v1/arsenal/docs")
        assert document["openapi"].startswith("3.1")
        assert {
            "/api/v1/processes", "/api/v1/processes/{pid}", "/api/v1/processes/{pid}/info",
            "/api/v1/processes/{pid}/message", "/api/v1/supervisors", "/api/v1/supervisors/{name}",
            "/api/v1/system/health",
        } <= set(document["paths"])  # fmt: skip
        assert not [path for path in document["paths"] if not path.startswith("/api/v1/")]

    inside(test)


def test_the_document_names_every_code_of_an_error() -> None:
    source = Path(web.__file__).parent
    texts = [file.read_text(encoding="utf-8") for file in source.rglob("*.py")]
    codes = {code for text in texts for code in re.findall(r'ApiError\(\s*\d+,\s*"(\w+)"', text)}
    assert "host_not_allowed" in codes
    assert codes - set(get_args(ErrorCode)) == set()


@pytest.mark.program
def test_the_lines_for_curl_ask_the_platform_that_shows_them(inside: Callable[..., Any]) -> None:
    async def test(running: Any) -> None:
        path = running.platform.openapi()["paths"]["/api/v1/processes"]["get"]
        line = next(one["source"] for one in path["x-codeSamples"] if one["label"] == "curl")
        assert f"http://127.0.0.1:{running.platform.listener.port}/api/v1/processes" in line

    inside(test)


def parsed(source: str) -> tuple[str, str, str | None]:
    """Method, path with query, and body of a curl line."""
    words = shlex.split(source.replace("\\\n", " "))
    method = words[words.index("-X") + 1] if "-X" in words else "POST" if "-d" in words else "GET"
    url = urlsplit(words[-1])
    assert re.fullmatch(r"127\.0\.0\.1:\d+", url.netloc), source
    body = words[words.index("-d") + 1] if "-d" in words else None
    assert body is None or json.loads(body) is not None
    return method, url.path + (f"?{url.query}" if url.query else ""), body


TOKEN = "a-token-of-the-tests-that-is-long-enough"
