"""Additions to the OpenAPI document: security, categories, examples, samples.

The routes provide parameters, schemas and statuses; this module adds what readers and client generators need.
`x-scope`, `x-changes` and `x-destroys` describe an operation, `x-codeSamples` show how to call it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from threading import Lock
from typing import Any, Final

from fastapi.openapi.utils import get_openapi

from superlearner.base.commands import command
from superlearner.operations.declaration import Operation
from superlearner.operations.engine.examples import command_of, curl_of, example_of, example_of_schema
from superlearner.operations.failures import CODES
from superlearner.web.described import codes_of, error_schemas, example_of_error
from superlearner.web.rest import described_routes_of

__all__ = ["SUBJECTS", "completed", "document_maker", "heading_of"]

TITLE: Final = "SuperLearner API"
SUBJECTS: Final[dict[str, str]] = {
    "analytics": "The work of supervisors in numbers: restarts, failure rates, recovery, trends",
    "application": "Applications: starts, stops, and their environment",
    "arsenal": "The operations themselves, this document, and who you are",
    "audit": "Who changed what",
    "cluster": "All members of the cluster in one answer",
    "code": "Modules: their versions, and new code for servers that run",
    "course": "The sessions: text, exercises, and what a learner has done",
    "debug": "A server through otp.sys: status, statistics, log, trace",
    "docs": "The documentation: its pages, and a search",
    "error": "Why processes ended",
    "events": "What happens, as a stream",
    "game": "Predict, the game: questions about restarts, answered by the runtime",
    "learning": "The tours of the product",
    "log": "The lines of the log",
    "mailbox": "Waiting messages, and how to drop some of them",
    "node": "The nodes that the platform observes",
    "process": "Processes: list, inspect, message, suspend, end",
    "recording": "Recordings: replay any moment",
    "registry": "Registered names, and registries with their entries",
    "restart": "Restarts as they happened, step by step",
    "sandbox": "Programs of their own for code that may fail",
    "settings": "Settings: their values, where these come from, and how to change them",
    "simulation": "Deliberate failures, limited and cancellable at any time",
    "state": "States of servers: read, set, back up, compare, restore",
    "store": "The database of the platform",
    "supervisor": "Supervisors and their children: inspect, control, predict, change the strategy",
    "system": "The platform as a whole",
    "user": "Users besides the owner: roles, one-time sign-in links, sessions",
    "token": "Tokens for other users, with scopes and an expiry",
    "trace": "Messages of a process as they happen",
    "tree": "Supervision trees, and the relations between processes",
}


def heading_of(category: str) -> str:
    """Return the heading of a category.

    >>> heading_of("arsenal"), heading_of("mailbox")
    ('Operations', 'Mailbox')
    """
    return "Operations" if category == "arsenal" else category.capitalize()


ABOUT: Final = """\
Observe, control and learn supervision trees.

