"""The tools that an AI client gets by default: those that most questions need, and two that reach all others.

Each tool costs a model about 260 tokens in every session, so all of them would fill a quarter of a small context.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from superlearner.operations.adapters.mcp import tool_name, tool_of

__all__ = ["CHOSEN", "FIND", "FINDER", "RUN", "RUNNER", "choose_operations"]

CHOSEN: Final = (
    "system.health", "system.anomalies", "tree.show", "supervisor.list", "supervisor.info", "supervisor.restart_child",
    "supervisor.predict", "process.list", "process.info", "process.kill", "process.message", "process.suspend",
    "process.resume", "state.get", "mailbox.peek", "error.list", "error.why", "restart.show", "log.list",
    "analytics.history", "trace.start", "trace.messages", "trace.stop", "sandbox.list", "node.list", "docs.search",
)  # fmt: skip
MOST: Final = 8
"""Operations in one answer; each has its parameters."""

FIND: Final = "find_operation"
RUN: Final = "run_operation"
FINDER: Final[dict[str, Any]] = {
    "name": FIND,
    "title": "Find operations",
    "description": f"Find operations that have no tool of their own, by words such as 'recording start'. The answer "
    f"has their parameters; {RUN} runs one.",
    "inputSchema": {
        "type": "object",
        "properties": {"words": {"type": "string", "maxLength": 200, "description": "words of its name or purpose"}},
        "required": ["words"],
    },
    "annotations": {"title": "Find operations", "readOnlyHint": True, "openWorldHint": False},
}
RUNNER: Final[dict[str, Any]] = {
    "name": RUN,
    "title": "Run an operation",
    "description": f"Run any operation by its name, with the parameters that {FIND} shows. It may change or end "
    "something: dry_run among the parameters reports what would change.",
    "inputSchema": {
        "type": "object",
        "properties": {
            "operation": {"type": "string", "maxLength": 100, "examples": ["recording.start"]},
            "parameters": {"type": "object", "default": {}},
        },
        "required": ["operation"],
    },
    "annotations": {
        "title": "Run an operation",
        "readOnlyHint": False,
        "destructiveHint": True,
        "openWorldHint": False,
    },
}


def choose_operations(lines: Iterable[Mapping[str, Any]], words: str) -> list[dict[str, Any]]:
    """Return the operations that fit the words best, with their parameters and hints.

    >>> line = {"name": "recording.start", "summary": "Record a node", "description": "", "on_node": False}
    >>> line |= {"parameters": {}, "changes": True, "destroys": False, "scope": "operate"}
    >>> [one["operation"] for one in choose_operations([line], "start recording")], choose_operations([line], "token")
    (['recording.start'], [])
    """
    asked = words.casefold().replace(".", " ").replace("_", " ").split()
    ranked: list[tuple[int, int, Mapping[str, Any]]] = []
    for place, line in enumerate(lines):
        name, summary = tool_name(line["name"]).split("_"), f"{line['summary']} {line['description']}".casefold()
        score = sum(4 if one in name else 2 if one in line["name"] else one in summary for one in asked)
        if score:
            ranked.append((-score, place, line))
    return [_described(line) for _, _, line in sorted(ranked, key=lambda one: one[:2])[:MOST]]


def _described(line: Mapping[str, Any]) -> dict[str, Any]:
    tool = tool_of(line)
    kept = {name: hint for name, hint in tool["annotations"].items() if name in ("readOnlyHint", "destructiveHint")}
    return {
        "operation": line["name"],
        "description": tool["description"],
        "parameters": tool["inputSchema"],
        "scope": line["scope"],
        **kept,
    }
