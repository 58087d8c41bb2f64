"""Who asks, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

__all__ = ["ANONYMOUS", "OWNER", "SCOPES", "Scope", "User"]

Scope = Literal["read", "operate", "code"]
"""`read` looks (secrets hidden), `operate` changes what runs, `code` changes its code or shows what is hidden."""

SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)


@dataclass(frozen=True, slots=True)
class User:
    """Somebody at a door: a name for the audit log, and scopes. `local` is who comes over loopback."""

    name: str
    scopes: frozenset[Scope]
    local: bool = True

    def may(self, scope: Scope) -> bool:
        """Whether the scope is among theirs."""
        return scope in self.scopes


OWNER: Final = User("owner", frozenset(SCOPES))
"""Who holds the token of the platform."""

ANONYMOUS: Final = User("anonymous", frozenset(("read", "operate")))
"""Who comes over loopback without a credential."""
