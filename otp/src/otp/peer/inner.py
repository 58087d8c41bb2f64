"""The peer itself: from the fork of its guard, through the walls, to a node that runs its program.

Its messages over the control connection are untrusted once its program runs. The report of the walls is therefore sent
first, before any of the program is read.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import inspect
import os
import re
import select
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from otp.kernel.steps.node import Node
from otp.peer.ended import UNREPORTED
from otp.peer.frames import Frames, frame, send_frame
from otp.peer.printed import PrintedLines
from otp.peer.walls.plan import Part, Walls, walls_of
from otp.standard_streams import forgive_lost_output
from otp.watchdog import Held, Watchdog

if TYPE_CHECKING:
    from otp.distribution import Distribution
    from otp.kernel.values.pids import Pid

__all__ = ["Here", "become_peer"]

BEAT_S: Final = 1.0
"""Seconds between two signs of life, or a third of the time that the loop may be held."""

START_GRACE_S: Final = 0.5
"""Seconds that a start may still take when the peer is asked to stop, so that what has started can stop in order."""

LONGEST_NAME: Final = 200

IMPORTED: Final = re.compile(r" \([^()]*\.py\)\Z")
"""The file of the package that Python names when it has no such name: it is not one of the program."""

UNTELLABLE: Final = frame({"what": "failed", "type": "an exception", "why": "it cannot be shown"})
NO_MEMORY_LEFT: Final = frame({"what": "failed", "type": "MemoryError", "why": ""})
"""Both created before a program runs, which may leave no memory to create them."""


CAME_BACK: Final = b"a fork of this program came back into its event loop, to answer in its place; it was ended there\n"


@dataclass(frozen=True, slots=True)
class Here:
    """The argument of a peer's boot function.

    Args:
        node: the peer's node, which runs.
        args: the arguments of the starter, unchanged.
        folder: its own folder; the working directory, and the first place for modules.
        link: the connection to the starter for the node; used by the boot function only.
        cookie: the shared secret of both ends.
    """

    node: Node
    args: Any
    folder: str
    link: socket.socket
    cookie: bytes

    async def connect(
        self, *, services: Mapping[Any, Pid] | None = None, spawnable: Iterable[str] = ()
    ) -> Distribution:
        """Connect the peer's node with that of the starter, which calls `Peer.connect`; needs msgspec."""
        from otp.peer.linking import over

        return await over(self.link, self.node, None, self.cookie, services=services, spawnable=spawnable)


def become_peer(
    order: dict[str, Any], outside: list[Part], control: socket.socket, link: socket.socket, lifeline: int
) -> NoReturn:
    """Run as the peer; called in the fork, and never returns."""
    status = UNREPORTED
    folder = order["folder"]
    forgive_lost_output()  # it may be the starter's, whose terminal may close
    try:
        control, link = _cut_loose(control, link, lifeline)
        folder = _raise_walls(order, outside, control)
        for name, text in order["files"].items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text)
        sys.path[:0] = [folder] if order["cwd"] is None else [order["cwd"], folder]
        status = _run(order, control, link, folder)
    except SystemExit as error:
        status = _status_of(error)
        place = _own_place(error, order["cwd"] or folder)
        send_frame(control, {"what": "leaving", "how": "sys.exit", "status": status} | place)
    except MemoryError as error:
        _send_failure(control, error, order["cwd"] or folder, otherwise=NO_MEMORY_LEFT)
    except BaseException as error:  # the last chance to report it
        _send_failure(control, error, order["cwd"] or folder, otherwise=UNTELLABLE)
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(BaseException):
                stream.flush()
        os._exit(status)


def _cut_loose(control: socket.socket, link: socket.socket, lifeline: int) -> tuple[socket.socket, socket.socket]:
    """Start a new session that is killed with the guard, with the outputs and two connections as its only open files.

    The connections get the numbers 3 and 4, whatever the platform had open when it started the guard.
    """
    os.setsid()
    if sys.platform == "linux":
        from otp.peer.walls.privileges import die_with_parent

        die_with_parent()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL if number != signal.SIGPIPE else signal.SIG_IGN)
    if select.select([lifeline], [], [], 0)[0]:
        os._exit(0)  # the guard ended before the kernel linked our end to it
    aside = [os.dup(connection.detach()) for connection in (control, link)]
    while min(aside) < 5:
        aside = [os.dup(number) for number in aside]
    for number, wanted in zip(aside, (3, 4), strict=True):
        os.dup2(number, wanted, inheritable=False)
    os.closerange(5, os.sysconf("SC_OPEN_MAX"))
    return socket.socket(fileno=3), socket.socket(fileno=4)


