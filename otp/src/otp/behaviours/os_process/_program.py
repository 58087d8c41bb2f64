"""A program under its guard, as its process sees it: pipes, output, input, signals and the end.

Each event of the loop becomes a `Note` in the mailbox of that process, which calls `take` with it. `destroy` is for a
process that cannot act any more because it was killed.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import signal
import socket
import sys
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from otp.behaviours.os_process._output import Note, Outlet, StreamName
from otp.kernel.ends.mailbox import deliver, reply
from otp.kernel.tables.callers import From
from otp.kernel.values.process import Process
from otp.kernel.values.sentences import say
from otp.standard_streams import open_descriptors

if TYPE_CHECKING:
    from subprocess import Popen

__all__ = ["Order", "Program", "reason_of_status"]

KILL_WAIT: Final = 2.0
"""Seconds to wait for a killed group."""


class Order(NamedTuple):
    """The arguments of a program to run."""

    argv: list[bytes]
    owner: Any
    env: dict[bytes, bytes]
    cwd: bytes | None
    lines: bool
    stop_signal: int
    shutdown: Any


class Program:
    """A running program. `status` is its exit status, `gone` says that no process of its group is left."""

    def __init__(self, order: Order, process: Process) -> None:
        self.order = order
        self.os_pid: int | None = None
        self.status: int | None = None
        self.gone = False
        self._process = process
        self._loop = process.runtime.scheduler.loop
        self._guard: Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._unread = b""
        self._outlets: list[Outlet] = []
        self._stdin: int | None = None
        self._to_write: deque[tuple[memoryview | None, From]] = deque()

    def __repr__(self) -> str:
        return f"<program {os.fsdecode(self.order.argv[0])} {self.os_pid}>"

    # The beginning

    async def begin(self) -> None:
        """Start the guard and send it the order; its first `Note` reports the result. Raises `OSError`."""
        import marshal

        self._start_guard()
        order, control = self.order, self._control
        assert control is not None
        header = marshal.dumps((order.argv, order.env, order.cwd))
        with contextlib.suppress(ConnectionError):  # the end of file reports it
            await self._loop.sock_sendall(control, len(header).to_bytes(8, "big") + header)
        self._loop.add_reader(control.fileno(), self._read_control)

    def _start_guard(self) -> None:
        import subprocess

        open_descriptors()  # the guard's own would take the place of its control socket
        theirs: list[int] = []
        try:
            self._control, other = socket.socketpair()
            theirs.append(other.detach())
            self._control.setblocking(False)
            inlet, self._stdin = os.pipe()
            theirs.append(inlet)
            os.set_blocking(self._stdin, False)
            names: tuple[StreamName, StreamName] = ("stdout", "stderr")
            for name in names:
                fd, outlet = os.pipe()
                theirs.append(outlet)
                os.set_blocking(fd, False)
                self._outlets.append(Outlet(self._process, self.order.owner, name, fd, self.order.lines))
            self._guard = subprocess.Popen(
                [sys.executable, "-I", "-S", *_guard(), *map(str, theirs)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=theirs,
                start_new_session=True,  # keys typed at our terminal must not reach it
            )
        finally:
            for fd in theirs:
                os.close(fd)

    def started(self, line: str) -> Any:
        """Return None if the guard's first line says that the program is running, else the error."""
        match line.split():
            case ["started", number]:
                self.os_pid = int(number)
                for outlet in self._outlets:
                    outlet.wait()
                return None
            case ["failed", number, place]:
                self.gone = True
                code = int(number)
                order = self.order
                path = order.argv[0] if place == "program" or order.cwd is None else order.cwd
                if code == errno.ENOTDIR and place == "program" and b"/" not in path:  # an invalid entry of PATH
                    code = errno.ENOENT
                return (errno.errorcode.get(code, str(code)).lower(), os.fsdecode(path))
            case _:
                self.gone = True
                return ("guard", "ended before the program began")

    # Events of the loop

    def _deliver_note(self, note: Note) -> None:
        deliver(self._process, note)

    def _read_control(self) -> None:
        control = self._control
        if control is None:
            return
        try:
            data = control.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._loop.remove_reader(control.fileno())
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            self._deliver_note(Note("guard", line.decode()))
        if not data:
            self._deliver_note(Note("guard", "lost"))

    def _writable(self) -> None:
        if self._stdin is not None:
            self._loop.remove_writer(self._stdin)
        self._deliver_note(Note("written"))

    def take(self, note: Note) -> None:
        """Handle a note."""
        match note:
            case Note("read", Outlet() as outlet):
                outlet.read()
            case Note("guard", str(line)):
                self._handle_line(line)
            case _:
                self._write()

    def _handle_line(self, line: str) -> None:
        match line.split():
            case ["exited", status]:
                self.status = int(status)
            case ["gone"]:
                self.gone = True
            case _ if not self.gone:  # the guard was killed, and the program with it
                if self.status is None:
                    self.status = -signal.SIGKILL
                if self.os_pid is not None:
                    with contextlib.suppress(ProcessLookupError, PermissionError):
                        os.killpg(self.os_pid, signal.SIGKILL)
                self.gone = True
            case _:
                pass

    def finish(self) -> bool:
        """Handle the end of all writers; return whether notes follow before a reading owner has all output."""
        under_way = [outlet.finish() for outlet in self._outlets]  # finish each of them
        return any(under_way)

    def finish_now(self) -> None:
        """Hand over all available output at the end, even if its owner has no room."""
        for outlet in self._outlets:
            outlet.finish_now()

    # Input

    def write(self, data: bytes | None, caller: From) -> None:
        """Write, and reply when the program's pipe has taken all; None then closes it."""
        self._to_write.append((None if data is None else memoryview(data), caller))
        if len(self._to_write) == 1:
            self._write()

    def _write(self) -> None:
        queue = self._to_write
        while queue:
            data, caller = queue[0]
            fd = self._stdin
            answer = "ok"
            if data is None:
                self._close_stdin()
            elif fd is None:
                answer = "closed"
            else:
                try:
                    while data:
                        data = data[os.write(fd, data) :]
                except BlockingIOError:
                    queue[0] = (data, caller)
                    self._loop.add_writer(fd, self._writable)
                    return
                except OSError as error:
                    answer = errno.errorcode.get(error.errno or 0, "eio").lower()
                    self._close_stdin()
            queue.popleft()
            reply(caller, answer)

    def _close_stdin(self) -> None:
        fd, self._stdin = self._stdin, None
        if fd is not None:
            self._loop.remove_writer(fd)
            os.close(fd)

    # The end

    def signal(self, number: int) -> None:
        """Send a signal to the group through the guard, which knows that the group id is still valid."""
        if self._control is not None and not self.gone:
            with contextlib.suppress(OSError):
                self._control.send(bytes([number]))

    def destroy(self, process: Process | None = None) -> None:
        """Kill all that is still running and wait for it, which holds the loop for a moment."""
        if self._loop.is_closed():
            return
        self._close_stdin()
        for outlet in self._outlets:
            outlet.close()
        control, self._control = self._control, None
        if control is None:
            return
        self._loop.remove_reader(control.fileno())
        try:
            with contextlib.suppress(ConnectionError), control:
                control.settimeout(KILL_WAIT)
                control.shutdown(socket.SHUT_WR)  # the guard takes this as our death
                while control.recv(4096):
                    pass
        except OSError as error:
            say(logging.ERROR, "%r does not end: %s", self, error)
            return
        self.gone = True
        if self._guard is not None:
            self._guard.wait()


def _guard() -> list[str]:
    """Return the guard's code for an interpreter: its file, or its text when run from an archive."""
    script = Path(__file__).with_name("_guard.py")
    if script.is_file():
        return [str(script)]
    import pkgutil

    return ["-c", (pkgutil.get_data("otp.behaviours.os_process", script.name) or b"").decode()]


def reason_of_status(status: int) -> Any:
    """Return the exit reason for a status as in `subprocess`: negative means a signal."""
    if status == 0:
        return "normal"
    if status > 0:
        return ("exit_status", status)
    return ("exit_signal", signal_name(-status))


def signal_name(number: int) -> str:
    """Return the name of a signal, such as `SIGTERM` for 15."""
    try:
        return signal.Signals(number).name
    except ValueError:  # most real-time signals have no name
        return f"SIG{number}"
