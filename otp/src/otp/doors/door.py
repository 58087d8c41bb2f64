"""`otp.observe`: remote access to a running program for holders of a token."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import secrets
import socket
import weakref
from collections.abc import Iterable
from contextvars import Context
from types import TracebackType
from typing import TYPE_CHECKING, Final

from otp.doors.ending import find_last_word
from otp.doors.folder import DoorRecord, find_doors, runtime_folder, write_record
from otp.doors.holds import ENDING, HoldFile
from otp.doors.place import Place, place_of
from otp.kernel.steps.node import Node, start_detached
from otp.kernel.tables.names import node_here
from otp.kernel.tables.scheduler import find_scheduler
from otp.kernel.values.errors import BadArgument
from otp.locked_entries import LockedEntry
from otp.observer.methods import Permission, check_permissions
from otp.unix_sockets import bind_privately

if TYPE_CHECKING:
    from otp.doors.visit import Behind
    from otp.watchdog import Watchdog

__all__ = ["Door", "observe"]

BACKEND: Final = "superlearner.backend:serve"
MOST_VISITS: Final = 16
"""Maximum number of connections; more are closed at once."""
SHORTEST_TOKEN: Final = 16
LONGEST_NAME: Final = 40
ORDER: Final[tuple[Permission, ...]] = ("read", "operate", "code")
UNFIT: Final = re.compile(r"[^A-Za-z0-9_.@-]")

log: Final = logging.getLogger("otp.doors")


def observe(
    node: Node | None = None,
    *,
    address: str | None = None,
    permissions: Iterable[Permission] = ("read",),
    token: str | None = None,
    name: str | None = None,
    backend: str | None = BACKEND,
) -> Door:
    """Return a door into this program: open it with `async with`, or with `open()` and `close()`.

    Args:
        node: the node behind it; None uses that of the running process or the only one of this loop, or creates one
            otherwise.
        address: the path of a Unix socket (mode 0600), or `host:port`. None creates a socket in the folder of this
            user.
        permissions: `read` inspects, without secrets; `operate` also controls what runs; `code` also changes its code
            and shows secrets. A visitor gets no more through this door, whatever other rights they have.
        token: the secret that opens it, at least 16 characters. None generates one. In either case it is stored in a
            file of mode 0600 for other programs of this user. An address that other machines reach requires an explicit
            token.
        name: the name of the service, to which the process id is appended; None: the name of its node.
        backend: `"module:function"` that answers the pages of a platform, if it can be imported here; None: only a
            `ViewServer`.

    An open door is a listening socket: it costs nothing until a visitor connects. From then on, an `otp.watchdog` logs
    which callback holds the event loop for a second, unless the loop has a watchdog, and writes it to a file beside
    the socket, for the visitor.

    Raises `BadArgument` for invalid arguments; opening it raises `ImportError` without msgspec, and `OSError` if the
    given address is taken. If the folder of this user cannot be used, a warning says so, and the door stays closed, or
    has only the given address.

    >>> import asyncio, otp
    >>> async def main():
    ...     async with otp.Node("shop@127.0.0.1") as node, otp.observe(node) as door:
    ...         return door.permissions, door.record.node
    >>> asyncio.run(main())
    (('read',), 'shop@127.0.0.1')

    Difference from Erlang: there, every node with the cookie may do everything.
    """
    return Door(node, address, permissions, token, name, backend)


class Door:
    """A door into this program; created by `observe`."""

    def __init__(
        self,
        node: Node | None,
        address: str | None,
        permissions: Iterable[Permission],
        token: str | None,
        name: str | None,
        backend: str | None,
    ) -> None:
        given = check_permissions(tuple(permissions))
        self.permissions: tuple[Permission, ...] = tuple(one for one in ORDER if one in given)
        if not self.permissions:
            raise BadArgument(f"observe(permissions=…): expected some of {ORDER}, got none; try ('read',)")
        if token is not None and len(token) < SHORTEST_TOKEN:
            raise BadArgument(
                f"observe(token=…): expected at least {SHORTEST_TOKEN} characters, got {len(token)}; "
                "try secrets.token_urlsafe(32)"
            )
        self._place = None if address is None else place_of(address)
        if self._place is not None and not self._place.is_loopback and token is None:
            raise BadArgument(
                f"observe(address={address!r}): expected a token for an address others can reach, got none; "
                "try token=secrets.token_urlsafe(32)"
            )
        self._token = token or secrets.token_urlsafe(32)
        self._node = node
        self._name = name
        self._backend = backend
        self._made: Node | None = None
        self._record: DoorRecord | None = None
        self._is_listed = False
        self._socket: socket.socket | None = None
        self._behind: Behind | None = None
        self._visits: set[asyncio.Task[None]] = set()
        self._watchdog: Watchdog | None = None
        self._hold_file: HoldFile | None = None
        self._closing: asyncio.Task[None] | None = None
        self._tidy: weakref.finalize[..., Door] | None = None

    def __repr__(self) -> str:
        return f"<Door {self._record.name if self._record else 'closed'}>"

    @property
    def record(self) -> DoorRecord:
        """The data of the open door, including the token. Raises `BadArgument` if it is closed."""
        if self._record is None:
            raise BadArgument("expected an open door; try `async with otp.observe() as door:`")
        return self._record

    async def open(self) -> Door:
        """Open the door; no effect if it is open. Raises the errors listed in `observe`."""
        if self._socket is not None:
            return self
        try:
            from otp.doors.visit import Behind
        except ModuleNotFoundError as error:
            if error.name != "msgspec":
                raise
            raise ImportError("otp.observe() needs msgspec; try: pip install msgspec") from None
        node = await self._find_node()
        try:
            self._listen(node)
        except _NoPlace as error:  # a service goes on without its observers
            await self._leave_node()
            log.warning("this program cannot be observed: %s", error)
            return self
        except BaseException:
            await self._leave_node()
            raise
        self._behind = Behind(node, self.permissions, self._token.encode(), self._backend)
        asyncio.get_running_loop().add_reader(self.listening.fileno(), self._accept)
        node.doors.append(self.close)
        where = self.record.name if self._is_listed else self.record.address
        log.info("a door is open (%s); try: superlearner attach %s", ", ".join(self.permissions), where)
        return self

    async def close(self) -> None:
        """Close the door: disconnect visitors, remove socket and record. No effect if it is closed."""
        self._begin_close(None)
        if self._closing is not None:
            await asyncio.shield(self._closing)
        if self._made is not None and self._made.life == "open":
            await self._made.close()

    def _begin_close(self, error: BaseException | None) -> None:
        """Stop listening, and begin to notify visitors of the reason; `error` leaves the block of the door."""
        listening, self._socket = self._socket, None
        if listening is None:
            return
        asyncio.get_running_loop().remove_reader(listening.fileno())
        listening.close()
        if self._tidy is not None:
            self._tidy()
        self._record = None
        if self._watchdog is not None:
            self._watchdog.stop()
            self._watchdog = None
        behind = self._behind
        if behind is not None:
            scheduler = behind.node.scheduler
            scheduler.hold_files = tuple(one for one in scheduler.hold_files if one is not self._hold_file)
            behind.last_word = find_last_word(behind.node, error)
            # Not a task of the process whose end closes the door
            self._closing = start_detached(behind.node, self._end_visits(behind))

    async def _end_visits(self, behind: Behind) -> None:
        try:
            if self._visits:
                await behind.announce_end()
        finally:
            visits = list(self._visits)
            for visit in visits:
                visit.cancel()
        await asyncio.gather(*visits, return_exceptions=True)
        if behind.node.life == "open" and self.close in behind.node.doors:
            behind.node.doors.remove(self.close)

    async def __aenter__(self) -> Door:
        await self.open()
        if self._made is not None:
            self._made.body = asyncio.current_task()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        made, self._made = self._made, None
        self._begin_close(error)
        try:
            await self.close()
        finally:
            if made is not None:
                await made.__aexit__(kind, error, traceback)

    @property
    def listening(self) -> socket.socket:
        """The socket. Raises `BadArgument` if the door is closed."""
        if self._socket is None:
            raise BadArgument("expected an open door; try `async with otp.observe() as door:`")
        return self._socket

    async def _find_node(self) -> Node:
        self._made = None
        if self._node is not None:
            return self._node
        scheduler = find_scheduler()
        if scheduler is not None and any(not one.hidden for same in scheduler.nodes.values() for one in same):
            return node_here("observe(node=None)")
        self._made = await Node(self._name or "service@127.0.0.1").__aenter__()
        self._made.body = None  # until the door has a block
        return self._made

    async def _leave_node(self) -> None:
        if self._made is not None:
            await self._made.close()

    def _listen(self, node: Node) -> None:
        stem = f"{UNFIT.sub('_', self._name or node.name)[:LONGEST_NAME]}-{os.getpid()}"
        name, folder = stem, None
        try:
            folder, name = runtime_folder(), _free(stem)
            place = self._place or place_of(str(folder / f"{name}.sock"))
        except BadArgument as error:
            if self._place is None:
                raise _NoPlace(str(error)) from None
            place = self._place
            log.warning("this door has only its address, no name: %s", error)
        listening: socket.socket | None = None
        path: str | None = None
        entry: LockedEntry | None = None
        try:
            listening = _bind(place)
            path = place.path
            if path is None:
                place = Place(None, place.host, listening.getsockname()[1])
            listening.listen(MOST_VISITS)
            record = DoorRecord(name, node.name, os.getpid(), str(place), self.permissions, self._token)
            if folder is not None:
                entry = write_record(folder, record)
        except BaseException as error:
            if listening is not None:
                listening.close()
            _remove(os.getpid(), path, entry, None)
            if isinstance(error, OSError) and self._place is None:
                raise _NoPlace(f"{folder}: {error.strerror or error}; try another XDG_RUNTIME_DIR") from None
            raise
        self._is_listed = folder is not None
        self._record = record
        self._socket = listening
        # For a program that ends without closing it.
        self._hold_file = None if folder is None else HoldFile(folder / f"{name}{ENDING}")
        self._tidy = weakref.finalize(self, _remove, os.getpid(), path, entry, self._hold_file)

    def _accept(self) -> None:
        """Accept a connection; called by the loop."""
        try:
            connection, _ = self.listening.accept()
        except (BlockingIOError, ConnectionError):
            return
        except OSError as error:  # no file descriptor is left: the visitor waits
            log.warning("a visitor cannot be accepted: %s", error)
            return
        if len(self._visits) >= MOST_VISITS or self._behind is None:
            connection.close()
            return
        connection.setblocking(False)
        from otp.doors.visit import receive_visitor

        # In its own context: the code that opened the door is not involved.
        visit = asyncio.get_running_loop().create_task(receive_visitor(self._behind, connection), context=Context())
        self._visits.add(visit)
        visit.add_done_callback(self._visited)
        self._watch(self._behind.node)

    def _watch(self, node: Node) -> None:
        """Report from now on what holds the loop: while it is held, no visitor gets an answer."""
        if self._watchdog is not None or node.scheduler.virtual:
            return
        if self._hold_file is not None:
            node.scheduler.hold_files += (self._hold_file,)
        from otp.watchdog import Watchdog

        self._watchdog = Watchdog(asyncio.get_running_loop(), node, spare=True)
        self._watchdog.start()

    def _visited(self, visit: asyncio.Task[None]) -> None:
        self._visits.discard(visit)
        if not visit.cancelled() and (error := visit.exception()) is not None:
            log.error("a visit ended with an error", exc_info=error)


class _NoPlace(Exception):
    """No folder for the door can be used; the text says why, and what to try."""


def _free(stem: str) -> str:
    """Return a name that no door of this program has; several doors of one node are numbered."""
    taken = {record.name for record in find_doors()}
    return next(name for name in (stem, *(f"{stem}.{n}" for n in range(2, 10_000))) if name not in taken)


def _bind(place: Place) -> socket.socket:
    if place.path is not None:
        bound = bind_privately(place.path)
    else:
        bound = socket.socket(place.family, socket.SOCK_STREAM)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(place.for_socket)
        except BaseException:
            bound.close()
            raise
    bound.setblocking(False)
    return bound


def _remove(os_pid: int, path: str | None, entry: LockedEntry | None, hold_file: HoldFile | None) -> None:
    """Remove a door's files; not in a fork of the program that opened it."""
    if hold_file is not None and os.getpid() == os_pid:
        hold_file.close()
    if path is not None and os.getpid() == os_pid:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
    if entry is not None:
        entry.remove()
