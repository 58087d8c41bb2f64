"""Quotas of users: what they are, what is used, and exceptions for single users."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from superlearner.operations.context import Context
from superlearner.operations.declaration import operation
from superlearner.operations.failures import OperationError
from superlearner.operations.results.users import UserQuota
from superlearner.operations.rights.accounts import Accounts, role_of
from superlearner.operations.rights.quotas import Quotas
from superlearner.operations.rights.user_access import UserName, find_user, may_manage, the_store
from superlearner.operations.rights.users import OWNER, Role, key_of

SHORT: Final = "quotas.name,used,most,source,by"
THERE: Final = ("user_not_found", "store_unavailable")


@operation("user.usage", http=("GET", "/users/{name}/quota"), scope="read", on="platform", of="user", errors=THERE,
           short=SHORT)  # fmt: skip
async def usage(ctx: Context, accounts: Accounts, quotas: Quotas, /, name: UserName) -> UserQuota:
    """Show the quotas of a user.

    With what is used, by what. Your own, or with the scope `code` those of others.
    """
    if key_of(name) != key_of(ctx.user.name) and not ctx.user.may("code"):
        raise ctx.missing_scope("the quotas of another user", "code")
    with the_store():
        if key_of(name) == OWNER.name:
            return await _describe_quota(quotas, OWNER.name, "owner")
        row = await find_user(accounts, name)
        return await _describe_quota(quotas, row.name, role_of(row))


@operation("user.quota", http=("PATCH", "/users/{name}/quota"), scope="code", on="platform", changes=True,
           errors=(*THERE, "conflict"), short=SHORT)  # fmt: skip
async def set_quota(
    ctx: Context,
    accounts: Accounts,
    quotas: Quotas,
    /,
    name: UserName,
    sandboxes: Annotated[int | None, Field(ge=0, le=1000, description="running sandboxes, with the home")] = None,
    memory_mb: Annotated[
        int | None, Field(ge=64, le=1_000_000, description="megabytes of memory of the running sandboxes together")
    ] = None,
    processes: Annotated[
        int | None, Field(ge=8, le=100_000, description="processes of the running sandboxes together")
    ] = None,
    cpu_s: Annotated[int | None, Field(ge=1, le=86_400, description="seconds of processor time of a sandbox")] = None,
    lifetime_s: Annotated[int | None, Field(ge=1, le=604_800, description="seconds that a sandbox may run")] = None,
    recordings: Annotated[int | None, Field(ge=0, le=1000, description="running recordings")] = None,
    recording_mb: Annotated[
        int | None, Field(ge=0, le=1_000_000, description="megabytes of all recordings together")
    ] = None,
    requests_per_second: Annotated[int | None, Field(ge=1, le=100_000, description="requests a second")] = None,
    defaults: Annotated[bool, Field(description="give all other quotas the values of the role")] = False,
) -> UserQuota:
    """Change quotas of a user.

    Only owners may. The others stay as they are. Lower quotas end nothing, but refuse new things.
    """
    if key_of(name) == OWNER.name:
        raise OperationError("conflict", "the owner has no quotas", hint="quotas are for other users")
    given = {
        "sandboxes": sandboxes,
        "memory_mb": memory_mb,
        "processes": processes,
        "cpu_s": cpu_s,
        "lifetime_s": lifetime_s,
        "recordings": recordings,
        "recording_mb": recording_mb,
        "requests_per_second": requests_per_second,
    }
    changed = {quota: most for quota, most in given.items() if most is not None}
    may_manage(ctx, "owner", "changing quotas")
    if not changed and not defaults:
        raise OperationError("validation_error", "expected a quota or defaults", hint=f"one of {', '.join(given)}")
    with the_store():
        row = await find_user(accounts, name)
        words = ", ".join(f"{quota} {most}" for quota, most in changed.items())
        ctx.about_to(f"set quotas of {row.name}: {words or 'those of the role'}")
        row = await accounts.set_quota(row, changed, reset=defaults)
        return await _describe_quota(quotas, row.name, role_of(row))


async def _describe_quota(quotas: Quotas, name: str, role: Role) -> UserQuota:
    return UserQuota(name=name, role=role, quotas=await quotas.used(name))
