"""Sentences about other nodes, for answers to requests that named no node."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar

from otp import standstill
from superlearner.base.commands import command
from superlearner.control.steer import looks_like_pid
from superlearner.nodes.remote import RemoteNode
from superlearner.operations.context import Context
from superlearner.operations.declaration import Answer, Operation
from superlearner.operations.engine.forwarding import registered
from superlearner.operations.failures import OperationError

__all__ = ["MOST_ASKED", "ask_briefly", "describe_elsewhere"]

MOST_ASKED: Final = 8
"""The most other nodes to ask."""
ANSWER_S: Final = 1.0
"""Seconds to wait for the answer of a node."""
REST_S: Final = 10.0
"""Seconds for which a node that did not answer is not asked again: it would delay each request."""
NAMED: Final = re.compile(r"/(?:processes/\{(pid)\}|supervisors/\{(name)\}|registry/processes/\{(name)\})(?!\w)")
"""Paths of operations on one process, by its name."""
OF_ALL: Final = frozenset({"restart.list", "store.info", "learning.tours", "arsenal.operations", "arsenal.whoami"})
"""Operations whose answers have all nodes, or no data of a node."""
ONLY_SERVICE: Final = "it is the only service"
COUNTED: Final = {"system.anomalies": ("an anomaly", "anomalies"), "error.list": ("a recent crash", "recent crashes")}
"""Lists whose entries are counted on other nodes, with the words for one and for several entries."""

Ask = Callable[[str], Awaitable[Answer]]
T = TypeVar("T")


async def describe_elsewhere(
    context: Context, operation: Operation, parameters: Mapping[str, Any], ask: Ask
) -> dict[str, Any]:
    """Return the `node` of an answer, and `elsewhere`, sentences about other nodes; an empty dict if there are none.

    Requests that name a node need no such sentences.

    Args:
        context: the context of the request.
        operation: the operation that was run.
        parameters: its parameters.
        ask: runs the operation on another node, with its defaults.
    """
    if context.asked is not None or not operation.on_node or context.user.only_own:
        return {}
    if operation.name in OF_ALL:
        return {}
    here = context.on or context.home.name
    if context.on is not None and context.on == context.nodes.find_only_service():
        return {"node": here, "elsewhere": [ONLY_SERVICE]}
    beside = [one for one in context.nodes if one.kind.listed_beside and context.user.sees(one.owner)]
    others = [one.name for one in beside if one.name != here][:MOST_ASKED]
    path = NAMED.match(operation.path)
    name = parameters.get(path[path.lastindex or 0]) if path is not None else parameters.get("root")
    if isinstance(name, str):
        said = [] if looks_like_pid(name) else await _find_named(context, operation, parameters, name, others)
        return {"node": here, "elsewhere": said} if said else {}
    gone = list(context.nodes.awaited.values())
    if operation.changes or "{" in operation.path or not (others or gone):
        return {}
    if operation.name in COUNTED:
        counts = await asyncio.gather(*(_count(context, operation, parameters, one, ask) for one in others))
        return {"node": here, "elsewhere": [*counts, *gone]}
    listed = (f"for {one}, use `{_command(context, operation, parameters, one)}`" for one in others)
    return {"node": here, "elsewhere": [*listed, *gone]}


def _command(context: Context, operation: Operation, parameters: Mapping[str, Any], node: str) -> str:
    """Return the same command for another node."""
    of_trees = operation.name == "tree.show"
    placed = ["root"] if of_trees else re.findall(r"\{(\w+)\}", operation.path)
    words = [parameters[one] for one in placed if parameters[one] is not None]
    options = {
        one.name: parameters[one.name]
        for one in operation.parameters
        if one.name not in (*placed, "page") and parameters[one.name] != one.default
    }
    plain = {name: value for name, value in options.items() if isinstance(value, (str, int, float))}
    name = "tree" if of_trees else operation.name
    return command(name, *words, node=context.nodes.option_of(node), **plain)


async def ask_briefly(context: Context, node: str, question: Callable[[], Awaitable[T]]) -> T:
    """Return the answer of a node; raise TimeoutError if it does not come soon, or did not come shortly before."""
    found, now = context.nodes.find(node), asyncio.get_running_loop().time()
    if isinstance(found, RemoteNode) and now < found.rests_until:
        raise TimeoutError
    try:
        async with standstill.timeout(ANSWER_S):
            return await question()
    except TimeoutError:
        if isinstance(found, RemoteNode):
            found.rests_until = now + REST_S
        raise


async def _find_named(
    context: Context, operation: Operation, parameters: Mapping[str, Any], name: str, others: list[str]
) -> list[str]:
    """Return a sentence for each other node with a process of this name."""

    async def has(node: str) -> bool:
        try:
            return name in await ask_briefly(context, node, lambda: registered(context.on_node(node), {name}))
        except (OperationError, TimeoutError):
            return False

    answers = await asyncio.gather(*map(has, others))
    found: list[str] = []
    for node, there in zip(others, answers, strict=True):
        if there:
            # show the other process; do not suggest to change it, too
            shows = command("process.info", name, node=node) if operation.changes else None
            shows = shows or _command(context, operation, parameters, node)
            found.append(f"{node} also has a process of this name: `{shows}`")
    return found


async def _count(context: Context, operation: Operation, parameters: Mapping[str, Any], node: str, ask: Ask) -> str:
    """Return how many problems a node has, with the command that lists them."""
    shows, (one, many) = _command(context, operation, parameters, node), COUNTED[operation.name]
    try:
        answer = await ask_briefly(context, node, lambda: ask(node))
    except TimeoutError:
        return f"{node} did not answer within {ANSWER_S:g} s: `{shows}`"
    except OperationError as error:
        return f"{error}: `{shows}`"
    summary = answer.data["summary"] if operation.name == "system.anomalies" else answer.meta
    if summary is None:
        return f"{node} does not answer now: `{shows}`"
    total = int(summary.get("total", 0))
    if not total:
        return f"{node} has no {many}"
    worst = f", {'the worst ' if total > 1 else ''}{summary['risk_level']}" if "risk_level" in summary else ""
    return f"{node} has {one if total == 1 else f'{total:,} {many}'}{worst}: `{shows}`"
