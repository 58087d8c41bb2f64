"""Sentences about supervisors that gave up, for answers in which they are missed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from superlearner.control.clock import time_text
from superlearner.control.steer import looks_like_pid
from superlearner.operations.declaration import Answer, Operation
from superlearner.operations.failures import Detail, OperationError

__all__ = ["add_fall", "describe_empty"]

NEWEST: Final = 20
MISSED: Final = {"supervisor_not_found": ("name", "pid", "root"), "process_not_found": ("pid",)}
"""By code of the error: the parameters that may have the name of what is missed."""

NO_RESTARTS: Final = ("incident", "program", "outage")
"""The fields of a line in a list of restarts that is about something else."""

Ask = Callable[[str, Mapping[str, Any]], Awaitable[Any]]
"""Asks an operation about the node of the request, and returns its data."""


async def describe_empty(operation: Operation, parameters: Mapping[str, Any], answer: Answer, ask: Ask) -> str | None:
    """Return why a node has no supervisors, if the answer lists none and the newest restart is a give-up."""
    is_empty = operation.name == "supervisor.list" and not answer.data and not parameters["search"]
    if not is_empty and not (operation.name == "tree.show" and answer.data.get("roots") == []):
        return None
    fall = await _find_fall(ask, {})
    return None if fall is None else f"no supervisor runs; {_describe(fall)}"


async def add_fall(parameters: Mapping[str, Any], error: OperationError, ask: Ask) -> None:
    """Say in the error about a missed process that it gave up, or went down with its supervisor, if it did."""
    name = next((parameters[one] for one in MISSED.get(error.code, ()) if one in parameters), None)
    if not isinstance(name, str) or looks_like_pid(name):
        return
    fall = await _find_fall(ask, {"process": name})
    if fall is None or name not in (*fall.get("fallen", ()), fall.get("name")):
        return
    error.message = f"{error.message.partition('; did you mean ')[0]}; {_describe(fall)}"
    hint = f"GET /api/v1/processes/{name}/errors/why explains it"
    error.details = (Detail(error.details[0].field if error.details else None, error.message, hint),)


async def _find_fall(ask: Ask, asked: Mapping[str, Any]) -> dict[str, Any] | None:
    try:
        lines = await ask("restart.list", {"per_page": NEWEST, **asked})
    except OperationError:
        return None
    newest = next((one for one in lines if not any(one.get(other) for other in NO_RESTARTS)), None)
    return newest if newest is not None and newest.get("gave_up") else None


def _describe(fall: Mapping[str, Any]) -> str:
    at = fall.get("until") or fall["at"]
    return f"at {time_text(at)} {fall.get('story') or fall['line']}"