Every answer is `{"data": …, "success": true, "timestamp": …}`, plus `meta` for a list. If a request names no node and
others are attached, `meta` also has the `node` of the answer and, in `elsewhere`, sentences about them. Every error is
`{"error": {"code", "message", "details"}, "success": false, "timestamp": …}` with a code that does not change.
Operations that change something accept `dry_run=true` and then only report what they would do. A process is named by
its registered name or its pid (`0.17.0`)."""

BEARER: Final = "bearer"
SESSION: Final = "session"
SCHEMES: Final[dict[str, Any]] = {
    BEARER: {
        "type": "http",
        "scheme": "bearer",
        "description": f"A token: `{command('token')}` prints the owner's, `token.create` makes others.",
    },
    SESSION: {
        "type": "apiKey",
        "in": "cookie",
        "name": "superlearner_<port>",
        "description": "The cookie of a browser that has signed in by a link or at `/sign-in`.",
    },
}


def document_maker(
    operations: tuple[Operation, ...], *, version: str, at: str, root_path: str, asks_everybody: bool
) -> Callable[[], dict[str, Any]]:
    """Return a function that returns the document, built once; it may run in several threads.

    `at`, `root_path` and `asks_everybody` as in `completed`.
    """
    one_at_a_time = Lock()

    @cache
    def make() -> dict[str, Any]:
        routes = described_routes_of(operations)
        document = get_openapi(title=TITLE, version=version, routes=routes)
        return completed(document, operations, at=at, root_path=root_path, asks_everybody=asks_everybody)

    def make_once() -> dict[str, Any]:
        with one_at_a_time:
            return make()

    return make_once


def completed(
    document: dict[str, Any], operations: Iterable[Operation], *, at: str, root_path: str, asks_everybody: bool
) -> dict[str, Any]:
    """Add everything to the document that the routes do not provide.

    Args:
        document: the document that FastAPI built from the routes; it is changed in place.
        operations: those of the routes.
        at: the address of the platform, for code samples.
        root_path: the prefix that a proxy adds to every path.
        asks_everybody: whether even reading requires a credential.
    """
    found = {operation.name.replace(".", "_"): operation for operation in operations}
    document["info"] |= {
        "summary": "Erlang/OTP for Python, seen and steered over HTTP",
        "description": ABOUT,
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    }
    document["servers"] = [{"url": root_path or "/", "description": "This platform"}]
    document["externalDocs"] = {"url": f"{root_path}/docs/api", "description": "The guide to this API"}
    components = document["components"]
    components["schemas"] |= error_schemas()
    components["securitySchemes"] = SCHEMES
    codes = sorted({code for operation in found.values() for code in codes_of(operation)})
    components["examples"] = {code: {"summary": code, "value": example_of_error(code)} for code in codes}
    tags = sorted({operation.category for operation in found.values()})
    document["tags"] = [{"name": tag, "description": SUBJECTS.get(tag, "From an installed package")} for tag in tags]
    for item in document["paths"].values():
        for described in item.values():
            operation = found.get(described["operationId"])
            if operation is not None:
                _complete(described, operation, components["schemas"], at=at, asks_everybody=asks_everybody)
    return document


def _complete(
    described: dict[str, Any], operation: Operation, schemas: dict[str, Any], *, at: str, asks_everybody: bool
) -> None:
    values = example_of(operation)
    described["description"] = operation.description or f"{operation.summary}."
    described["x-operation"], described["x-scope"] = operation.name, operation.scope
    described["x-changes"], described["x-destroys"] = operation.changes, operation.destroys
    needed = [{BEARER: [operation.scope]}, {SESSION: [operation.scope]}]
    described["security"] = needed if operation.scope == "code" or asks_everybody else [*needed, {}]
    described["x-codeSamples"] = [
        {"lang": "Shell", "label": "curl", "source": curl_of(operation, values, at)},
        {"lang": "Shell", "label": "superlearner", "source": command_of(operation, values)},
    ]
    for one in described.get("parameters", ()):
        example = values.get(one["name"], example_of_schema(one["schema"], schemas))
        if example is not None:
            one["example"] = example
        _describe(one, operation)
    body = described.get("requestBody")
    if body is not None:
        in_body = {one.name for one in operation.parameters if one.place == "body"}
        body["content"]["application/json"]["example"] = {
            name: value for name, value in values.items() if name in in_body
        }
    described["responses"]["200"]["description"] = (
        "Done; with `dry_run`, what would be done" if operation.changes else "The answer"
    )
    by_status: dict[str, list[str]] = {}
    for code in codes_of(operation):
        by_status.setdefault(str(CODES[code]), []).append(code)
    for status, there in by_status.items():
        content = described["responses"][status]["content"]["application/json"]
        content["examples"] = {code: {"$ref": f"#/components/examples/{code}"} for code in there}


def _describe(one: dict[str, Any], operation: Operation) -> None:
    """Describe a parameter; an optional one has its description a level down."""
    if "description" not in one:
        words = next((other.description for other in operation.parameters if other.name == one["name"]), "")
        one["description"] = words or next(
            (other["description"] for other in one["schema"].get("anyOf", ()) if "description" in other), ""
        )
