"""Operations about Arsenal itself."""

from __future__ import annotations

from typing import Any

from superlearner.operations.context import Context
from superlearner.operations.declaration import Operation, operation
from superlearner.operations.engine.registry import Registry
from superlearner.operations.engine.seams import ApiDocument
from superlearner.operations.results import Asker, OperationLine
from superlearner.operations.rights.users import GRANTS, SCOPES


@operation("arsenal.operations", http=("GET", "/arsenal/operations"), scope="read", here=True, of="everyone",
           short="name summary scope changes on_node")  # fmt: skip
async def operations(ctx: Context, arsenal: Registry, /) -> list[OperationLine]:
    """List all operations.

    Each with its route, its scope and the JSON Schema of its parameters. For users who have only the scope `own`,
    without the operations on the platform itself.
    """
    return [describe_operation(one) for one in arsenal if one.of != "platform" or not ctx.user.only_own]


@operation("arsenal.docs", http=("GET", "/arsenal/docs"), scope="read", on="platform", of="everyone", bare=True)
async def docs(document: ApiDocument, /) -> dict[str, Any]:
    """Show the OpenAPI document of this API.

    The answer has no envelope.
    """
    return await document.read()


@operation("arsenal.whoami", http=("GET", "/arsenal/whoami"), scope="read", here=True, of="everyone")
async def whoami(ctx: Context) -> Asker:
    """Show the current user and their scopes.

    The name in the audit log, the scopes of the credential, and those that apply on this node. Requests without a
    credential are `anonymous` and must come from this machine. `read` shows data, `operate` changes processes, `code`
    changes code and settings, `admin` changes the platform's own processes, `own` grants the first three on the user's
    own nodes.
    """
    owner = ctx.user.name if ctx.user.only_own and ctx.on is None else ctx.owner  # their default node is their own
    return Asker(
        user=ctx.user.name,
        role=ctx.user.role,
        scopes=[one for one in GRANTS if one in ctx.user.scopes],
        may=[one for one in SCOPES if ctx.user.may(one, owner)],
        credential=ctx.user.role is not None,
        local=ctx.user.local,
    )


def describe_operation(one: Operation) -> OperationLine:
    """Return the description of an operation for clients."""
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
        here=one.here,
        streams=one.streams,
        media=list(one.media),
        short=list(one.short),
        parameters=one.schema(),
        availability="working",
    )