def _raise_walls(order: dict[str, Any], outside: list[Part], control: socket.socket) -> str:
    """Put up the walls, report them, and stop if a required one is missing; return the folder."""
    plan = order["plan"]
    folder: str = order["folder"]
    parts = outside
    if plan is None:
        os.chdir(order["cwd"] or folder)
    else:
        from otp.peer.walls.raising import raise_inside

        more, folder = raise_inside(plan, outside)
        parts = [*outside, *more]
    os.environ.update(order["env"])
    if plan is not None or not order["env"]:
        os.environ.update({"HOME": folder, "TMPDIR": _temporary(folder), "LANG": "C.UTF-8"})
    send_frame(control, {"what": "walls", "parts": [asdict(part) for part in parts], "folder": folder})
    if plan is not None and Walls(frozenset(plan["required"])).missing(walls_of(parts)):
        os._exit(UNREPORTED)
    return folder


def _temporary(folder: str) -> str:
    path = os.path.join(folder, "tmp")
    os.makedirs(path, mode=0o700, exist_ok=True)
    return path


def _run(order: dict[str, Any], control: socket.socket, link: socket.socket, folder: str) -> int:
    asyncio.run(_Peer(order, control, link, folder).live())
    send_frame(control, {"what": "leaving", "how": "stop", "status": 0})
    return 0


class _Peer:
    """The node of a peer, and its connection for signs of life and the request to stop."""

    def __init__(self, order: dict[str, Any], control: socket.socket, link: socket.socket, folder: str) -> None:
        self._order = order
        self._control = control
        self._link = link
        self._folder = folder
        self._frames = Frames()
        self._lock = threading.Lock()
        self._hold: float | None = order["limits"]["hold_s"]
        self._beat_s = BEAT_S if self._hold is None else min(BEAT_S, self._hold / 3)
        self._stop = asyncio.Event()
        self._booting: asyncio.Task[Any] | None = None

    async def live(self) -> None:
        """Start the node, run the program, and wait for the request to stop."""
        loop = asyncio.get_running_loop()
        os.register_at_fork(after_in_child=partial(_keep_out, loop, threading.get_ident()))
        loop.add_reader(self._control.fileno(), self._receive)
        enough = self._order["limits"]["output_kb"] * 1024 // 2
        PrintedLines(self._order["cwd"] or self._folder, enough, self._printed).start()
        async with Node(self._order["name"]) as node:
            after = 1.0 if self._hold is None else self._hold / 3
            watchdog = Watchdog(loop, node, after=after, say=self._held, idle=after)
            watchdog.start()
            try:
                self._beat(loop)
                await self._boot_until_stop(node)
                self._send({"what": "ready"})
                await self._stop.wait()
            except BaseException:
                watchdog.stop()  # its signs would interrupt the report of the failure
                raise
        watchdog.stop()

    async def _boot_until_stop(self, node: Node) -> None:
        """Run the program's boot function, and cancel it if the peer has to stop and it does not return soon."""
        if self._stop.is_set():
            return
        self._booting = asyncio.current_task()
        try:
            await self._boot(node)
        except asyncio.CancelledError:
            if not self._stop.is_set():
                raise
        finally:
            self._booting = None

    async def _boot(self, node: Node) -> None:
        module, _, function = self._order["boot"].partition(":")
        boot: Callable[[Here], object] = getattr(importlib.import_module(module), function)
        answer = boot(Here(node, self._order["args"], self._folder, self._link, self._order["cookie"]))
        if inspect.isawaitable(answer):
            await answer

    def _beat(self, loop: asyncio.AbstractEventLoop) -> None:
        self._send({"what": "beat", "used": time.process_time()})
        loop.call_later(self._beat_s, self._beat, loop)

    def _held(self, held: Held) -> None:
        told = {
            "file": _shorten_path(held.file, self._folder),
            "line": held.line,
            "function": held.function,
            "who": held.name or held.pid,
        }
        self._send({"what": "held"} | told)

    def _printed(self, file: str, line: int) -> None:
        self._send({"what": "printed", "file": _shorten_path(file, self._folder)[-LONGEST_NAME:], "line": line})

    def _send(self, message: dict[str, Any]) -> None:
        with self._lock:  # the watchdog's thread sends as well
            send_frame(self._control, message)

    def _receive(self) -> None:
        try:
            data = self._control.recv(4096)
        except OSError:
            data = b""
        if not data:
            os._exit(0)  # the platform has ended
        if any(order.get("what") == "stop" for order in self._frames.feed(data)):
            self._stop.set()
            asyncio.get_running_loop().call_later(START_GRACE_S, self._give_up_boot)

    def _give_up_boot(self) -> None:
        if self._booting is not None:
            self._booting.cancel()


