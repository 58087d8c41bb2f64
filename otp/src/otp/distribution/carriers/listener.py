"""A socket that listens for links at one address of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import Callable
from contextvars import Context
from dataclasses import replace
from typing import Final
from weakref import finalize

from otp.distribution.carriers.carrier_error import CarrierError
from otp.distribution.carriers.stream_address import StreamAddress
from otp.unix_sockets import bind_privately

__all__ = ["Listener"]

WAITING: Final = 256
"""Connections that wait to be accepted."""
FULL_S: Final = 1.0


class Listener:
    """A listening socket; `on_accepted` is called with each connected one, which it then owns.

    `address` is where it listens, with the port that the system has chosen. A path is removed by `close`.

    Raises `CarrierError` with the address as it was `typed`: `("address_in_use", typed)`, or `("cannot_start", typed)`.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, address: StreamAddress, typed: str,
        on_accepted: Callable[[socket.socket], object], warn: Callable[[str], object],
    ) -> None:  # fmt: skip
        self._loop = loop
        self._on_accepted = on_accepted
        self._warn = warn
        self._again: asyncio.TimerHandle | None = None
        self._server: socket.socket | None = _listen(address, typed)
        try:
            self._watch()
        except NotImplementedError:
            self._server.close()
            _remove(address)
            why = "expected an event loop that watches sockets; try asyncio.SelectorEventLoop"
            raise CarrierError(("cannot_start", typed), f"{typed}: {why}") from None
        self._close_socket = finalize(self, self._server.close)  # also if the loop is closed before
        self.address: StreamAddress = address
        if not address.path:
            self.address = replace(address, port=self._server.getsockname()[1])

    def close(self) -> None:
        """Stop listening."""
        server, self._server = self._server, None
        if server is None:
            return
        if self._again is not None:
            self._again.cancel()
        self._loop.remove_reader(server)
        _remove(self.address)  # first: a path that refuses connections counts as the end of this process
        self._close_socket()

    def _watch(self) -> None:
        if self._server is not None:
            Context().run(self._loop.add_reader, self._server, self._accept)

    def _accept(self) -> None:
        server = self._server
        if server is None:
            return
        try:
            accepted, _ = server.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError as error:  # no file descriptors are left: the loop would try again at once
            self._warn(f"{self.address} accepts no links for {FULL_S} s: {error}")
            self._loop.remove_reader(server)
            self._again = self._loop.call_later(FULL_S, self._watch, context=Context())
            return
        self._on_accepted(accepted)


def _listen(address: StreamAddress, typed: str) -> socket.socket:
    try:
        if address.path:
            return _listen_at_path(address)
        server = socket.create_server((address.host, address.port), family=address.family, backlog=WAITING)
    except OSError as error:
        raise _explain(typed, error) from None
    server.setblocking(False)
    return server


def _listen_at_path(address: StreamAddress) -> socket.socket:
    server = bind_privately(address.path)
    server.listen(WAITING)
    server.setblocking(False)
    return server


def _remove(address: StreamAddress) -> None:
    if address.path:
        with contextlib.suppress(OSError):
            os.unlink(address.path)


def _explain(typed: str, error: OSError) -> CarrierError:
    if error.errno == errno.EADDRINUSE:
        return CarrierError(
            ("address_in_use", typed), f"{typed}: expected a free address, got one in use; try another path or port"
        )
    return CarrierError(("cannot_start", typed), f"{typed}: {error.strerror or error}")
