"""Users: roles, one-time sign-in links, sessions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Final

from pydantic import Field

from superlearner.operations.context import Context
from superlearner.operations.declaration import Paged, operation
from superlearner.operations.engine.seams import Reach
from superlearner.operations.failures import OperationError
from superlearner.operations.parameters import PageNumber, PerPage
from superlearner.operations.results.users import (
    SheetLink,
    SignInLinkMade,
    SignInSheet,
    UnusedLine,
    UserLine,
    UserRemoved,
    UserSignedOut,
)
from superlearner.operations.rights.accounts import Accounts, role_of, scopes_of, standing_of
from superlearner.operations.rights.class_list import read_class
from superlearner.operations.rights.qr import qr_of
from superlearner.operations.rights.quotas import Quotas
from superlearner.operations.rights.tokens import Tokens
from superlearner.operations.rights.user_access import RESERVED, Name, UserName, find_user, may_manage, the_store
from superlearner.operations.rights.users import OWNER, ROLE_SCOPES, Grant, Role, in_order, key_of, user_name_for
from superlearner.settings.settings import Settings
from superlearner.store import NameTaken, UserRow

HOUR_S: Final = 3600
MOST_NAMES: Final = 200
HOW: Final = (
    "write each name on a line of its own, the first name first, or begin with the headings of a table, such as "
    "`Surname, First name`"
)
MOST_TOLD: Final = 5
"""Wrong lines of a list of names that an error describes."""
ONLY_NUMBERS: Final = re.compile(r"[\W_]*\d+[\W_]+\d[\W\d_]*")
"""Several numbers without a name; one alone may be a pseudonym."""
ROLE_TEXT: Final = (
    "`owner` may do everything, `teacher` everything with sandboxes and code, `learner` everything on their own "
    "nodes, `viewer` looks"
)
Narrowed = Annotated[
    list[Grant] | None,
    Field(min_length=1, max_length=5, description="only these scopes of the role; by default all of them"),
]
THERE: Final = ("user_not_found", "store_unavailable")


@operation(
    "user.add", http=("POST", "/users"), scope="code", on="platform", changes=True,
    errors=("name_taken", "store_unavailable"),
)  # fmt: skip
async def add(
    ctx: Context,
    accounts: Accounts,
    tokens: Tokens,
    quotas: Quotas,
    /,
    name: Name,
    role: Annotated[Role, Field(description=ROLE_TEXT)] = "learner",
    scopes: Narrowed = None,
) -> UserLine:
    """Add a user.

    Then make a link with which the user signs in: user.link. Owners add users of every role, teachers learners and
    viewers.
    """
    may_manage(ctx, role, f"adding a {role}")
    chosen = _narrowed(role, scopes)
    with the_store():
        row = await accounts.find(name)
        if row is not None:
            raise _taken(row)
        ctx.about_to(f"add the {role} {name}")
        try:
            return await _describe_user(quotas, tokens, await accounts.add(name, role, chosen))
        except NameTaken:
            raise _taken(UserRow(name, (), 0.0)) from None


@operation("user.list", http=("GET", "/users"), scope="code", on="platform", errors=("store_unavailable",),
           short="name shown role scopes state last_seen tokens sandboxes most_sandboxes")  # fmt: skip
async def list_users(
    accounts: Accounts,
    tokens: Tokens,
    quotas: Quotas,
    /,
    removed: Annotated[bool, Field(description="list removed users and those whose tokens have ended, too")] = False,
    page: PageNumber = 1,
    per_page: PerPage = 50,
) -> Paged[UserLine]:
    """List the users.

    The owner first, then the newest. The owner's credential is a file of the data directory. Users who were added with
    a token are listed while they have one.
    """
    with the_store():
        rows = [row for row in await accounts.all() if removed or row.revoked is None]
        found = [await _describe_user(quotas, tokens, row) for row in rows]
        if not removed:
            implied = {row.id for row in rows if row.implied}
            found = [line for line in found if line.tokens or line.id not in implied]
        start = (page - 1) * per_page
        lines = [_owner((await quotas.sandboxes(OWNER.name))[0]), *found]
    return Paged(lines[start : start + per_page], len(lines), page, per_page)


@operation("user.role", http=("PUT", "/users/{name}/role"), scope="code", on="platform", changes=True,
           errors=(*THERE, "conflict"))  # fmt: skip
async def set_role(
    ctx: Context,
    accounts: Accounts,
    tokens: Tokens,
    quotas: Quotas,
    /,
    name: UserName,
    role: Annotated[Role, Field(description=ROLE_TEXT)],
    scopes: Narrowed = None,
) -> UserLine:
    """Change the role of a user.

    It holds from the next request on. Open pages of the user load again, streams end.
    """
    _not_the_owner(name, "the role of the owner cannot change")
    with the_store():
        row = await find_user(accounts, name)
        may_manage(ctx, standing_of(row), f"changing the role of the {row.role} {row.name}")
        may_manage(ctx, role, f"making somebody {role}")
        chosen = _narrowed(role, scopes)
        ctx.about_to(f"make the {row.role} {row.name} a {role}")
        return await _describe_user(quotas, tokens, await accounts.change(row, role=role, scopes=chosen))


@operation("user.remove", http=("DELETE", "/users/{name}"), scope="code", on="platform", changes=True, destroys=True,
           errors=(*THERE, "conflict"))  # fmt: skip
async def remove(ctx: Context, accounts: Accounts, tokens: Tokens, /, name: UserName) -> UserRemoved:
    """Remove a user.

    Tokens, links and sessions of the user end at once, open pages are signed out, and sandboxes of the user end. The
    name is not used again, since the audit log contains it.
    """
    _not_the_owner(name, "the owner cannot be removed")
    with the_store():
        row = await find_user(accounts, name)
        may_manage(ctx, standing_of(row), f"removing the {row.role} {row.name}")
        count = await tokens.count(row.name)
        ctx.about_to(f"remove the {row.role} {row.name}, with tokens, links, sessions and sandboxes")
        await accounts.remove(row)
    return UserRemoved(name=row.name, removed=True, tokens=count)


@operation("user.sign_out", http=("POST", "/users/{name}/sign-out"), scope="code", on="platform", changes=True,
           errors=(*THERE, "conflict"))  # fmt: skip
async def sign_out(ctx: Context, accounts: Accounts, /, name: UserName) -> UserSignedOut:
    """End all sessions and unused links of a user.

    Tokens stay valid: revoke them with token.revoke.
    """
    _not_the_owner(name, "the sessions of the owner end with the file `token`: delete it and start the platform again")
    with the_store():
        row = await find_user(accounts, name)
        if row.id != ctx.user.id:
            may_manage(ctx, standing_of(row), f"signing out the {row.role} {row.name}")
        ctx.about_to(f"end all sessions and links of {row.name}")
        await accounts.sign_out(row)
    return UserSignedOut(name=row.name, signed_out=True)


@operation("user.link", http=("POST", "/users/{name}/link"), scope="code", on="platform", changes=True, errors=THERE,
           short="user url expires_at replaced note qr")  # fmt: skip
async def link(
    ctx: Context,
    accounts: Accounts,
    settings: Settings,
    reach: Reach,
    /,
    name: UserName,
    hours: Annotated[
        float | None,
        Field(gt=0, le=24 * 365, description="hours until it expires; by default as the setting `link_expires` says"),
    ] = None,
    qr: Annotated[bool, Field(description="also return the link as a QR code")] = False,
) -> SignInLinkMade:
    """Make a link that signs a user in once.

    It replaces an unused link of the user, except for the owner. Only this result shows it. Opening it shows a page
    whose button signs in, so a preview in a chat does not use it up.
    """
    if key_of(name) == OWNER.name:
        may_manage(ctx, "owner", "a link for the owner")
        seconds = settings.owner_link_expires if hours is None else hours * HOUR_S
        ctx.about_to("make a sign-in link for the owner")
        code, who, expires = reach.owner_code(seconds) or "", OWNER.name, accounts.clock() + seconds
        replaced = False
    else:
        with the_store():
            row = await find_user(accounts, name)
            if row.id != ctx.user.id or not scopes_of(row) <= ctx.user.scopes:  # a token may have fewer than its user
                may_manage(ctx, standing_of(row), f"a link for the {row.role} {row.name}")
            ctx.about_to(f"make a sign-in link for the {row.role} {row.name}")
            if row.implied:
                row = await accounts.change(row, scopes=in_order(row.scopes))
            seconds = settings.link_expires if hours is None else hours * HOUR_S
            code, expires, replaced = await accounts.new_link(row, seconds)
            who = row.name
    urls = [f"{base}/sign-in/{code}" for base in reach.urls]
    made = qr_of(urls[0]) if qr else None
    return SignInLinkMade(
        user=who,
        url=urls[0],
        urls=urls,
        expires_at=expires,
        replaced=replaced,
        note=reach.note,
        qr=None if made is None else made.blocks,
        qr_path=None if made is None else made.path,
        qr_size=None if made is None else made.size,
    )


@operation("user.links", http=("POST", "/users/links"), scope="code", on="platform", changes=True,
           errors=("name_taken", "store_unavailable"),
           short="expires_at links.given,user,url left_out.line,name,why note")  # fmt: skip
async def links(
    ctx: Context,
    accounts: Accounts,
    settings: Settings,
    reach: Reach,
    /,
    names: Annotated[
        str,
        Field(
            min_length=1,
            max_length=20_000,
            description="a name a line, `Surname, First name` on each line, or a table with headings; at most 200",
            examples=["Ada Lovelace\nben"],
            json_schema_extra={"format": "lines"},
        ),
    ],
    hours: Annotated[
        float | None,
        Field(gt=0, le=24 * 365, description="hours until they expire; by default as the setting `link_expires` says"),
    ] = None,
) -> SignInSheet:
    """Make a sheet of sign-in links for a class: a link for each name.

    Learners who are not there yet are added. Names of users have no spaces and accents: *Jörg Müller* is the user
    `Jorg.Muller`. E-mail addresses beside a name, numbers and bullets before it and a group in parentheses after it are
    ignored. Unusable lines are `left_out`. Each link signs in once and replaces an unused one of the user; only
    this result shows it. A dry run lists the names.
    """
    with the_store():
        sheet, left_out = await _read_names(ctx, accounts, names)
        class_ = "a learner" if len(sheet) == 1 else f"{len(sheet)} learners"
        without = f"; left out: {_describe_left_out(left_out)}" if left_out else ""
        ctx.about_to(
            f"make sign-in links for {class_}, and add those who are new{without}",
            [given if given == name else f"{given} ({name})" for given, name, _ in sheet],
        )
        seconds = settings.link_expires if hours is None else hours * HOUR_S
        made: list[SheetLink] = []
        expires = accounts.clock() + seconds
        for given, name, row in sheet:
            user, added = (row, False) if row is not None else await _add_learner(ctx, accounts, name)
            if (shown := "" if given == user.name else given) != user.shown:
                user = await accounts.show_as(user, shown)
            code, expires, _ = await accounts.new_link(user, seconds)
            url = f"{reach.urls[0]}/sign-in/{code}"
            qr = qr_of(url)
            made.append(SheetLink(given=given, user=user.name, added=added, url=url, qr_path=qr.path, qr_size=qr.size))
    more = {"left_out": left_out} if left_out else {}
    return SignInSheet(links=made, expires_at=expires, note=reach.note, **more)


async def _read_names(
    ctx: Context, accounts: Accounts, names: str
) -> tuple[list[tuple[str, str, UserRow | None]], list[UnusedLine]]:
    """Return each name with that of its user and the learner of that name, if there is one; then the other lines.

    Raises:
        OperationError: `validation_error` if no line can be used, or `missing_scope`.
    """
    given = read_class(names)
    if not 0 < len(given) <= MOST_NAMES:
        raise OperationError(
            "validation_error", f"names: expected 1 to {MOST_NAMES} names, one a line, got {len(given)}"
        )
    first: dict[str, int] = {}
    sheet: list[tuple[str, str, UserRow | None]] = []
    left_out: list[UnusedLine] = []
    for one in given:
        name = user_name_for(one.name)
        key = key_of(name)
        why = one.unclear or ("has no letter or digit" if not key else "is reserved" if key in RESERVED else "")
        if ONLY_NUMBERS.fullmatch(one.name):
            why = "has numbers but no name"
        if not why and key in first:
            why = f"is the same user as line {first[key]}, {name}; add a letter or a number to one of them"
        if not why:
            try:
                sheet.append((one.name, name, await _find_learner(ctx, accounts, name)))
            except OperationError as error:
                if error.code != "name_taken":
                    raise
                why = f"cannot be used: {error.message}"
        if why:
            left_out.append(UnusedLine(line=one.line, name=one.name[:100], why=why))
        else:
            first[key] = one.line
    if not sheet:
        unclear = any(one.unclear for one in given)
        raise OperationError(
            "validation_error", f"names: {_describe_left_out(left_out)}", hint=HOW if unclear else "choose another name"
        )
    return sheet, left_out


def _describe_left_out(left_out: Sequence[UnusedLine]) -> str:
    some = "; ".join(f"line {one.line}: {one.name!r} {one.why}" for one in left_out[:MOST_TOLD])
    return f"{some}; and {len(left_out) - MOST_TOLD} more" if len(left_out) > MOST_TOLD else some


async def _find_learner(ctx: Context, accounts: Accounts, name: str) -> UserRow | None:
    """Return the learner of this name, if there is one. Raises OperationError: `name_taken` or `missing_scope`."""
    row = await accounts.find(name)
    if row is not None and row.revoked is not None:
        raise _taken(row)
    may_manage(ctx, "learner" if row is None else standing_of(row), f"a link for {name}")
    if row is not None and standing_of(row) != "learner":
        raise OperationError("name_taken", f"{row.name} is a {row.role}, and the links are for learners")
    return row


async def _add_learner(ctx: Context, accounts: Accounts, name: str) -> tuple[UserRow, bool]:
    """Return a learner and whether this call added them: another request may add the same name first."""
    try:
        return await accounts.add(name, "learner"), True
    except NameTaken:
        row = await _find_learner(ctx, accounts, name)
        if row is None:
            raise _taken(UserRow(name, (), 0.0)) from None
        return row, False


def _narrowed(role: Role, scopes: list[Grant] | None) -> tuple[Grant, ...]:
    """Return the chosen scopes, none for all of the role. Raises OperationError: `validation_error`."""
    chosen = in_order(scopes or ())
    if beyond := [one for one in chosen if one not in ROLE_SCOPES[role]]:
        known = ", ".join(in_order(ROLE_SCOPES[role]))
        raise OperationError(
            "validation_error", f"scopes: a {role} cannot have {', '.join(beyond)}", hint=f"expected some of {known}"
        )
    return () if frozenset(chosen) == ROLE_SCOPES[role] else chosen


def _not_the_owner(name: str, why: str) -> None:
    if key_of(name) == OWNER.name:
        raise OperationError("conflict", why, hint="the owner is the user who can read the platform's data directory")


def _taken(row: UserRow) -> OperationError:
    if row.revoked is None:
        return OperationError("name_taken", f"there is a user {row.name} already", hint="try another name")
    why = f"{row.name} was the name of a removed user, and the audit log contains it"
    return OperationError("name_taken", why, hint="try another name")


def _owner(sandboxes: int) -> UserLine:
    return UserLine(
        id=None,
        name=OWNER.name,
        shown=OWNER.display_name,
        role="owner",
        scopes=list(in_order(OWNER.scopes)),
        narrowed=False,
        state="active",
        tokens=1,
        sandboxes=sandboxes,
        most_sandboxes=None,
        created_at=None,
        last_seen=None,
        removed_at=None,
    )


async def _describe_user(quotas: Quotas, tokens: Tokens, row: UserRow) -> UserLine:
    running, most = await quotas.sandboxes(row.name)
    return UserLine(
        id=row.id,
        name=row.name,
        shown=row.shown or row.name,
        role=role_of(row),
        scopes=list(in_order(scopes_of(row))),
        narrowed=scopes_of(row) != ROLE_SCOPES[role_of(row)],
        state="active" if row.revoked is None else "removed",
        tokens=0 if row.revoked is not None else await tokens.count(row.name),
        sandboxes=running,
        most_sandboxes=most,
        created_at=row.at,
        last_seen=row.seen,
        removed_at=row.revoked,
    )
