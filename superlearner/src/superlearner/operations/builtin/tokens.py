"""Tokens for users besides the owner, such as classes, programs and colleagues."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from superlearner.base.commands import command
from superlearner.operations.context import Context
from superlearner.operations.declaration import Paged, Picker, operation
from superlearner.operations.failures import OperationError
from superlearner.operations.parameters import PageNumber, PerPage
from superlearner.operations.results.tokens import TokenLine, TokenMade, TokenRevoked
from superlearner.operations.rights.accounts import Accounts, role_of, scopes_of, standing_of
from superlearner.operations.rights.tokens import Tokens
from superlearner.operations.rights.user_access import Name, may_grant, may_manage, the_store
from superlearner.operations.rights.users import GRANTS, Grant, in_order, role_for
from superlearner.store import NameTaken, Token, UserRow

DAY_S = 24 * 3600


@operation(
    "token.create",
    http=("POST", "/tokens"),
    scope="code",
    on="platform",
    changes=True,
    errors=("name_taken", "store_unavailable"),
)
async def create(
    ctx: Context,
    tokens: Tokens,
    accounts: Accounts,
    /,
    name: Name,
    scopes: Annotated[
        list[Grant],
        Field(
            min_length=1,
            max_length=len(GRANTS),
            description="`read` shows data, `operate` changes processes, `code` changes code and shows secrets, "
            "`admin` changes the platform's own processes, `own` grants the first three on the user's own nodes",
        ),
    ] = ["read"],  # noqa: B006 - the default of a declaration, never modified
    user: Annotated[Name | None, Field(description="the user in the audit log; by default the token's name")] = None,
    expires_days: Annotated[float, Field(ge=0, le=3650, description="days until it expires; 0: never")] = 90,
) -> TokenMade:
    """Create a token.

    A user of this name is added if there is none. Only this result shows the secret of the token; the store has its
    hash. Send it as `Authorization: Bearer SECRET`, or enter it on the sign-in page.
    """
    chosen = list(in_order(scopes))
    with the_store():
        if any(one.name == name for one in await tokens.all()):
            raise _name_taken(name)
        row = await accounts.find(name if user is None else user)
        who = (name if user is None else user) if row is None else row.name
        _may_have(ctx, who, row, chosen)
        ctx.about_to(f"create the token {name} for {who} with {', '.join(chosen)}")
        expires = tokens.clock() + expires_days * DAY_S if expires_days else None
        try:
            await _with_scopes(accounts, who, row, chosen)
            made, secret = await tokens.create(name, who, chosen, expires=expires)
        except NameTaken:
            raise _name_taken(name) from None
    return TokenMade(**_describe_token(tokens, made).model_dump(), secret=secret)


def _may_have(ctx: Context, who: str, row: UserRow | None, scopes: list[Grant]) -> None:
    """Check that the user may get a token with these scopes, and that the caller may give it."""
    if row is not None and row.revoked is not None:
        raise OperationError("name_taken", f"the user {who} was removed, and the audit log contains the name")
    may_grant(ctx, scopes)
    if row is None:
        return
    _may_touch(ctx, row, "a token for")
    if not row.implied and (beyond := [one for one in scopes if one not in scopes_of(row)]):
        raise OperationError(
            "validation_error",
            f"scopes: the {row.role} {who} cannot have {', '.join(beyond)}",
            hint=f"change the role first: `{command('user.role', who, role=role_for(scopes))}`",
        )


def _may_touch(ctx: Context, row: UserRow, what: str) -> None:
    """Check that the caller manages the user; users who were added with a token are below every holder of `code`."""
    if row.id != ctx.user.id and (not row.implied or role_of(row) == "owner"):
        may_manage(ctx, standing_of(row), f"{what} the {row.role} {row.name}")


async def _with_scopes(accounts: Accounts, who: str, row: UserRow | None, scopes: list[Grant]) -> None:
    """Add the user of a token, or give a user who was added with a token the scopes of the next one."""
    if row is None:
        await accounts.add_for_token(who, scopes)
    elif row.implied and not scopes_of(row).issuperset(scopes):
        wider = in_order((*scopes_of(row), *scopes))
        await accounts.change(row, role=role_for(wider), scopes=wider, implied=True)


@operation("token.list", http=("GET", "/tokens"), scope="code", on="platform", errors=("store_unavailable",))
async def list_tokens(tokens: Tokens, /, page: PageNumber = 1, per_page: PerPage = 50) -> Paged[TokenLine]:
    """List the tokens.

    All tokens, including revoked and expired ones, newest first, with user, scopes and last use. The owner's token is
    a file and not listed.
    """
    with the_store():
        rows = await tokens.all()
    start = (page - 1) * per_page
    return Paged([_describe_token(tokens, row) for row in rows[start : start + per_page]], len(rows), page, per_page)


@operation(
    "token.revoke",
    http=("DELETE", "/tokens/{name}"),
    scope="code",
    on="platform",
    changes=True,
    destroys=True,
    errors=("token_not_found", "store_unavailable"),
)
async def revoke(
    ctx: Context,
    tokens: Tokens,
    accounts: Accounts,
    /,
    name: Annotated[str, Field(max_length=200, description="its name, see token.list"), Picker("token")],
) -> TokenRevoked:
    """Revoke a token.

    It and its sessions become invalid immediately; open live pages and event streams end.
    """
    with the_store():
        if not await tokens.has(name):
            raise OperationError(
                "token_not_found", f"there is no token {name!r} to revoke", hint="see GET /api/v1/tokens"
            )
        await _may_revoke(ctx, tokens, accounts, name)
        ctx.about_to(f"revoke the token {name}")
        await tokens.revoke(name)
    return TokenRevoked(name=name, revoked=True)


async def _may_revoke(ctx: Context, tokens: Tokens, accounts: Accounts, name: str) -> None:
    """Check that the caller may revoke tokens of this user."""
    user = await tokens.user_of(name)
    row = None if user is None else await accounts.find(user)
    if row is not None:
        _may_touch(ctx, row, "revoking a token of")


def _name_taken(name: str) -> OperationError:
    return OperationError(
        "name_taken",
        f"the name {name!r} is or was used by a token, and the audit log may contain it",
        hint="try another name",
    )


def _describe_token(tokens: Tokens, row: Token) -> TokenLine:
    state = "revoked" if row.revoked is not None else "expired" if tokens.has_expired(row) else "live"
    return TokenLine(
        name=row.name,
        user=row.user,
        scopes=[grant for grant in GRANTS if grant in row.scopes],
        state=state,
        created_at=row.at,
        expires_at=row.expires,
        used_at=row.used,
        revoked_at=row.revoked,
    )
