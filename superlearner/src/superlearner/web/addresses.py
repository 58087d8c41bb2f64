"""Addresses of clients, and how they reach the platform from a terminal."""

from __future__ import annotations

import ipaddress
import shlex
from pathlib import Path

from starlette.requests import HTTPConnection

from superlearner.base.data_dir import command_line

__all__ = ["is_local", "reaching"]


def is_local(address: str) -> bool:
    """Return whether an address belongs to this machine."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_loopback


def reaching(request: HTTPConnection, folder: Path | None, root_path: str) -> str:
    """Return how commands begin in a terminal of the client: with the data directory, elsewhere with `--url`.

    The folder is not for other machines.
    """
    if request.client is not None and is_local(request.client.host):
        return command_line(folder)
    return f"superlearner --url {shlex.quote(f'{request.url.scheme}://{request.url.netloc}{root_path}')}"
