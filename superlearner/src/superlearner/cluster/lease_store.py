"""The store of leases of a member, from the address that users write."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit, urlunsplit

from superlearner.cluster.ways import BadWay

__all__ = ["VARIABLE", "lease_arguments_of", "lease_store_of"]

VARIABLE: Final = "OTP_LEASES"
FORMS: Final = "postgresql://USER@HOST/DATABASE, etcd:http://HOST:2379,… or file:PATH"


def lease_store_of(url: str | None, environ: Mapping[str, str] = os.environ, tls: Any = None) -> Any:
    """Return the store at an address, by default that of the variable `OTP_LEASES`; None without one.

    Args:
        url: `postgresql://USER@HOST/DATABASE`, `etcd:http://HOST:2379,http://HOST:2379`, or `file:PATH` of a file with
            one of these. A password is allowed in the variable and in a file that others cannot read, since other users
            of a machine see the arguments of a command. Special characters of it are escaped, such as `%40` for `@`.
        environ: the variables of the environment.
        tls: the certificates of the member, for addresses of etcd with `https`.

    Raises `BadWay` for another form and for a password in `url`, and `ImportError` if a package is missing.

    >>> lease_store_of("etcd:http://10.0.0.5:2379", {})
    EtcdLeases(['http://10.0.0.5:2379'], namespace='otp')
    >>> lease_store_of(None, {"OTP_LEASES": "postgresql://ada:secret@db/shop"})
    PostgresLeases('db/shop', namespace='otp')
    """
    found = _address(url, environ)
    return None if found is None else _store(*found, tls)


def lease_arguments_of(url: str | None, environ: Mapping[str, str] = os.environ) -> dict[str, Any] | None:
    """Return the arguments of `PostgresLeases` or `EtcdLeases` for an address; as for `lease_store_of`.

    >>> lease_arguments_of("postgresql://ada@db/shop", {})
    {'dsn': 'postgresql://ada@db/shop'}
    """
    found = _address(url, environ)
    if found is None:
        return None
    _store(*found, None)  # checks it
    return _etcd(found[1]) if found[1].startswith("etcd:") else {"dsn": found[1]}


def _address(url: str | None, environ: Mapping[str, str]) -> tuple[str, str] | None:
    """Return where the address of a store was found, and the address."""
    if url is None:
        found = environ.get(VARIABLE, "")
        return (VARIABLE, found) if found else None
    kind, _, rest = url.partition(":")
    if kind != "file":
        if _has_password(url):
            raise BadWay(
                "expected --leases without a password, which other users of this machine can read there; "
                f"try the variable {VARIABLE}, or --leases file:PATH"
            )
        return "--leases", url
    try:
        with Path(rest).open() as file:  # opened once: its mode is that of what is read
            mode, found = os.fstat(file.fileno()).st_mode & 0o777, file.read().strip()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is not a text file"
        raise BadWay(f"cannot read {rest!r}: {why}; try the path of a file with the address of the store") from None
    if mode & 0o077 and _has_password(found):
        raise BadWay(f"{rest} has a password and can be read by others (mode {mode:04o}); try `chmod 600 {rest}`")
    return rest, found


def _store(source: str, url: str, tls: Any) -> Any:
    from otp import BadArgument
    from otp.cluster import EtcdLeases, PostgresLeases

    stores: dict[str, Callable[[], Any]] = {
        "postgresql": lambda: PostgresLeases(url),
        "postgres": lambda: PostgresLeases(url),
        "etcd": lambda: EtcdLeases(**_etcd(url), tls=tls),
    }
    make = stores.get(url.partition(":")[0])
    if make is None:
        raise BadWay(f"expected {FORMS} in {source}, got another form; try postgresql://ada@db/shop")
    try:
        return make()
    except (BadArgument, ValueError) as error:
        raise BadWay(f"{source}: {error}") from None


def _etcd(url: str) -> dict[str, Any]:
    """Return the arguments of `EtcdLeases`; one of the addresses may have a user and a password."""
    parts = [urlsplit(endpoint) for endpoint in url.partition(":")[2].split(",")]
    plain = [urlunsplit(part._replace(netloc=part.netloc.rpartition("@")[2])) for part in parts]
    user = next((part for part in parts if part.username is not None), parts[0])
    return {"endpoints": plain, "user": _unquoted(user.username), "password": _unquoted(user.password)}


def _unquoted(part: str | None) -> str | None:
    return None if part is None else unquote(part)


def _has_password(url: str) -> bool:
    """Return whether an address may contain a password, also one that is not escaped. Raises `BadWay`."""
    try:
        addresses = [urlsplit(part) for part in url.removeprefix("etcd:").split(",")] + [urlsplit(url)]
    except ValueError as error:
        raise BadWay(f"expected {FORMS}, got an address that cannot be read: {error}") from None
    return any(
        address.password is not None
        or "password" in parse_qs(address.query)
        or "@" in address.path + address.query + address.fragment
        for address in addresses
    )
