"""Access to users for operations: lookup by name, permission by role, and errors of the store."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from superlearner.base.commands import command
from superlearner.base.natural import natural
from superlearner.control.terms import clip
from superlearner.operations.context import Context
from superlearner.operations.declaration import Picker
from superlearner.operations.failures import OperationError
from superlearner.operations.rights.accounts import Accounts
from superlearner.operations.rights.users import ANONYMOUS, OWNER, ROLE_SCOPES, Grant, Role, key_of, name_of, outranks
from superlearner.store import StoreUnavailable, UserRow

__all__ = ["RESERVED", "Name", "UserName", "find_user", "may_grant", "may_manage", "the_store"]

RESERVED = frozenset({OWNER.name, ANONYMOUS.name})
MOST: Final = 10
"""The maximum number of names that a hint lists."""
NEAR: Final = 3
"""The maximum number of names suggested for their similar spelling."""


def _stored_name(given: str) -> str:
    name = name_of(given)
    if name is None:
        raise ValueError("expected letters, digits, `.`, `_`, `@` and `-`, a letter or digit first, at most 64")
    if key_of(name) in RESERVED:
        raise ValueError(f"expected another name than {name}, which the platform reserves")
    return name


Name = Annotated[
    str,
    Field(
        min_length=1,
        max_length=200,
        description="letters, digits, `.`, `_`, `@` and `-`; at most 64; case does not make another name",
        examples=["ada"],
    ),
    AfterValidator(_stored_name),
]
"""The name of a new user."""

UserName = Annotated[
    str, Field(max_length=200, description="the user's name, see user.list", examples=["ada"]), Picker("user")
]


async def find_user(accounts: Accounts, name: str, *, by_beginning: bool = False) -> UserRow:
    """Return the user with this name, unless removed. Raises OperationError: `user_not_found`.

    With `by_beginning`, the beginning of a name is enough if it fits only one; for operations that change nothing.
    """
    row = await accounts.find(name)
    if row is not None and not accounts.is_removed(row):
        return row
    known = sorted((one.name for one in await accounts.all() if one.revoked is None), key=natural)
    begin = [one for one in known if name and one.casefold().startswith(name.casefold())]
    if by_beginning and row is None and len(begin) == 1 and (only := await accounts.find(begin[0])) is not None:
        return only
    near = _list_near(name[:200], known)
    known = list(dict.fromkeys([*near, *known]))
    meant = f"; did you mean {near[0]}?" if near else ""
    what = "was removed" if row is not None else f"is not there{meant}"
    more = f" and {len(known) - MOST} more" if len(known) > MOST else ""
    hint = f"expected one of {', '.join(known[:MOST])}{more}" if known else f"add one: `{command('user.add', name)}`"
    raise OperationError("user_not_found", f"the user {clip(name, 100)!r} {what}", hint=hint)


def _list_near(name: str, known: list[str]) -> list[str]:
    """Return the names that begin with the given one, that contain it, and that are spelt like it, in this order.

    >>> _list_near("ada", ["Ada.Lovelace", "adam", "bob", "Canada", "eda"])
    ['Ada.Lovelace', 'adam', 'Canada', 'eda']
    """
    typed, keys = name.casefold(), [one.casefold() for one in known]
    begin = [one for one, key in zip(known, keys, strict=True) if typed and key.startswith(typed)]
    within = [one for one, key in zip(known, keys, strict=True) if typed and typed in key]
    spelt = get_close_matches(typed, keys, NEAR)
    return list(dict.fromkeys([*begin, *within, *(known[keys.index(key)] for key in spelt)]))


def may_manage(ctx: Context, role: Role, what: str) -> None:
    """Check that the user's own role is above `role`; an owner may manage all.

    An owner without the `admin` scope manages no owners, who would have it.

    Raises:
        OperationError: `missing_scope`.
    """
    if outranks(ctx.user.role, role):
        if role == "owner" and "admin" not in ctx.user.scopes:
            raise OperationError(
                "missing_scope",
                f"{what} requires the scope admin, which {ctx.user.display_name} does not have here",
                hint=f"send the credential of an owner with all scopes: `{command('token')}` prints it",
            )
        return
    mine = f"is {ctx.user.role}" if ctx.user.role else "has no role"
    whose = "owners" if role in ("owner", "teacher") else "owners and teachers"
    raise OperationError(
        "missing_scope",
        f"{what} is for {whose}, and {ctx.user.display_name} {mine}",
        hint=f"send the credential of an owner: `{command('token')}` prints it",
    )


def may_grant(ctx: Context, scopes: list[Grant]) -> None:
    """Check that the user, who has the `code` scope, may give these scopes: those of teachers, and own ones.

    Raises:
        OperationError: `missing_scope`.
    """
    missing = frozenset(scopes) - ROLE_SCOPES["teacher"] - ctx.user.scopes
    if missing:
        raise OperationError(
            "missing_scope", f"{ctx.user.display_name} lacks the scope {', '.join(sorted(missing))} and cannot grant it"
        )


@contextmanager
def the_store() -> Generator[None]:
    """Turn errors of the store into errors of operations."""
    try:
        yield
    except StoreUnavailable as error:
        raise OperationError("store_unavailable", error.why, hint=error.hint) from None
