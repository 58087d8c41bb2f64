"""The listening socket: bound once by the application, so that a restart of the web server refuses no connection."""

from __future__ import annotations

import contextlib
import errno
import socket
import ssl
import weakref
from typing import Final

__all__ = ["BACKLOG", "CannotListen", "Listener"]

BACKLOG: Final = 2048
"""Connections that may wait to be accepted."""


class CannotListen(OSError):
    """The address cannot be listened on; the text names the port and the flag to change it."""


class Listener:
    """A bound socket; each web server gets a duplicate.

    Without a server, connections wait in its backlog.
    """

    def __init__(self, sock: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        self._socket = sock
        self.tls = tls
        self._twins: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self.host: str = sock.getsockname()[0]
        self.port: int = sock.getsockname()[1]

    @classmethod
    def bind(cls, host: str, port: int, tls: ssl.SSLContext | None = None) -> Listener:
        """Bind and listen; port 0 takes a free one. With `tls`, connections use https.

        Raises:
            CannotListen: the port is in use, or the address does not belong to this machine.
        """
        try:
            family, kind, proto, _, address = socket.getaddrinfo(
                host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
        except OSError as error:
            raise CannotListen(f"cannot listen on {host}: {error.strerror or error}; try --host 127.0.0.1") from None
        sock = socket.socket(family, kind, proto)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(address)
            sock.listen(BACKLOG)
            sock.setblocking(False)
        except OSError as error:
            sock.close()
            raise CannotListen(_explain(error, host, port)) from None
        return cls(sock, tls)

    def duplicate(self) -> socket.socket:
        """Return another socket that accepts from the same queue of connections."""
        twin = self._socket.dup()
        twin.setblocking(False)
        self._twins.add(twin)
        return twin

    def let_go(self) -> None:
        """Close the copies in a forked child, which would accept connections."""
        for sock in (*self._twins, self._socket):
            with contextlib.suppress(OSError):
                sock.close()

    def close(self) -> None:
        """Stop listening."""
        with contextlib.suppress(OSError):
            self._socket.close()

    def url(self, root_path: str = "") -> str:
        """Return the address to open in a browser."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        scheme = "http" if self.tls is None else "https"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{self.port}{root_path}"


def _explain(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        other = port + 1 if port < 65535 else port - 1
        return f"port {port} on {host} is in use; try --port {other}, or --port 0 for a free one"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"port {port} on {host} needs more rights than this program has; try --port 4000"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is not an address of this machine; try --host 127.0.0.1"
    return f"cannot listen on port {port} of {host}: {error.strerror or error}; try another --port or --host"