def _keep_out(loop: asyncio.AbstractEventLoop, thread: int) -> None:
    """Keep a fork of the peer from returning into the event loop, where it would act as the peer."""
    if threading.get_ident() == thread:
        loop.call_soon(_leave)


def _leave() -> None:
    os.write(2, CAME_BACK)
    os._exit(1)


def _shorten_path(file: str, folder: str) -> str:
    """Return a file of the program by its name in its folder, another one by its import path."""
    for place in sorted({folder, *filter(os.path.isabs, sys.path)}, key=len, reverse=True):
        if file.startswith(os.path.join(place, "")):
            return os.path.relpath(file, place)
    return os.path.basename(file)


def _send_failure(control: socket.socket, error: BaseException, place: str, *, otherwise: bytes) -> None:
    """Report an exception that ended the peer, or send `otherwise` if the report fails with an error of its own."""
    with contextlib.suppress(BaseException):
        for number in signal.valid_signals():  # further ones would interrupt the report
            with contextlib.suppress(OSError, ValueError):
                signal.signal(number, signal.SIG_IGN)
    try:
        message = frame(_failure(error, place))
    except MemoryError:
        message = NO_MEMORY_LEFT
    except BaseException:  # it raises when it is inspected, or the program has removed built-in functions
        message = otherwise
    with contextlib.suppress(OSError):
        control.sendall(message)


def _failure(error: BaseException, place: str) -> dict[str, Any]:
    """Return the report of an exception that ended the peer: its line in a file below `place`."""
    said = IMPORTED.sub("", str(error)) if isinstance(error, ImportError) else str(error)
    why = f"{said}{_suggestion(error)}"
    message = {"what": "failed", "type": type(error).__name__[:LONGEST_NAME], "why": why[:1000]}
    if isinstance(error, SyntaxError):
        return message | {"file": os.path.basename(error.filename or "")[-LONGEST_NAME:], "line": error.lineno}
    refused: list[tuple[str, int]] = []
    match getattr(error, "otp_place", None):
        case (str(file), int(line)):  # from a callback that is refused with its class
            refused.append((file, line))
            message["why"] = why.replace(f" ({file}:{line})", "")[:1000]  # the line stands before it
        case _:
            pass
    return message | _own_place(error, place, refused)


def _own_place(error: BaseException, place: str, more: Iterable[tuple[str, int]] = ()) -> dict[str, Any]:
    """Return the innermost line of an exception, or of `more` places, in a file below `place`; empty without one."""
    places = [*((each.filename, each.lineno) for each in traceback.extract_tb(error.__traceback__)), *more]
    own = [each for each in places if each[0].startswith(os.path.join(place, ""))]
    return {"file": os.path.basename(own[-1][0])[-LONGEST_NAME:], "line": own[-1][1]} if own else {}


def _suggestion(error: BaseException) -> str:
    """Return the name that the program may have meant: Python shows its suggestion only in a traceback."""
    from otp.observer.slips import explain_slip

    stack = [(one.filename, one.lineno or 0, one.name) for one in traceback.extract_tb(error.__traceback__)]
    hint = explain_slip(type(error).__name__, str(error), stack)
    return f"; {hint}" if hint else ""


def _status_of(error: SystemExit) -> int:
    """Return the exit status that Python gives for a `SystemExit`."""
    if error.code is None:
        return 0
    return error.code & 0xFF if isinstance(error.code, int) else 1
