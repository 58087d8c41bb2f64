"""The operations about the operations."""

from __future__ import annotations

from typing import Any

from superlearner.arsenal.context import Context
from superlearner.arsenal.declaration import Operation, operation
from superlearner.arsenal.results import OperationLine


@operation("arsenal.operations", http=("GET", "/arsenal/operations"), scope="read")
async def operations(ctx: Context) -> list[OperationLine]:
    """List all operations.

    Each with its route, what it needs, and the JSON Schema of its parameters.
    """
    return [line_of(one) for one in ctx.platform.arsenal]


@operation("arsenal.docs", http=("GET", "/arsenal/docs"), scope="read", on="platform", bare=True)
async def docs(ctx: Context) -> dict[str, Any]:
    """This API as an OpenAPI document.

    The bare document, without the envelope.
    """
    return await ctx.platform.document()


def line_of(one: Operation) -> OperationLine:
    """What is said of an operation to who wants to offer it."""
    return OperationLine(
        name=one.name,
        category=one.category,
        method=one.method,
        path=f"/api/v1{one.path.replace(':path', '')}",
        scope=one.scope,
        summary=one.summary,
        description=one.description,
        changes=one.changes,
        destroys=one.destroys,
        bare=one.bare,
        on_node=one.on_node,
        parameters=one.schema(),
        availability="working",
    )
