"""Who asks, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

__all__ = ["ANONYMOUS", "GRANTS", "OWNER", "SCOPES", "Grant", "Scope", "User"]

Scope = Literal["read", "operate", "code"]
"""`read` looks (secrets hidden), `operate` changes what runs, `code` changes its code or shows what is hidden."""

Grant = Literal["read", "operate", "code", "own"]
"""What somebody can be given: a scope, or `own`, which is all three on the nodes they own and nothing elsewhere."""

SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
GRANTS: Final[tuple[Grant, ...]] = get_args(Grant)


@dataclass(frozen=True, slots=True)
class User:
    """Somebody at a door: a name for the audit log, and scopes. `local` is who comes over loopback.

    >>> ada = User("ada", frozenset(("read", "own")))
    >>> ada.may("operate"), ada.may("operate", owner="ada"), ada.may("operate", owner="bob")
    (False, True, False)
    """

    name: str
    scopes: frozenset[Grant]
    local: bool = True

    def may(self, scope: Scope, owner: str | None = None) -> bool:
        """Whether they have the scope on a node of `owner`; None is a node that nobody owns, as the platform's."""
        return scope in self.scopes or (owner is not None and owner == self.name and "own" in self.scopes)


OWNER: Final = User("owner", frozenset(SCOPES))
"""Who holds the token of the platform."""

ANONYMOUS: Final = User("anonymous", frozenset(("read", "operate")))
"""Who comes over loopback without a credential."""
