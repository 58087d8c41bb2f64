"""What makes the OpenAPI document complete: security, subjects, examples, errors with their bodies, and the doors.

The routes bring parameters, schemas and statuses; this brings what people and generators of clients ask for besides.
`x-scope`, `x-changes` and `x-destroys` are what an operation needs and does, `x-codeSamples` how it is asked.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from superlearner.operations.declaration import Operation
from superlearner.operations.examples import command_of, curl_of, example_of, example_of_schema
from superlearner.operations.failures import CODES
from superlearner.web.described import codes_of, error_schemas, example_of_error

__all__ = ["SUBJECTS", "completed"]

SUBJECTS: Final[dict[str, str]] = {
    "analytics": "What supervisors did, in numbers: restarts, failure rates, recovery, trends",
    "application": "Applications: starts, stops, and their environment",
    "arsenal": "The operations themselves, and this document",
    "audit": "Who changed what",
    "code": "Modules: their versions, and new code for servers that run",
    "debug": "A server through otp.sys: status, statistics, log, trace",
    "docs": "The documentation: its pages, and a search",
    "error": "How and why processes ended",
    "mailbox": "What waits for a process, and thinning it out",
    "node": "The nodes that the platform looks into",
    "process": "Processes: list, look into, send to, hold, end",
    "recording": "Recordings: any moment again",
    "registry": "Registered names, and registries with their entries",
    "settings": "Settings: what holds, where it comes from, and changing it",
    "simulation": "Failures on purpose, bounded, and called off at any time",
    "state": "States of servers: read, set, keep, compare, bring back",
    "store": "The database of the platform",
    "supervisor": "Supervisors and their children: look, steer, predict, change the strategy",
    "system": "The platform as a whole",
    "token": "Tokens of others than the owner, with scopes and an end",
    "trace": "Messages of a process while they happen",
    "tree": "Supervision trees, and who is related to whom",
}

ABOUT: Final = """\
See, steer and learn supervision trees.

Every answer is `{"data": …, "success": true, "timestamp": …}`, a list has `meta` besides; every error is
`{"error": {"code", "message", "details"}, "success": false, "timestamp": …}` with a code that does not change.
Whatever changes something takes `dry_run=true` and then says what it would do. A process is named by its registered
name or its pid (`0.17.0`)."""

BEARER: Final = "bearer"
SESSION: Final = "session"
SCHEMES: Final[dict[str, Any]] = {
    BEARER: {
        "type": "http",
        "scheme": "bearer",
        "description": "A token: `superlearner token` prints the owner's, `token.create` makes others.",
    },
    SESSION: {
        "type": "apiKey",
        "in": "cookie",
        "name": "superlearner_<port>",
        "description": "The cookie of a browser that has signed in by a link or at `/sign-in`.",
    },
}


def completed(
    document: dict[str, Any], operations: Iterable[Operation], *, at: str, root_path: str, asks_everybody: bool
) -> dict[str, Any]:
    """The document with all that the routes did not bring.

    Args:
        document: as FastAPI makes it out of the routes; it is changed.
        operations: those of the routes.
        at: the address of the platform, for the lines that ask it.
        root_path: what a proxy puts before every path.
        asks_everybody: whether even reading takes a credential.
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
    document["tags"] = [{"name": tag, "description": SUBJECTS.get(tag, f"The category {tag}")} for tag in tags]
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
        "Done, or with `dry_run` what would be" if operation.changes else "The answer"
    )
    by_status: dict[str, list[str]] = {}
    for code in codes_of(operation):
        by_status.setdefault(str(CODES[code]), []).append(code)
    for status, there in by_status.items():
        content = described["responses"][status]["content"]["application/json"]
        content["examples"] = {code: {"$ref": f"#/components/examples/{code}"} for code in there}


def _describe(one: dict[str, Any], operation: Operation) -> None:
    """A parameter that may be null has its words one level down, where few look for them."""
    if "description" not in one:
        words = next((other.description for other in operation.parameters if other.name == one["name"]), "")
        one["description"] = words or next(
            (other["description"] for other in one["schema"].get("anyOf", ()) if "description" in other), ""
        )
