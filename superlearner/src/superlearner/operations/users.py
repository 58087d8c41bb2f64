"""Users and their scopes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

__all__ = ["ANONYMOUS", "GRANTS", "NODE_SCOPES", "OWNER", "SCOPES", "Grant", "Scope", "User"]

Scope = Literal["read", "operate", "code", "admin"]
"""`read` shows data (secrets redacted), `operate` changes processes, `code` changes code or shows secrets.

`admin` changes the platform's own processes, with `force`.
"""

Grant = Literal["read", "operate", "code", "admin", "own"]
"""A scope, or `own`: all scopes but `admin` on the user's own nodes, none elsewhere."""

SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
NODE_SCOPES: Final = SCOPES[:3]
"""The scopes on nodes other than the platform's, which have none of its processes."""

GRANTS: Final[tuple[Grant, ...]] = get_args(Grant)


@dataclass(frozen=True, slots=True)
class User:
    """The user of a request: a name for the audit log, and scopes; `local` if the request came over loopback.

    >>> ada = User("ada", frozenset(("read", "own")))
    >>> ada.may("operate"), ada.may("operate", owner="ada"), ada.may("operate", owner="bob")
    (False, True, False)
    """

    name: str
    scopes: frozenset[Grant]
    local: bool = True

    def may(self, scope: Scope, owner: str | None = None) -> bool:
        """Return whether the user has the scope on a node of `owner` (None: a node without an owner)."""
        if scope in self.scopes:
            return True
        return owner is not None and owner == self.name and "own" in self.scopes and scope in NODE_SCOPES


OWNER: Final = User("owner", frozenset(SCOPES))
"""The user with the platform's own token."""

ANONYMOUS: Final = User("anonymous", frozenset(("read", "operate")))
"""The user of a request over loopback without a credential."""
