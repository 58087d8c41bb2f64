"""The member of the cluster on which a sandbox starts."""

from __future__ import annotations

from typing import Final

from superlearner.cluster.members import Members
from superlearner.nodes.kinds import MEMBER
from superlearner.nodes.nodes import full_names
from superlearner.operations.context import Context
from superlearner.operations.engine.services import Services
from superlearner.operations.failures import OperationError
from superlearner.operations.rights.accounts import Accounts
from superlearner.operations.rights.sandbox_access import may_run_here
from superlearner.operations.rights.tokens import Tokens
from superlearner.sandbox import Sandboxes
from superlearner.settings.settings import Settings

__all__ = ["MEMBER_ERRORS", "choose_place"]

MEMBER_ERRORS: Final = ("node_not_found", "node_unavailable")
"""Error codes of `choose_place` about members."""


async def choose_place(ctx: Context, services: Services, node: str | None) -> str | None:
    """Return the name of the member on which a sandbox may start; None for the machine of the platform.

    Raises:
        OperationError: as in `_find_member`, or `service_unavailable` if this machine lacks isolation.
    """
    member = None if node is None else _find_member(ctx, services.get(Members), node)
    if member is None:
        await may_run_here(
            ctx, services.get(Sandboxes), services.get(Settings), services.get(Tokens), services.get(Accounts)
        )
    return member


def _find_member(ctx: Context, members: Members, node: str) -> str | None:
    """Return the name of the member that a request chooses for its sandbox; None for the platform itself.

    Raises:
        OperationError: `node_not_found`, `node_unavailable` for a lost or leaving member, `conflict` for a
            simulated one, `validation_error` for another node, `missing_scope`.
    """
    if not ctx.user.sees(None):
        raise ctx.missing_scope("to choose a member of the cluster", "read")
    names = full_names(node)
    real = {one.name: one for one in members.connected()}
    hint = f"expected one of {', '.join(real)}" if real else "leave out node: this platform is in no cluster"
    unreal = [] if any(one in real for one in names) else names
    simulated = next((one for one in unreal if one in members.simulated), None)
    if simulated is not None:
        why = f"{simulated} is simulated inside the platform, so it has no program to start a sandbox"
        raise OperationError("conflict", why, hint=hint)
    absence = next((found for one in unreal if (found := members.absence(one)) is not None), None)
    if absence is not None:
        is_member = any(one in members.gone or one in members.problems for one in names)
        raise OperationError("node_unavailable" if is_member else "node_not_found", absence.why, hint=hint)
    found = Context(ctx.nodes, ctx.user, ctx.door, on=node).found
    if found.name == ctx.home.name:
        return None
    if found.kind is not MEMBER or found.name not in real:
        why = f"node: expected a member of the cluster, got {found.name}, which is {found.kind.description}"
        raise OperationError("validation_error", why, hint=hint)
    if real[found.name].status != "up":
        raise OperationError("node_unavailable", f"{found.name} is leaving the cluster", hint=hint)
    return found.name
