"""Hooks for Schemathesis: limits for generated requests, and an additional check.

A forced kill of the root ends the platform (`superlearner/tests` covers it) and would end the run. Long timeouts are
shortened and suspended processes are resumed, as later requests would wait. Deleting what the examples name becomes a
dry run, as later requests would not find it. The HTTP server refuses lines of more than 64 KiB before our code.

With `ANONYMOUS=1` in the environment no request has a credential. With `FORCED_AT`, names of processes with commas
between, requests keep their `force`, and every other one that has this parameter is a forced request to one of these
processes.
"""

from __future__ import annotations

import itertools
import os
from typing import Any

import requests
import schemathesis
from schemathesis.specs.openapi.checks import use_after_free

ANONYMOUS = os.environ.get("ANONYMOUS") == "1"
FORCED_AT = tuple(filter(None, os.environ.get("FORCED_AT", "").split(",")))
TARGETS = ("pid", "name")
"""Parameters that name a process."""
_turns = itertools.count()
_targets = itertools.cycle(FORCED_AT)
LONGEST_LINE = 60_000
LONGEST_MS = 600_000
SHORT_MS = 300
SUSPENDS = ("suspend", "pause")
SETTINGS = "/api/v1/settings"
EVENTS = "/api/v1/events"
EXAMPLES = ("counter_1", "demo_one_for_one", "shop", "playground", "a-learner", "a-teacher")
"""Names that later requests need: those of the examples, and of the users who send them."""
TAKES_AWAY = {
    "PUT": ("/users/{name}/role",),
    "DELETE": (
        "/tokens/{name}",
        "/users/{name}",
        "/registry/processes/{name}",
        "/supervisors/{name}",
        "/children/{child}",
        "/applications/{name}",
    ),
    "POST": ("/terminate", "/bulk", "/simulate-failure", "/chaos", "/sign-out"),
}
YES = frozenset({"1", "1.0", "true", "t", "yes", "y", "on"})
OWN_RULES = (SETTINGS, "/api/v1/tokens", "/api/v1/users", "/api/v1/nodes/attached")
"""Operations with rules that depend on another field or on the state."""
OF_PYTHON = frozenset({
    ("/api/v1/sandboxes", "source"),
    ("/api/v1/sandboxes/{sandbox_id}/hot-reload", "source"),
    ("/api/v1/sandboxes/{sandbox_id}/restart", "source"),
    ("/api/v1/nodes/eval", "source"),
    ("/api/v1/supervisors", "start"),
    ("/api/v1/supervisors/{name}/children", "start"),
    ("/api/v1/cluster/supervisors/{name}/children", "start"),
    ("/api/v1/nodes/children", "start"),
})  # fmt: skip
"""Fields with Python source or an imported class, whose validity no schema describes."""


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any = None) -> None:
    """Avoid force, long waits and changes of settings."""
    path = case.operation.path
    if path.startswith(SETTINGS) and case.method.upper() != "GET":
        case.query = {**(case.query or {}), "dry_run": "true"}
    if ANONYMOUS:  # invented credentials are counted: soon the address gets 429 for everything
        case.headers, case.cookies = {}, {}
    _force(case)
    names = {*(case.path_parameters or {}).values()}
    if path.endswith(TAKES_AWAY.get(case.method.upper(), ())) and not names.isdisjoint(EXAMPLES):
        case.query = {**(case.query or {}), "dry_run": "true"}
    if path == EVENTS:
        case.query = {"timeout_ms": SHORT_MS, **(case.query or {})}
    for given in (case.query, case.body):
        if isinstance(given, dict):
            force = given.get("force")
            forced = force is True or (
                given is case.query and _is_yes(force)
            )  # bodies are strict: "yes" is refused there
            if forced and not FORCED_AT:
                given["force"] = False
            if isinstance(given.get("timeout_ms"), int | float) and given["timeout_ms"] > SHORT_MS:
                given["timeout_ms"] = SHORT_MS if given["timeout_ms"] <= LONGEST_MS else LONGEST_MS + 1


def _force(case: Any) -> None:
    """Make every other request that has the parameter `force` a forced one to a process of `FORCED_AT`."""
    in_body = "force" in _fields_of_body(case.operation)
    in_query = any(one.get("name") == "force" for one in case.operation.definition.raw.get("parameters", ()))
    if not FORCED_AT or not (in_body or in_query) or next(_turns) % 2:
        return
    if in_query:
        case.query = {**(case.query or {}), "force": "true"}
    if in_body and isinstance(case.body, dict):
        case.body = {**case.body, "force": True}
    target = next(_targets)
    case.path_parameters = {name: target if name in TARGETS else one for name, one in case.path_parameters.items()}


def _fields_of_body(operation: Any) -> Any:
    """Return the fields that the body of an operation has."""
    body = operation.definition.raw.get("requestBody", {}).get("content", {}).get("application/json", {})
    name = body.get("schema", {}).get("$ref", "").rpartition("/")[2]
    return operation.schema.raw_schema["components"]["schemas"].get(name, {}).get("properties", {})


def _is_yes(value: Any) -> bool:
    """Return whether a query parameter means `true`; keep invalid values."""
    if isinstance(value, list):
        return any(_is_yes(one) for one in value)
    return value is True or str(value).lower() in YES


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    """Resume what the request has suspended."""
    path = response.request.url.partition("?")[0]
    begin, _, last = path.rpartition("/")
    if response.status_code == 200 and last in SUSPENDS:
        requests.post(f"{begin}/resume", headers=dict(response.request.headers), json={}, timeout=120)


@schemathesis.hook
def filter_case(context: Any, case: Any) -> bool:
    """Return whether the HTTP server accepts an address of this length."""
    parts = (*(case.path_parameters or {}).values(), *(case.query or {}).values())
    return sum(len(str(part).encode("utf-8", "surrogatepass")) for part in parts) * 3 < LONGEST_LINE


@schemathesis.check
def deleted_is_gone(context: Any, response: Any, case: Any) -> None:
    """Do what `use_after_free` does, but know that a dry run deletes nothing."""
    before = context.internals.find_related(case_id=case.id)
    if not any(_is_yes((one.query or {}).get("dry_run")) for one in before):
        use_after_free(context, response, case)


@schemathesis.check
def no_field_is_refused(context: Any, response: Any, case: Any) -> None:
    """Report refused values that the schema allows: the schema would be incomplete."""
    if case.meta is None or not case.meta.generation.mode.is_positive or response.status_code != 422:
        return
    error = response.json()["error"]
    path = case.operation.path
    fields = [detail for detail in error["details"] if detail["field"] is not None]
    fields = [detail for detail in fields if (path, detail["field"]) not in OF_PYTHON]
    if case.operation.path.startswith(OWN_RULES):
        return
    if case.method.upper() == "DELETE" and all(detail["problem"] == "a value is missing" for detail in fields):
        return  # required parameters may be in the query or in the body
    if fields and error["code"] == "validation_error":
        raise AssertionError(f"the document allows what is refused: {fields}")
