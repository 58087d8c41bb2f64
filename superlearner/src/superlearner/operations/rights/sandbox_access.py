"""Access to sandboxes for operations: lookup by id, permission, isolation, and errors of the service."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any, Final

import otp
from superlearner.base.commands import command
from superlearner.control.terms import clip, safe_text
from superlearner.operations.context import Context
from superlearner.operations.failures import Detail, OperationError
from superlearner.operations.rights.accounts import Accounts
from superlearner.operations.rights.tokens import Tokens
from superlearner.operations.rights.users import Scope
from superlearner.sandbox import Sandboxes
from superlearner.sandbox.happenings import FleetRefused
from superlearner.sandbox.manager import Asked, SandboxManager
from superlearner.sandbox.messages import WRONG_MODULE
from superlearner.sandbox.record import Sandbox
from superlearner.settings.settings import Settings
from superlearner.store import StoreUnavailable

__all__ = ["THERE", "allow", "ask", "find_sandbox", "may_run_here"]

THERE: Final = ("sandbox_not_found",)
LONGEST: Final = 2000
LONGEST_ID: Final = 64


def find_sandbox(ctx: Context, sandboxes: Sandboxes, id: str) -> Sandbox:
    """Return the sandbox with this id, if the user may see it.

    Raises:
        OperationError: `sandbox_not_found`, or `missing_scope` for the sandbox of another user.
    """
    sandbox = sandboxes.find(id)
    if sandbox is not None and not ctx.user.sees(sandbox.owner):
        raise ctx.missing_scope(f"the sandbox {sandbox.id} of another user", "read")
    if sandbox is None:
        known = [one.id for one in sandboxes.all() if ctx.user.sees(one.owner)]
        near = get_close_matches(id[:LONGEST_ID], known, 1)
        meant = f"; did you mean {near[0]}?" if near else ""
        hint = f"expected one of {', '.join(known[:10])}" if known else "create one: POST /api/v1/sandboxes"
        raise OperationError("sandbox_not_found", f"there is no sandbox {clip(id, 100)!r}{meant}", hint=hint)
    return sandbox


def allow(ctx: Context, sandbox: Sandbox, scope: Scope) -> None:
    """Check that the user has the scope, or owns the sandbox and has the `own` scope.

    Raises:
        OperationError: `missing_scope`.
    """
    if not ctx.user.may(scope, sandbox.owner):
        raise ctx.missing_scope(f"the sandbox {sandbox.id} of {sandbox.owner}", scope)


async def may_run_here(
    ctx: Context, sandboxes: Sandboxes, settings: Settings, tokens: Tokens, accounts: Accounts
) -> None:
    """Check that the required isolation is available, or that a single local user accepted weak isolation.

    Raises:
        OperationError: `service_unavailable`.
    """
    walls = await sandboxes.walls()
    missing = ", ".join(f"{one.name} ({one.says})" for one in walls if one.required and not one.up)
    if not missing:
        return
    if not settings.weak_walls:
        raise OperationError(
            "service_unavailable",
            clip(f"this machine lacks isolation that sandboxes need: {missing}", LONGEST),
            hint="to run only your own code, start the platform with --weak-walls",
        )
    others = await _others(tokens, accounts)
    if others or not ctx.user.local:
        raise OperationError(
            "service_unavailable",
            clip(
                f"--weak-walls allows only a single local user, got also {', '.join(others) or 'you'}: {missing}",
                LONGEST,
            ),
            hint=f"remove them and revoke their tokens, or use a machine with full isolation: `{command('doctor')}`",
        )


async def _others(tokens: Tokens, accounts: Accounts) -> list[str]:
    """Return the users besides the owner who can sign in; none without a store."""
    if not tokens.is_stored:
        return []
    try:
        users = {row.name for row in await accounts.all() if row.revoked is None and not row.implied}
        return sorted(users | {token.user for token in await tokens.all() if token.revoked is None})
    except StoreUnavailable as error:
        raise OperationError("service_unavailable", f"cannot check for other users: {error}") from None


async def ask(ctx: Context, request: Asked) -> Any:
    """Send a request to the sandbox service. Raises OperationError with the service's own code."""
    try:
        answer = await SandboxManager.ask(request, node=ctx.home)
    except otp.CallExit as failed:
        if failed.cause_reason == "timeout":
            raise OperationError(
                "service_unavailable", "the sandbox did not answer in time; the request may still complete"
            ) from None
        raise OperationError(
            "service_unavailable", "the sandbox service is not running; its supervisor restarts it",
            hint="check the sandbox and try again",
        ) from None  # fmt: skip
    if isinstance(answer, FleetRefused):
        message = clip(safe_text(answer.message), LONGEST)
        if message.startswith(WRONG_MODULE):
            wrong = Detail("supervisor_module", message.removeprefix(WRONG_MODULE), answer.hint)
            raise OperationError(answer.code, message, details=[wrong])
        raise OperationError(answer.code, message, hint=answer.hint)
    return answer
