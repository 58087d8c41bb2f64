"""Arguments of joining the cluster of a data directory: names, addresses and discovery, as users write them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from otp.cluster import Dns, FileList, Folder, Multicast
from superlearner.base.interfaces import is_loopback
from superlearner.cluster.bundles import bundle_problem
from superlearner.cluster.control import FOLDER
from superlearner.cluster.cookie import COOKIE_FILE, CookieError, read_cookie, read_or_make_cookie

__all__ = ["BACKEND", "HOST", "BadWay", "Way", "discovery_of", "member_name", "tls_of", "unreachable_host"]

BACKEND: Final = "superlearner.backend"
"""The service of a member that answers the pages and operations of a platform."""
REPORT: Final = "superlearner.cluster.member_report:member_report"
"""The function that any member may call on any other."""
HOST: Final = "127.0.0.1"
INCARNATIONS: Final = "incarnations"
PORT: Final = 7447
NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}(@[A-Za-z0-9_.:-]{1,120})?")
WAYS: Final = "local, lan, file:PATH, dns:NAME[:PORT] or none"


class BadWay(ValueError):
    """An argument of joining was typed wrongly; the text says what to try."""


def member_name(name: str) -> str:
    """Return the full name of a member: `b` is `b@127.0.0.1`. Raises `BadWay`.

    >>> member_name("b"), member_name("b@10.0.0.5")
    ('b@127.0.0.1', 'b@10.0.0.5')
    """
    if not NAME.fullmatch(name):
        raise BadWay(f"expected a name of letters, digits, '_', '-' and '.', got {name!r}; try b, or b@10.0.0.5")
    return name if "@" in name else f"{name}@{HOST}"


def unreachable_host(name: str, way: Way) -> str | None:
    """Return a warning if a member cannot be reached at the host in its name, else None.

    >>> unreachable_host("b@127.0.0.1", Way(Path("data")))
    >>> unreachable_host("b@10.0.0.5", Way(Path("data")))[:70]
    'no other machine can reach b@10.0.0.5: expected --listen 10.0.0.5 and '
    """
    short, _, host = name.partition("@")
    if (
        is_loopback(host)
        or not is_loopback(_host_of(way.advertise or way.listen))
        or (way.tls is not None and way.connect)
    ):
        return None
    expected = f"--listen {host}" + ("" if way.tls is not None else " and --tls-ca, --tls-cert, --tls-key")
    return (
        f"no other machine can reach {name}: expected {expected}, got --listen {way.listen}; "
        f"try {short} for a member on this machine"
    )


def _host_of(listen: str) -> str:
    """Return the host of `127.0.0.1`, `127.0.0.1:7447`, `tcp/127.0.0.1:7447` or `[::1]:7447`."""
    address = listen.rpartition("/")[2]
    host = address.rpartition(":")[0] if address.count(":") == 1 or address.startswith("[") else address
    return host.strip("[]")


def discovery_of(text: str) -> Any:
    """Return how to find members, from `local`, `lan`, `file:PATH`, `dns:NAME[:PORT]` or `none`. Raises `BadWay`.

    >>> discovery_of("local"), discovery_of("none"), discovery_of("dns:shop.internal")
    (Multicast(interface='lo'), None, Dns(name='shop.internal', port=7447, scheme=None))
    """
    kind, _, rest = text.partition(":")
    match kind:
        case "local" if kind == text:
            return Multicast("lo")
        case "lan" if kind == text:
            return Multicast("auto")
        case "none" if kind == text:
            return None
        case "file" if rest:
            return FileList(Path(rest))
        case "dns" if rest:
            name, colon, port = rest.rpartition(":")
            if not colon:
                return Dns(rest, PORT)
            if name and port.isdigit() and 0 < int(port) < 65536:
                return Dns(name, int(port))
        case _:
            pass
    raise BadWay(f"expected {WAYS}, got {text!r}; try --discovery local")


@dataclass(frozen=True, slots=True)
class Way:
    """The arguments of joining.

    Attributes:
        folder: the data directory, which has the cookie and the incarnations.
        cookie_file: another file with the cookie.
        connect: addresses of members.
        listen: the address to listen on.
        advertise: the address that others dial, if it is not that of `listen`.
        discovery: as `discovery_of` takes it.
        allow: what other members may start or call.
        tls: certificates, for members on other machines.
        settings: times and sizes of sessions; None for the usual ones.
        leases: the store of leases, if there is one.
    """

    folder: Path
    cookie_file: Path | None = None
    connect: tuple[str, ...] = ()
    listen: str = HOST
    advertise: str | None = None
    discovery: str = "local"
    allow: tuple[str, ...] = ()
    tls: Any = None
    settings: Any = None
    leases: Any = None

    def cookie(self) -> str:
        """Return the cookie; create that of the data directory. Raises `CookieError`."""
        if self.cookie_file is None:
            return read_or_make_cookie(self.folder)
        found = read_cookie(self.cookie_file)
        if found is None:
            raise CookieError(
                f"expected a file with the cookie of the cluster, got no file {self.cookie_file}; "
                f"try a copy of the file {COOKIE_FILE} in the data directory of a member"
            )
        return found

    def _discovery(self) -> Any:
        found = discovery_of(self.discovery)
        return (Folder(self.folder / FOLDER), found) if isinstance(found, Multicast) else found

    def arguments(self, name: str) -> dict[str, Any]:
        """Return the arguments of `Cluster.join` for the member `name`. Raises `CookieError`, `BadWay`."""
        incarnations = self.folder / INCARNATIONS
        incarnations.mkdir(parents=True, exist_ok=True, mode=0o700)
        return {
            "cookie": self.cookie(),
            "listen": self.listen,
            "advertise": self.advertise,
            "connect": self.connect,
            "discovery": self._discovery(),
            "allow": (*self.allow, REPORT),
            "tls": self.tls,
            "settings": self.settings,
            "leases": self.leases,
            "incarnations": incarnations / re.sub(r"[^A-Za-z0-9_.@-]", "_", name),
        }


def tls_of(ca: Path | None, cert: Path | None, key: Path | None) -> Any:
    """Return the certificates of a member, None without any. Raises `BadWay` if one is missing or of no use."""
    given = {"ca": ca, "cert": cert, "key": key}
    missing = [name for name, path in given.items() if path is None]
    if len(missing) == len(given):
        return None
    if missing:
        raise BadWay(f"expected an authority, a certificate and a key, got no {' and no '.join(missing)}")
    if ca is not None and cert is not None and key is not None and (problem := bundle_problem(ca, cert, key)):
        raise BadWay(problem)
    from otp.cluster import Tls

    return Tls(**{name: str(path) for name, path in given.items()})
