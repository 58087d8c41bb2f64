"""The refusal of a service that does not permit a scope, and how to permit it."""

from __future__ import annotations

from superlearner.operations.rights.users import NODE_SCOPES, Scope

__all__ = ["refusal", "remedy"]


def refusal(what: str, scope: Scope, permitted: frozenset[Scope]) -> str:
    """Return the error text for something that a service permits to no one."""
    has = ", ".join(one for one in NODE_SCOPES if one in permitted) or "nothing"
    return f"{what} needs the scope {scope}; this service permits {has}"


def remedy(scope: Scope) -> str:
    """Return a hint on how a service permits a scope.

    >>> remedy("operate")
    'the person who runs it can permit that: otp.observe(…, permissions=("read", "operate"))'
    """
    permissions = ", ".join(f'"{one}"' for one in NODE_SCOPES[: NODE_SCOPES.index(scope) + 1])
    return f"the person who runs it can permit that: otp.observe(…, permissions=({permissions}))"
