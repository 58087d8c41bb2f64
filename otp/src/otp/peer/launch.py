"""Starting the operating system's process of a peer: two connections, one pipe for its output, and the guard."""

from __future__ import annotations

import contextlib
import marshal
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from otp.kernel.errors import BadArgument, StartError
from otp.peer.removing import remove_folder

__all__ = ["Launched", "launch", "order_bytes"]

REAP_S: Final = 3.0
"""Seconds for which a guard that was told to end is waited for."""


@dataclass(slots=True)
class Launched:
    """A guard that runs, with our ends of its connections; whoever has it closes it."""

    guard: socket.socket
    control: socket.socket
    link: socket.socket | None
    output: int
    program: subprocess.Popen[bytes]
    folder: str = ""

    def close(self) -> None:
        """Let go of everything: the guard kills the peer, and is waited for."""
        with contextlib.suppress(OSError):
            self.guard.shutdown(socket.SHUT_WR)
        try:
            self.program.wait(REAP_S)
        except subprocess.TimeoutExpired:
            self.program.kill()
            self.program.wait()
        for connection in (self.guard, self.control, self.link):
            if connection is not None:
                connection.close()
        if self.output >= 0:
            os.close(self.output)
            self.output = -1
        if self.folder:
            remove_folder(self.folder)

    def make_folder(self) -> str:
        """An empty folder for the peer; its guard removes it in the end, and so do we, whoever lives longer."""
        self.folder = tempfile.mkdtemp(prefix="otp-peer-")
        return self.folder


def launch(preload: Sequence[str] = (), *, ours: bool = False) -> Launched:
    """Start a guard, which imports `preload` and then waits for what it is to be. Raises `OSError`.

    `ours`: it writes to our standard output and standard error, in place of a pipe.

    It dies with the thread that calls this, by the kernel's rule: call it in the thread of the event loop.
    """
    if not hasattr(os, "fork") or sys.platform in ("emscripten", "wasi"):
        raise StartError(("enotsup", f"{sys.platform} has no fork, which a peer needs"))
    theirs: list[int] = []
    ends: list[socket.socket] = []
    inlet, outlet = os.pipe()
    theirs.append(outlet)
    try:
        for _ in range(3):
            mine, other = socket.socketpair()
            mine.setblocking(False)
            ends.append(mine)
            theirs.append(other.detach())
        numbers = theirs[1:]
        program = subprocess.Popen(
            [sys.executable, "-I", "-m", "otp.peer.child", *map(str, numbers)],
            stdin=subprocess.DEVNULL,
            stdout=None if ours else outlet,
            stderr=None if ours else outlet,
            pass_fds=numbers,
            env={},
            start_new_session=True,
            cwd="/",
        )
    except OSError:
        for mine in ends:
            mine.close()
        os.close(inlet)
        raise
    finally:
        for fd in theirs:
            os.close(fd)
    os.set_blocking(inlet, False)
    guard, control, link = ends
    launched = Launched(guard, control, link, inlet, program)
    guard.sendall(order_bytes({"preload": list(preload)}))
    return launched


def order_bytes(order: dict[str, Any]) -> bytes:
    """An order to a guard as it travels. Raises `BadArgument` for arguments that are no plain terms."""
    try:
        body = marshal.dumps(order)
    except ValueError:
        raise BadArgument("peer: expected arguments of plain terms (numbers, texts, tuples, lists, dicts)") from None
    return len(body).to_bytes(4, "big") + body
