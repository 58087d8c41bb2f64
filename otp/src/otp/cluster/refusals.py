"""Refusals: nodes that could not join, and why."""

# Terms have no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from typing import Any, Final, NamedTuple

__all__ = ["JoinRefused", "NotMember", "Refusal", "sentence"]

_TRY: Final[dict[str, str]] = {
    "no_cookie": "expected a cookie, got none; try `Cluster.join(cookie=…)` or the variable OTP_COOKIE",
    "wrong_cookie": "expected the cookie of {0}, got another; try the same cookie on both",
    "name_taken": "the name {0!r} belongs to a living member; try another name, or stop that member first",
    "incompatible": "expected the same {0} on both sides, got {1!r} here and {2!r} there; try the same version of otp",
    "unreachable": "no member answered at {0}; try the address of a running member, which has a port only if `listen` "
    "names one",
    "address_in_use": "cannot listen on {0}, which another program uses; try another address or port",
    "weak_cookie": "{0} has a port, where other users of this machine can try to guess this cookie; "
    "try `secrets.token_urlsafe(32)`",
    "tls_required": "{0} is not on this machine, where only mutual TLS is allowed; try certificates",
}


def sentence(reason: Any) -> str:
    """Return a reason of a refusal as a sentence that says what to try."""
    kind, *parts = reason if isinstance(reason, tuple) and reason else (reason,)
    form = _TRY.get(kind) if isinstance(kind, str) else None
    try:
        named = (", ".join(map(str, part)) if isinstance(part, tuple) else part for part in parts)
        return repr(reason) if form is None else form.format(*named)
    except IndexError:
        return repr(reason)


class JoinRefused(Exception):
    """A join or a connection that failed.

    `.reason`: `"no_cookie"`, `("wrong_cookie", node)`, `("name_taken", name)`, `("incompatible", what, here, there)`,
    `("unreachable", addresses)`, `("address_in_use", address)`, `("weak_cookie", address)` or
    `("tls_required", address)`.

    >>> from otp.cluster import JoinRefused
    >>> print(JoinRefused(("name_taken", "b")))
    the name 'b' belongs to a living member; try another name, or stop that member first
    """

    def __init__(self, reason: Any, text: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self._text = text

    def __str__(self) -> str:
        return self._text or sentence(self.reason)


class NotMember(Exception):
    """A node that is not a member of a cluster.

    >>> import otp
    >>> from otp.cluster import Cluster, NotMember
    >>> async def main():
    ...     try:
    ...         Cluster.here()
    ...     except NotMember as error:
    ...         return str(error)
    >>> otp.run(main)
    "node '...' is not a member of a cluster; try `await Cluster.join()` first"
    """


class Refusal(NamedTuple):
    """A node that this member refused, or that refused this member.

    `at` is the time in seconds, `reason` as in `JoinRefused`; `by` is `"here"` if this member refused, else `"there"`.

    >>> from otp.cluster import Refusal
    >>> Refusal(0.0, "b", ("wrong_cookie", "b"), "here").node
    'b'
    """

    at: float
    node: str
    reason: Any
    by: str
