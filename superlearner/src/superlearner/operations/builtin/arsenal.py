"""The operations about the operations."""

from __future__ import annotations

from typing import Any

from superlearner.operations.context import Context
from superlearner.operations.declaration import Operation, operation
from superlearner.operations.registry import Registry
from superlearner.operations.results import Asker, OperationLine
from superlearner.operations.seams import ApiDocument
from superlearner.operations.users import ANONYMOUS, GRANTS, SCOPES


@operation("arsenal.operations", http=("GET", "/arsenal/operations"), scope="read", here=True,
           short="name summary scope changes on_node")  # fmt: skip
async def operations(arsenal: Registry, /) -> list[OperationLine]:
    """List all operations.

    Each with its route, what it needs, and the JSON Schema of its parameters.
    """
    return [line_of(one) for one in arsenal]


@operation("arsenal.docs", http=("GET", "/arsenal/docs"), scope="read", on="platform", bare=True)
async def docs(document: ApiDocument, /) -> dict[str, Any]:
    """This API as an OpenAPI document.

    The bare document, without the envelope.
    """
    return await document.read()


@operation("arsenal.whoami", http=("GET", "/arsenal/whoami"), scope="read", here=True)
async def whoami(ctx: Context) -> Asker:
    """Say who asks.

    The name in the audit log, the scopes of the credential, and which of them hold on this node. Without a credential
    that is `anonymous`, from this machine only. `read` looks, `operate` changes what runs, `code` changes code and
    settings, `own` is all of it on the nodes one owns.
    """
    return Asker(
        user=ctx.user.name,
        scopes=[one for one in GRANTS if one in ctx.user.scopes],
        may=[one for one in SCOPES if ctx.user.may(one, ctx.owner)],
        credential=ctx.user != ANONYMOUS,
        local=ctx.user.local,
    )


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
        here=one.here,
        streams=one.streams,
        media=list(one.media),
        parameters=one.schema(),
        availability="working",
    )
