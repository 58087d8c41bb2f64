"""The cookie of a cluster, and the discovery key that is derived from it."""

from __future__ import annotations

import hmac
import os
from typing import Final

from otp.cluster.refusals import JoinRefused
from otp.kernel.values.errors import BadArgument

__all__ = ["VARIABLE", "cookie_of", "discovery_key", "is_weak", "link_secret"]

VARIABLE: Final = "OTP_COOKIE"
_PURPOSE: Final = b"otp 1 discovery key"
SHORTEST: Final = 32
DIFFERENT: Final = 8
"""A cookie with fewer different bytes is not random: one in 28 million of 32 random hexadecimal digits has fewer."""


def cookie_of(given: str | bytes | None) -> bytes:
    """Return the given cookie, else that of the environment. Raises `JoinRefused("no_cookie")`."""
    if given is None:
        given = os.environ.get(VARIABLE)
    if isinstance(given, str):
        given = given.strip().encode()
    elif given is not None and not isinstance(given, bytes):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise BadArgument(f"Cluster.join(cookie=…): expected str or bytes, got {type(given).__name__}")
    if not given:
        raise JoinRefused("no_cookie")
    return given


def discovery_key(cookie: bytes) -> str:
    """Return the key under which members with this cookie find each other; the cookie does not follow from it.

    >>> discovery_key(b"a cookie") == discovery_key(b"a cookie"), len(discovery_key(b"another"))
    (True, 32)
    """
    return hmac.digest(cookie, _PURPOSE, "sha256").hex()[:32]


def is_weak(cookie: bytes) -> bool:
    """Return whether a program could guess this cookie.

    Any program that may connect to a member gets values with which it can check its guesses.

    >>> is_weak(b"secret"), is_weak(32 * b"x"), is_weak(b"0123456789abcdef0123456789abcdef")
    (True, True, False)
    """
    return len(cookie) < SHORTEST or len(set(cookie)) < DIFFERENT


def link_secret(cookie: bytes) -> bytes:
    """Return the secret of the direct links between members with this cookie; the cookie does not follow from it.

    >>> link_secret(b"a cookie") == link_secret(b"a cookie"), link_secret(b"a cookie") == link_secret(b"another")
    (True, False)
    """
    return hmac.digest(cookie, _PURPOSE + b" links", "sha256")
