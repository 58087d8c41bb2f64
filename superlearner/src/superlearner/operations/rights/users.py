"""Users, their roles and their scopes."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, get_args

__all__ = [
    "ANONYMOUS",
    "GRANTS",
    "NODE_SCOPES",
    "OWNER",
    "ROLES",
    "ROLE_SCOPES",
    "SCOPES",
    "Grant",
    "Role",
    "Scope",
    "User",
    "in_order",
    "key_of",
    "name_like",
    "name_of",
    "outranks",
    "role_for",
    "user_name_for",
]

Scope = Literal["read", "operate", "code", "admin"]
"""`read` shows data (secrets redacted), `operate` changes processes, `code` changes code or shows secrets.

`admin` changes the platform's own processes, with `force`.
"""

Grant = Literal["read", "operate", "code", "admin", "own"]
"""A scope, or `own`: all scopes but `admin` on the user's own nodes, none elsewhere."""

Role = Literal["owner", "teacher", "learner", "viewer"]
"""The role of a user, which decides their scopes."""

SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
NODE_SCOPES: Final = SCOPES[:3]
"""The scopes on nodes other than the platform's, which have none of its processes."""

GRANTS: Final[tuple[Grant, ...]] = get_args(Grant)
ROLES: Final[tuple[Role, ...]] = get_args(Role)

ROLE_SCOPES: Final[dict[Role, frozenset[Grant]]] = {
    "owner": frozenset(GRANTS),
    "teacher": frozenset(("read", "operate", "code", "own")),
    "learner": frozenset(("own",)),
    "viewer": frozenset(("read",)),
}
"""The scopes of each role. Users can have fewer."""

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
MANAGED: Final[dict[Role, frozenset[Role]]] = {
    "owner": frozenset(ROLES),
    "teacher": frozenset(("learner", "viewer")),
    "learner": frozenset(),
    "viewer": frozenset(),
}
"""The roles whose users each role adds, links and removes."""


@dataclass(frozen=True, slots=True)
class User:
    """The user of a request: a name for the audit log, and scopes; `local` if the request came over loopback.

    `id` is that of a stored user; None for the platform's owner and for anonymous users. `role` is None for anonymous
    users.

    >>> ada = User("ada", frozenset(("read", "own")))
    >>> ada.may("operate"), ada.may("operate", owner="ada"), ada.may("operate", owner="bob")
    (False, True, False)
    """

    name: str
    scopes: frozenset[Grant]
    local: bool = True
    id: int | None = None
    role: Role | None = None
    shown: str = ""

    @property
    def display_name(self) -> str:
        """The name as typed, with accents and spaces."""
        return self.shown or self.name

    def may(self, scope: Scope, owner: str | None = None) -> bool:
        """Return whether the user has the scope on a node of `owner` (None: a node without an owner)."""
        if scope in self.scopes:
            return True
        return owner is not None and owner == self.name and "own" in self.scopes and scope in NODE_SCOPES

    @property
    def only_own(self) -> bool:
        """True without any scope but `own`: for this user, things of others do not exist."""
        return self.scopes <= {"own"}

    @property
    def only_owner(self) -> str | None:
        """The only owner whose things exist for the user; None if those of all do."""
        return self.name if self.only_own else None

    def sees(self, owner: str | None) -> bool:
        """Return whether things of `owner` (None: those without an owner) exist for the user.

        >>> bob = User("bob", frozenset(("own",)))
        >>> bob.sees("bob"), bob.sees("ada"), bob.sees(None), ANONYMOUS.sees("ada")
        (True, False, False, True)
        """
        return not self.only_own or self.may("read", owner)


OWNER: Final = User("owner", frozenset(SCOPES), role="owner")
"""The user with the platform's own token."""

ANONYMOUS: Final = User("anonymous", frozenset(("read", "operate")))
"""The user of a request over loopback without a credential."""


def role_for(scopes: Iterable[Grant]) -> Role:
    """Return the lowest role that has these scopes.

    >>> role_for(["read"]), role_for(["own"]), role_for(["read", "own"])
    ('viewer', 'learner', 'teacher')
    """
    wanted = frozenset(scopes)
    fitting: list[Role] = [role for role in ROLES if wanted <= ROLE_SCOPES[role]]
    return fitting[-1]


def outranks(role: Role | None, other: Role) -> bool:
    """Return whether users of `role` may add, link, change and remove users of `other`.

    >>> outranks("teacher", "learner"), outranks("teacher", "teacher"), outranks(None, "viewer")
    (True, False, False)
    """
    return role is not None and other in MANAGED[role]


def in_order(scopes: Iterable[str]) -> tuple[Grant, ...]:
    """Return scopes in their usual order, each once; words that are no scope are left out."""
    return tuple(grant for grant in GRANTS if grant in set(scopes))


def name_of(given: str) -> str | None:
    """Return a name as it is stored, in the normal form NFKC; None if it is not allowed.

    >>> name_of("Ａda"), name_of("a b"), name_of("ada.l@school")
    ('Ada', None, 'ada.l@school')
    """
    name = unicodedata.normalize("NFKC", given)
    return name if NAME.fullmatch(name) else None


LATIN: Final = str.maketrans(
    {"ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L"}
    | {"đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "ı": "i"}
)
"""Latin letters that Unicode does not decompose."""


def name_like(given: str) -> str:
    """Return an allowed name for that of a person; "" if no letter or digit is left.

    >>> name_like("Jörg  Müller"), name_like("o'Neil, Ada"), name_like("Søren Weiß"), name_like("李")
    ('Jorg.Muller', 'oNeil.Ada', 'Soren.Weiss', '')
    >>> name_like("D. Knuth"), name_like("Ada K. L. Byron Jr.")
    ('D.Knuth', 'Ada.K.L.Byron.Jr')
    """
    plain = unicodedata.normalize("NFKD", given.translate(LATIN)).encode("ascii", "ignore").decode()
    words = [re.sub(r"[^A-Za-z0-9._@-]", "", word) for word in re.split(r"[\s,;]+", plain)]
    return re.sub(r"\.{2,}", ".", ".".join(words)).lstrip("._@-")[:64].rstrip(".")


def user_name_for(given: str) -> str:
    """Return the name of the user for a person, generated if none of their letters can be in it; "" for no letters.

    >>> user_name_for("Jörg Müller"), user_name_for("李小龙") == user_name_for("李小龙 "), user_name_for("...")
    ('Jorg.Muller', True, '')
    """
    letters = key_of("".join(each for each in given if each.isalnum()))
    generated = f"learner.{hashlib.sha256(letters.encode()).hexdigest()[:6]}" if letters else ""
    return name_like(given) or generated


def key_of(name: str) -> str:
    """Return the form in which names are compared: case does not matter."""
    return unicodedata.normalize("NFKC", name).casefold()
