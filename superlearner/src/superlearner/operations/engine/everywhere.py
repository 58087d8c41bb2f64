"""Running a reading operation on all nodes of a cluster at once; nodes that do not answer in time are named."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from otp import standstill
from superlearner.cluster.members import Members
from superlearner.nodes.kinds import CLUSTERED, SERVICE
from superlearner.nodes.nodes import Nodes
from superlearner.operations.context import Context
from superlearner.operations.engine.execution import checked, run
from superlearner.operations.engine.registry import Registry
from superlearner.operations.engine.services import Services
from superlearner.operations.failures import OperationError
from superlearner.operations.results.cluster import Missing

__all__ = ["Answers", "ask_all", "select_nodes"]

ANSWER_S: Final = 2.0


@dataclass(slots=True)
class Answers:
    """The answers by node, and the nodes that did not answer with the reason."""

    data: dict[str, Any] = field(default_factory=dict[str, Any])
    meta: dict[str, Mapping[str, int]] = field(default_factory=dict[str, Mapping[str, int]])
    missing: list[Missing] = field(default_factory=list[Missing])


def select_nodes(ctx: Context, nodes: Nodes, node: str | None = None, *, services: bool = False) -> list[str]:
    """Return the names of the nodes to ask: the reader's own, the members of the cluster, and the platform's at last.

    Args:
        ctx: its user sees the nodes.
        nodes: the nodes of the platform.
        node: the only node to ask; None for all.
        services: True to ask the attached services too.

    Raises:
        OperationError: `node_not_found`.
    """
    if node is not None:
        return [Context(nodes, ctx.user, ctx.door, on=node).found.name]
    home = ctx.home.name
    seen = [one for one in nodes if ctx.user.sees(one.owner)]
    wanted = [
        one for one in seen if one.kind in CLUSTERED or one.name == nodes.default or (services and one.kind is SERVICE)
    ]
    others = [one.name for one in wanted if one.name != home]
    return [*others, *(one.name for one in seen if one.name == home)]


async def ask_all(
    ctx: Context,
    services: Services,
    nodes: Nodes,
    names: list[str],
    operation: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    only: str | None = None,
) -> Answers:
    """Run a reading operation on nodes in parallel; each has `ANSWER_S` to answer.

    Args:
        ctx: its user sees the nodes.
        services: the services of the platform.
        nodes: the nodes of the platform.
        names: the names of the nodes.
        operation: the name of the operation.
        parameters: its parameters.
        only: the only node that the request is about; None for all, of which lost members are `missing`.
    """
    found = services.get(Registry).known(operation)
    answers = Answers()

    async def one(name: str) -> None:
        if (held := nodes.holds.get(name)) is not None:
            answers.missing.append(Missing(node=name, reason=held))
            return
        on = Context(nodes, ctx.user, ctx.door, on=name, claims=ctx.claims)
        try:
            async with standstill.timeout(ANSWER_S):
                answer = await run(services, found, on, checked(found, parameters or {}))
        except TimeoutError:
            silent = nodes.holds.get(name) or f"it did not answer within {ANSWER_S:g} s"
            answers.missing.append(Missing(node=name, reason=silent))
        except OperationError as error:
            answers.missing.append(Missing(node=name, reason=nodes.holds.get(name) or error.message))
        else:
            answers.data[name] = answer.data
            if answer.meta is not None:
                answers.meta[name] = answer.meta

    await asyncio.gather(*(one(name) for name in names))
    members = services.get(Members)
    known = {missing.node for missing in answers.missing}
    lost = {name: happening.reason or "it is not connected" for name, happening in members.gone.items()}
    for name, why in (members.problems | lost).items():
        if name not in known and only in (None, name):
            answers.missing.append(Missing(node=name, reason=why))
    answers.data = {name: answers.data[name] for name in names if name in answers.data}
    return answers
