"""Keys, addresses and configuration of the Zenoh carrier, as values; nothing here imports Zenoh."""

from __future__ import annotations

import hashlib
import ipaddress
import os
import re
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote, unquote

from otp.distribution.carriers.carrier_error import CarrierError
from otp.distribution.node_id import NodeId
from otp.distribution.settings import Settings

__all__ = [
    "FRAGMENT",
    "LOOPBACK_NAMES",
    "WINDOW",
    "Tls",
    "check_listen",
    "config_for",
    "endpoint",
    "host_of",
    "is_loopback",
    "node_key",
    "node_of",
    "settings_for",
]

WINDOW: Final = 48 * 1024
"""With `FRAGMENT` less than one batch of Zenoh (64 KiB): it drops what does not fit, without an error."""
FRAGMENT: Final = 8 * 1024
LEASE_MS: Final = 2_000
# Zenoh's low-latency transport would save a fifth of a call's time, but it waits for a full socket instead of dropping.
RETRY: Final = {"period_init_ms": 200, "period_max_ms": 1_000, "period_increase_factor": 2}
DIGITS: Final = 19
"""Maximum digits of a creation: it fits into 64 bits."""
LOOPBACK_NAMES: Final = ("localhost",)


@dataclass(frozen=True, slots=True)
class Tls:
    """Paths of PEM files: the authority that both sides trust, and this node's certificate and key.

    The certificate must name the address that others connect to (an IP address as such, not as a DNS name).
    """

    ca: str
    cert: str
    key: str


def settings_for(settings: Settings) -> Settings:
    """Return `settings` with a window and fragments that fit into one batch of Zenoh.

    >>> settings_for(Settings()).window
    49152
    """
    return replace(settings, window=min(settings.window, WINDOW), fragment=min(settings.fragment, FRAGMENT))


# Keys


def node_key(node: NodeId) -> str:
    """Return a node as two parts of a key; characters that Zenoh reserves are encoded.

    >>> node_key(NodeId("shop*@127.0.0.1", 7))
    'shop%2A%40127.0.0.1/7'
    """
    return f"{quote(node.name, safe='', errors='surrogatepass')}/{node.creation}"


def node_of(key: str) -> NodeId | None:
    """Return the node of two parts of a key, or None if `node_key` does not write it like this.

    >>> node_of("shop%2A%40127.0.0.1/7")
    NodeId(name='shop*@127.0.0.1', creation=7)
    """
    name, _, creation = key.partition("/")
    if not name or not creation.isascii() or not creation.isdigit() or len(creation) > DIGITS:
        return None
    try:
        node = NodeId(unquote(name, errors="strict"), int(creation))
    except UnicodeDecodeError:
        return None
    return node if node_key(node) == key else None


# Addresses


def endpoint(address: str, tls: Tls | None, default_port: int | None = None) -> str:
    """Return an address as Zenoh writes it; raises `CarrierError` for one that is malformed or needs TLS.

    >>> endpoint("127.0.0.1:7447", None)
    'tcp/127.0.0.1:7447'
    >>> endpoint("::1", None, 0)
    'tcp/[::1]:0'
    """
    given = re.fullmatch(r"(?:(tcp|tls)/)?(?:\[([0-9A-Fa-f:.]+)\]|([\w.-]+))(?::(\d{1,5}))?", address)
    if given is None and _is_ip6(address):
        protocol, host, port = None, address, None
    elif given is not None:
        protocol, host, port = given[1], given[2] or given[3], given[4]
    else:
        raise _malformed(address)
    number = int(port) if port else default_port
    if number is None or number > 0xFFFF:
        raise _malformed(address)
    if tls is None and (protocol == "tls" or not is_loopback(host)):
        raise _tls_required(address)
    if tls is not None and protocol == "tcp":
        raise _tls_required(address)
    return f"{'tls' if tls else 'tcp'}/{f'[{host}]' if ':' in host else host}:{number}"


def host_of(endpoint: str) -> str:
    """Return the host of an address as Zenoh writes it.

    >>> host_of("tcp/[::1]:0"), host_of("tcp/127.0.0.1:7447")
    ('::1', '127.0.0.1')
    """
    return endpoint.partition("/")[2].rpartition(":")[0].strip("[]")


def _malformed(address: str) -> CarrierError:
    hint = "" if re.search(r":-?\d|/", address) else "; try adding the port"
    text = f"expected an address like 127.0.0.1:7447 or tls/10.0.0.5:7447, got {address!r:.100}{hint}"
    return CarrierError(("bad_address", address), text)


def _tls_required(address: str) -> CarrierError:
    text = f"{address}: expected TLS beyond this machine; try certificates, or 127.0.0.1"
    return CarrierError(("tls_required", address), text)


def _is_ip6(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).version == 6
    except ValueError:
        return False


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine: an address of the loopback range, or a name for one."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in LOOPBACK_NAMES


def check_listen(listen: str, multicast: str | None, tls: Tls | None) -> str:
    """Return where to listen; raises `CarrierError` for an address or interface that needs TLS, or missing files."""
    if tls is None and multicast is not None and not re.fullmatch(r"lo\d*", multicast):
        raise _tls_required(multicast)
    for path in (tls.ca, tls.cert, tls.key) if tls else ():
        if not os.access(path, os.R_OK):
            raise CarrierError(("unreadable", path), f"{path}: expected a readable PEM file; try another path")
    return endpoint(listen, tls, default_port=0)


# Configuration


def config_for(
    group: str, listen: str | None, connect: list[str], multicast: str | None, tls: Tls | None
) -> dict[str, Any]:
    """Return the configuration of a Zenoh session, by key.

    Groups are apart already at the multicast address, so their nodes do not connect to each other.
    """
    digest = hashlib.blake2b(group.encode(), digest_size=5).digest()
    port = 16_384 + int.from_bytes(digest[3:], "big") % 16_384  # below the ports that systems give to clients
    config: dict[str, Any] = {
        "mode": "peer",
        "listen/endpoints": [listen] if listen else [],
        "connect/endpoints": connect,
        "connect/timeout_ms": -1,  # 0 would mean one attempt
        "connect/exit_on_failure": False,
        "connect/retry": RETRY,
        "open/return_conditions": {"connect_scouted": False, "declares": False},
        "scouting/multicast/enabled": multicast is not None,
        "scouting/multicast/address": f"239.{digest[0]}.{digest[1]}.{digest[2]}:{port}",
        "scouting/gossip/enabled": True,
        "transport/link/protocols": ["tls" if tls else "tcp"],
        "transport/link/tx/lease": LEASE_MS,
        "transport/link/tx/queue/size/real_time": 8,
        "transport/link/tx/queue/congestion_control/drop/wait_before_drop": 0,
        "transport/shared_memory/enabled": False,
        "adminspace": {"enabled": True, "permissions": {"read": True, "write": False}},
    }
    if listen is None:  # it introduces others to each other, and needs no links to all of them itself
        config["scouting/gossip/autoconnect"] = {"router": [], "peer": []}
    if multicast is not None:
        config["scouting/multicast/interface"] = multicast
    if tls is not None:
        config["transport/link/tls"] = {
            "root_ca_certificate": tls.ca,
            "listen_private_key": tls.key,
            "listen_certificate": tls.cert,
            "enable_mtls": True,
            "connect_private_key": tls.key,
            "connect_certificate": tls.cert,
            "verify_name_on_connect": True,
            "close_link_on_expiration": True,
        }
    return config
