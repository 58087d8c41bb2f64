"""Tokens for users besides the owner, such as classes, programs and colleagues."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated

from pydantic import Field

from superlearner.operations.context import Context
from superlearner.operations.declaration import Paged, Picker, operation
from superlearner.operations.failures import Detail, OperationError
from superlearner.operations.parameters import PageNumber, PerPage
from superlearner.operations.results_tokens import TokenLine, TokenMade, TokenRevoked
from superlearner.operations.tokens import Tokens
from superlearner.operations.users import ANONYMOUS, GRANTS, OWNER, Grant
from superlearner.store import NameTaken, StoreUnavailable, Token

DAY_S = 24 * 3600
RESERVED = frozenset({OWNER.name, ANONYMOUS.name})

Name = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$",
        description="letters, digits, `.`, `_`, `@` and `-`; at most 64",
        examples=["ada"],
    ),
]


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

    Only this result shows its secret; the store has its hash. Send it as `Authorization: Bearer SECRET`, or enter it on
    the sign-in page.
    """
    who = name if user is None else user
    for field, value in (("name", name), ("user", who)):
        if value.lower() in RESERVED:
            problem = f"expected another name, got {value!r}, which the platform reserves"
            raise OperationError("validation_error", f"{field}: {problem}", details=[Detail(field, problem)])
    if "admin" in scopes and not ctx.user.may("admin"):
        raise ctx.missing_scope("to give the scope admin", "admin")
    with _the_store():
        if any(one.name == name for one in await tokens.all()):
            raise _taken(name)
        unique: list[Grant] = [grant for grant in GRANTS if grant in scopes]
        ctx.about_to(f"create the token {name} for {who} with {', '.join(unique)}")
        expires = tokens.now() + expires_days * DAY_S if expires_days else None
        try:
            made, secret = await tokens.create(name, who, unique, expires=expires)
        except NameTaken:
            raise _taken(name) from None
    return TokenMade(**_line(tokens, made).model_dump(), secret=secret)


@operation("token.list", http=("GET", "/tokens"), scope="code", on="platform", errors=("store_unavailable",))
async def list_tokens(tokens: Tokens, /, page: PageNumber = 1, per_page: PerPage = 50) -> Paged[TokenLine]:
    """List the tokens.

    All tokens, including revoked and expired ones, newest first, with user, scopes and last use. The owner's token is
    a file and not listed.
    """
    with _the_store():
        rows = await tokens.all()
    start = (page - 1) * per_page
    return Paged([_line(tokens, row) for row in rows[start : start + per_page]], len(rows), page, per_page)


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
    /,
    name: Annotated[str, Field(max_length=200, description="its name, see token.list"), Picker("token")],
) -> TokenRevoked:
    """Revoke a token.

    It and its sessions become invalid immediately; open live pages and event streams end.
    """
    with _the_store():
        if not await tokens.has(name):
            raise OperationError(
                "token_not_found", f"there is no token {name!r} to revoke", hint="see GET /api/v1/tokens"
            )
        ctx.about_to(f"revoke the token {name}")
        await tokens.revoke(name)
    return TokenRevoked(name=name)


def _taken(name: str) -> OperationError:
    return OperationError(
        "name_taken",
        f"the name {name!r} is or was used by a token, and the audit log may contain it",
        hint="try another name",
    )


def _line(tokens: Tokens, row: Token) -> TokenLine:
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


@contextmanager
def _the_store() -> Generator[None]:
    try:
        yield
    except StoreUnavailable as error:
        raise OperationError("store_unavailable", error.why, hint=error.hint) from None
