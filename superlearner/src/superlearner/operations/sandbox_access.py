"""Sandboxes as operations have them: found by id, by who may, where walls stand; the service's refusals as errors."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any, Final

import otp
from superlearner.control.terms import clip, safe_text
from superlearner.operations.context import Context
from superlearner.operations.failures import OperationError
from superlearner.operations.tokens import Tokens
from superlearner.operations.users import Scope
from superlearner.sandbox import Sandboxes
from superlearner.sandbox.happenings import FleetRefused
from superlearner.sandbox.manager import Asked, SandboxManager
from superlearner.sandbox.record import Sandbox
from superlearner.settings.settings import Settings
from superlearner.store import StoreUnavailable

__all__ = ["THERE", "allow", "ask", "found", "may_run_here"]

THERE: Final = ("sandbox_not_found",)
LONGEST: Final = 2000
LONGEST_ID: Final = 64


def found(sandboxes: Sandboxes, id: str) -> Sandbox:
    """The sandbox with that id. Raises OperationError: `sandbox_not_found`."""
    sandbox = sandboxes.find(id)
    if sandbox is None:
        known = [one.id for one in sandboxes.all()]
        near = get_close_matches(id[:LONGEST_ID], known, 1)
        meant = f"; did you mean {near[0]}?" if near else ""
        hint = f"there are: {', '.join(known[:10])}" if known else "there is none; create one: POST /api/v1/sandboxes"
        raise OperationError("sandbox_not_found", f"there is no sandbox {clip(id, 100)!r}{meant}", hint=hint)
    return sandbox


def allow(ctx: Context, sandbox: Sandbox, scope: Scope) -> None:
    """Go on for who has the scope, or owns the sandbox and may do anything on what they own.

    Raises OperationError: `missing_scope`.
    """
    if not ctx.user.may(scope, sandbox.owner):
        raise ctx.missing_scope(f"the sandbox {sandbox.id}, which is {sandbox.owner}'s,", scope)


async def may_run_here(ctx: Context, sandboxes: Sandboxes, settings: Settings, tokens: Tokens) -> None:
    """Go on where the required walls stand, or where their absence was accepted by the only user there is.

    Raises OperationError: `service_unavailable`.
    """
    walls = await sandboxes.walls()
    missing = ", ".join(f"{one.name} ({one.says})" for one in walls if one.required and not one.up)
    if not missing:
        return
    if not settings.weak_walls:
        raise OperationError(
            "service_unavailable",
            clip(f"this machine lacks a wall that a sandbox needs: {missing}", LONGEST),
            hint="for code of your own, start the platform with --weak-walls",
        )
    others = await _others(tokens)
    if others or not ctx.user.local:
        raise OperationError(
            "service_unavailable",
            clip(
                f"weak walls are for a single user, and there is also {', '.join(others) or 'you'}: {missing}", LONGEST
            ),
            hint="revoke the tokens of others, or use a machine with all walls: superlearner doctor",
        )


async def _others(tokens: Tokens) -> list[str]:
    """Who has a token besides the owner; nobody where there is no store to keep them."""
    if not tokens.kept:
        return []
    try:
        return sorted({token.user for token in await tokens.all() if token.revoked is None})
    except StoreUnavailable as error:
        raise OperationError("service_unavailable", f"whether others have tokens is not known: {error}") from None


async def ask(ctx: Context, request: Asked) -> Any:
    """Have the service do something. Raises OperationError with the service's own code."""
    try:
        answer = await SandboxManager.ask(request, node=ctx.home)
    except otp.CallExit as failed:
        if failed.cause_reason == "timeout":
            raise OperationError(
                "service_unavailable", "the sandbox has not answered in time; what was asked may still happen"
            ) from None
        raise OperationError(
            "service_unavailable", "the sandbox service is not there, or ended meanwhile; it starts again by itself",
            hint="look at the sandbox, and try again",
        ) from None  # fmt: skip
    if isinstance(answer, FleetRefused):
        raise OperationError(answer.code, clip(safe_text(answer.message), LONGEST), hint=answer.hint)
    return answer
