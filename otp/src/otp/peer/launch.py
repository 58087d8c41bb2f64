"""Starting the OS process of a peer: two connections, one pipe for its output, and the guard."""

from __future__ import annotations

import contextlib
import marshal
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from otp.kernel.values.errors import BadArgument, StartError
from otp.peer.frames import Frames
from otp.peer.removing import remove_folder
from otp.standard_streams import open_descriptors

__all__ = ["Launched", "Nursery", "launch", "order_bytes"]

REAP_S: Final = 3.0
"""Seconds to wait for a guard that was asked to end."""


@dataclass(slots=True)
class Launched:
    """A running guard with our ends of its connections, which the owner has to close."""

    guard: socket.socket
    control: socket.socket
    link: socket.socket | None
    output: int
    program: subprocess.Popen[bytes] | None = None
    """The program; None for a child of the nursery."""

    pid: int | None = None
    """The process id of a child of the nursery, once it is known."""

    folder: str = ""

    def is_alive(self) -> bool:
        """Return whether the guard is running: only it has the other end of its connection."""
        ends = select.poll()
        ends.register(self.guard, 0)  # a hang-up is always reported
        return not ends.poll(0)

    def close(self) -> None:
        """Release everything: the guard kills the peer, and is waited for."""
        with contextlib.suppress(OSError):
            self.guard.shutdown(socket.SHUT_WR)
        if self.program is None:
            self._wait_for_end()
        else:
            _wait_or_kill(self.program)
        for connection in (self.guard, self.control, self.link):
            if connection is not None:
                connection.close()
        if self.output >= 0:
            os.close(self.output)
            self.output = -1
        if self.folder:
            remove_folder(self.folder)

    def _wait_for_end(self) -> None:
        """Wait until the guard closes its end of the connection, and kill it if that takes too long."""
        frames = Frames()
        self.guard.settimeout(REAP_S)
        try:
            while data := self.guard.recv(1 << 16):
                for message in frames.feed(data):
                    if message["what"] == "born":
                        self.pid = message["pid"]
        except TimeoutError:
            if self.pid is not None:
                os.kill(self.pid, signal.SIGKILL)
        except OSError:
            pass  # it has ended without reading all
        if self.pid is not None and hasattr(os, "pidfd_open"):
            with contextlib.suppress(OSError):  # the kernel has reaped it, or no file can be opened
                number = os.pidfd_open(self.pid)
                select.select([number], [], [], REAP_S)
                os.close(number)

    def make_folder(self) -> str:
        """Return an empty folder for the peer.

        Its guard removes it at the end, and so do we.

        Raises `OSError`; everything is then closed.
        """
        with _closed_on_failure(self):
            self.folder = tempfile.mkdtemp(prefix="otp-peer-")
        return self.folder


class Nursery:
    """The program that forks guards; see `otp.peer.nursery`. Raises `OSError`.

    The kernel ends it with the thread that created it: create it in the thread of the event loop.
    """

    def __init__(self, preload: Sequence[str], *, ours: bool = False) -> None:
        self._ours = ours
        open_descriptors()
        self._line, theirs = socket.socketpair()
        number = theirs.detach()
        outlet = None if ours else subprocess.DEVNULL
        try:
            with _closing([number]):
                self._program = _popen("otp.peer.nursery", [number], outlet)
        except OSError:
            self._line.close()
            raise
        try:
            self._line.sendall(order_bytes({"preload": list(preload)}))
        except OSError:
            self.close()
            raise
        self._line.setblocking(False)

    def launch(self) -> Launched:
        """Fork a guard as soon as its modules are imported. Raises `OSError`."""
        launched, theirs = _connected()
        with _closed_on_failure(launched), _closing(theirs):
            socket.send_fds(self._line, [b"+"], theirs[:3] if self._ours else theirs)
        return launched

    def close(self) -> None:
        """End it and all its guards that are still running."""
        self._line.close()
        _wait_or_kill(self._program)


def launch(preload: Sequence[str] = (), *, ours: bool = False) -> Launched:
    """Start a guard, which imports `preload` and then waits for its order. Raises `OSError`.

    `ours`: it writes to our standard output and standard error instead of a pipe.

    The kernel ends it with the thread that calls this: call it in the thread of the event loop.
    """
    launched, theirs = _connected()
    with _closed_on_failure(launched):
        with _closing(theirs):
            launched.program = _popen("otp.peer.child", theirs[:3], None if ours else theirs[3])
        launched.guard.sendall(order_bytes({"preload": list(preload)}))
    return launched


@contextlib.contextmanager
def _closed_on_failure(launched: Launched) -> Generator[None, None, None]:
    try:
        yield
    except OSError:
        launched.close()
        raise


@contextlib.contextmanager
def _closing(numbers: list[int]) -> Generator[None, None, None]:
    """Close what was passed to a guard: while we hold it, its end does not close the connection."""
    try:
        yield
    finally:
        for number in numbers:
            os.close(number)


def _connected() -> tuple[Launched, list[int]]:
    """Return our ends and the guard's: of three connections and of the pipe for its output."""
    if not hasattr(os, "fork") or sys.platform in ("emscripten", "wasi"):
        raise StartError(("enotsup", f"{sys.platform} has no fork, which a peer needs"))
    open_descriptors()  # the guard's own would take the place of a connection with one of these numbers
    ends: list[socket.socket] = []
    theirs: list[int] = []
    try:
        for _ in range(3):
            mine, other = socket.socketpair()
            mine.setblocking(False)
            ends.append(mine)
            theirs.append(other.detach())
        inlet, outlet = os.pipe()
    except OSError:
        for mine in ends:
            mine.close()
        for number in theirs:
            os.close(number)
        raise
    os.set_blocking(inlet, False)
    guard, control, link = ends
    return Launched(guard, control, link, inlet), [*theirs, outlet]


def _popen(module: str, numbers: list[int], outlet: int | None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-I", "-m", module, *map(str, numbers)],
        stdin=subprocess.DEVNULL,
        stdout=outlet,
        stderr=outlet,
        pass_fds=numbers,
        env={},
        start_new_session=True,
        cwd="/",
    )


def _wait_or_kill(program: subprocess.Popen[bytes]) -> None:
    """Wait for a program that was asked to end, and kill it if it does not."""
    try:
        program.wait(REAP_S)
    except subprocess.TimeoutExpired:
        program.kill()
        program.wait()


def order_bytes(order: dict[str, Any]) -> bytes:
    """Return the encoded order for a guard. Raises `BadArgument` if an argument is not a plain term."""
    try:
        body = marshal.dumps(order)
    except ValueError:
        raise BadArgument("peer: expected plain terms as arguments (numbers, strings, tuples, lists, dicts)") from None
    return len(body).to_bytes(4, "big") + body
