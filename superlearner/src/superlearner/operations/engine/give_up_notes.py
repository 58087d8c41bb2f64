"""Notes about supervisors that gave up, for answers that lack them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from superlearner.control.clock import time_text
from superlearner.control.steer import looks_like_pid
from superlearner.operations.declaration import Answer, Operation
from superlearner.operations.failures import Detail, OperationError

__all__ = ["Ask", "add_give_up", "describe_empty"]

MOST_AFTER: Final = 100
"""Lines after a give-up among which a later restart, or the end of its program, is looked for."""
NOT_FOUND: Final = {"supervisor_not_found": ("name", "pid", "root"), "process_not_found": ("pid",)}
"""By code of the error: the parameters that may have the name of the process that was not found."""

NO_RESTARTS: Final = ("incident", "program")
"""The fields of a line in a list of restarts that is not about a restart of some processes."""

Ask = Callable[[str, Mapping[str, Any]], Awaitable[Any]]
"""Asks an operation about the node of the request, and returns its data."""


async def describe_empty(operation: Operation, parameters: Mapping[str, Any], answer: Answer, ask: Ask) -> str | None:
    """Return why a node has no supervisors, if the answer lists none and nothing was restarted since a give-up."""
    if not _has_no_supervisor(operation, parameters, answer):
        return None
    give_up = await _find_give_up(ask, {})
    return None if give_up is None else f"no supervisors are running; {_describe(give_up)}"


def _has_no_supervisor(operation: Operation, parameters: Mapping[str, Any], answer: Answer) -> bool:
    """Return whether an answer means that no supervisor runs on the node, besides those of the platform."""
    if parameters.get("whose") == "platform":
        return False
    if operation.name == "supervisor.list":
        return not parameters["search"] and (answer.meta or {}).get("total") == 0
    return operation.name == "tree.show" and parameters["root"] is None and answer.data["size"] == 0


async def add_give_up(parameters: Mapping[str, Any], error: OperationError, ask: Ask) -> bool:
    """Add to the error that a process gave up, or ended with a supervisor that did, if that is why it was not found.

    Return whether that was added.
    """
    name = next((parameters[one] for one in NOT_FOUND.get(error.code, ()) if one in parameters), None)
    if not isinstance(name, str) or looks_like_pid(name):
        return False
    give_up = await _find_give_up(ask, {"process": name})
    if give_up is None or name not in (*give_up.get("fallen", ()), give_up.get("name")):
        return False
    error.message = f"{error.message.partition('; did you mean ')[0]}; {_describe(give_up)}"
    hint = f"GET /api/v1/processes/{name}/errors/why explains it"
    error.details = (Detail(error.details[0].field if error.details else None, error.message, hint),)
    return True


async def _find_give_up(ask: Ask, asked: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the newest give-up, if nothing was started or restarted after it, and its program still runs."""
    try:
        lines = await ask("restart.list", {"only": "give_ups", "fold": False, "per_page": 1, **asked})
        if not lines or lines[0].get("restarted"):
            return None
        later = {"only": "restarts", "per_page": MOST_AFTER, "since": lines[0]["at"]}
        own = await ask("restart.list", {**later, **asked})
        after = await ask("restart.list", later) if asked else own
    except OperationError:
        return None
    restarts = [
        one for one in own if one["ref"] != lines[0]["ref"] and not any(one.get(other) for other in NO_RESTARTS)
    ]
    ends = [one for one in after if one.get("program") and not one.get("ran_on")]
    return None if restarts or ends else lines[0]


def _describe(give_up: Mapping[str, Any]) -> str:
    at = give_up.get("until") or give_up["at"]
    return f"at {time_text(at)}, {give_up.get('story') or give_up['line']}"
