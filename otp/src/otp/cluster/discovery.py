"""Discovery: where a member looks for others of its cluster.

`Cluster.join(discovery=…)` takes one of these, a tuple of them, or `None`. Addresses are written as
`"tcp/10.0.0.5:7447"` or, with certificates, `"tls/10.0.0.5:7447"`.
"""

from __future__ import annotations

import asyncio
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from otp.kernel.values.errors import BadArgument

__all__ = ["Discovery", "Dns", "FileList", "Folder", "Multicast", "Static"]


class Discovery(Protocol):
    """A source of addresses; it is read again while the cluster runs."""

    async def addresses(self) -> list[str]:
        """Return the addresses to try now. Raises `OSError` or `ValueError` if the source cannot be read."""
        ...


@dataclass(frozen=True, slots=True)
class Multicast:
    """Members find each other by multicast on a network interface, for which they need certificates.

    `"lo"` is this machine: without certificates, the members of one user find each other there by a private folder of
    that user, and nothing is sent. Only members with the same cookie find each other.

    >>> from otp.cluster import Multicast
    >>> Multicast().interface
    'lo'
    """

    interface: str = "lo"

    async def addresses(self) -> list[str]:
        """Return no address: the carrier itself looks for members."""
        return []


@dataclass(frozen=True, slots=True)
class Folder:
    """Members of one user and machine find each other by entries in a folder, which only that user can write to.

    Only members with the same cookie find each other. It has no effect with certificates.

    >>> from otp.cluster import Folder
    >>> Folder("data/members").path
    'data/members'
    """

    path: str | os.PathLike[str]

    async def addresses(self) -> list[str]:
        """Return no address: the carrier itself reads the folder."""
        return []


@dataclass(frozen=True, slots=True, init=False)
class Static:
    """A fixed list of addresses; those that do not answer are tried again.

    >>> from otp.cluster import Static
    >>> Static("tcp/10.0.0.5:7447", "tcp/10.0.0.6:7447").listed[1]
    'tcp/10.0.0.6:7447'
    """

    listed: tuple[str, ...]

    def __init__(self, *addresses: str) -> None:
        for address in addresses:
            if not isinstance(address, str) or not address:  # pyright: ignore[reportUnnecessaryIsInstance]
                raise BadArgument(f"Static: expected addresses such as 'tcp/10.0.0.5:7447', got {address!r}")
        object.__setattr__(self, "listed", addresses)

    async def addresses(self) -> list[str]:
        """Return the list."""
        return list(self.listed)


@dataclass(frozen=True, slots=True)
class FileList:
    r"""Addresses in a file, one a line; `#` begins a comment. The file is read again while the cluster runs.

    >>> import asyncio, pathlib, tempfile
    >>> from otp.cluster import FileList
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "members")
    ...     _ = path.write_text("tcp/10.0.0.5:7447  # the first\n")
    ...     asyncio.run(FileList(path).addresses())
    ['tcp/10.0.0.5:7447']
    """

    path: str | os.PathLike[str]

    async def addresses(self) -> list[str]:
        """Return the addresses that the file has now."""
        lines = _text_of(self.path).splitlines()
        return [address for line in lines if (address := line.partition("#")[0].strip())]


def _text_of(path: str | os.PathLike[str]) -> str:
    return Path(path).read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Dns:
    """The addresses of a host name, each with the same port; the name is resolved again while the cluster runs.

    `scheme` is that of the addresses; by default `"tls"` for a member with certificates, else `"tcp"`.

    >>> import asyncio
    >>> from otp.cluster import Dns
    >>> asyncio.run(Dns("127.0.0.1", 7447).addresses())
    ['tcp/127.0.0.1:7447']
    """

    name: str
    port: int
    scheme: str | None = None

    def __post_init__(self) -> None:
        if not (isinstance(self.port, int) and 0 < self.port < 65_536):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise BadArgument(f"Dns: expected a port from 1 to 65535, got {self.port!r:.100}; try Dns(name, 7447)")

    async def addresses(self) -> list[str]:
        """Return the addresses to which the name resolves now."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(self.name, self.port, type=socket.SOCK_STREAM)
        hosts = dict.fromkeys(f"[{at[0]}]" if family == socket.AF_INET6 else at[0] for family, _, _, _, at in found)
        return [f"{self.scheme or 'tcp'}/{host}:{self.port}" for host in hosts]
