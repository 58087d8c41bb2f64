"""A program that runs under its guard, as the process that owns it sees it: pipes, output, input, signals, the end.

What the event loop notices becomes a `Note` in the mailbox of that process, which calls `take` with it; nothing else
happens behind its back. `destroy` is for the case that it cannot act any more: it was killed.
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
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

from otp.behaviours._os_lines import LONGEST, Bytes, Cutter, Lines
from otp.kernel.calls import From, reply
from otp.kernel.log import say
from otp.kernel.mailbox import deliver
from otp.kernel.names import resolve
from otp.kernel.pids import Pid
from otp.kernel.process import Process
from otp.kernel.signals import send
from otp.kernel.states import DEAD, EXITING
from otp.kernel.timers import send_after

if TYPE_CHECKING:
    from subprocess import Popen

__all__ = ["Note", "Order", "Output", "Program"]

MAX_WAITING: Final = 256
"""Messages in the owner's mailbox with which nothing more is read: the program waits in its `write` then."""

LOOK_AGAIN: Final = (0.001, 0.05)
"""Seconds between two looks whether the owner has read some, from first to longest: no one tells."""

REST: Final = 1 << 20
"""Bytes that are read at the end at most: more than a pipe holds comes from somebody who has left the group."""

KILL_WAIT: Final = 2.0

StreamName: TypeAlias = Literal["stdout", "stderr"]


class Output(NamedTuple):
    """What a program has written, as its owner receives it.

    `stream` is `"stdout"` or `"stderr"`; `data` is a line without its end, or bytes with `lines=False`. `partial`:
    the line was too long for one message (65,536 bytes), and goes on in the next one of this stream.

    >>> import otp
    >>> from otp import OsProcess, Output
    >>> async def main():
    ...     await OsProcess.start_link(["echo", "hello"])
    ...     match await otp.receive(Output):
    ...         case Output(_, "stdout", line):
    ...             return line
    >>> otp.run(main)
    'hello'
    """

    pid: Pid
    stream: StreamName
    data: str | bytes
    partial: bool = False


class Order(NamedTuple):
    """What is to be run, and how."""

    argv: list[bytes]
    owner: Any
    env: dict[bytes, bytes]
    cwd: bytes | None
    lines: bool
    stop_signal: int
    shutdown: Any


class Note(NamedTuple):
    """Something the event loop noticed: `"guard"` (a line of it), `"read"` (a stream), `"written"`."""

    what: str
    about: Any = None


class _Stream:
    """One of the two outputs."""

    __slots__ = ("cutter", "fd", "left", "name", "pause", "under_way")

    def __init__(self, name: StreamName, fd: int, cutter: Cutter) -> None:
        self.name: StreamName = name
        self.fd: int | None = fd
        self.cutter = cutter
        self.pause = 0.0
        self.left = REST  # what may still be read when the group is gone
        self.under_way = False  # a note about it is on its way


class Program:
    """See the module's text. `status` is what it ended with, `gone` says that nobody of its group is left."""

    def __init__(self, order: Order, process: Process) -> None:
        self.order = order
        self.os_pid: int | None = None
        self.status: int | None = None
        self.gone = False
        self._process = process
        self._loop = process._node._s.loop
        self._guard: Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._unread = b""
        self._streams: list[_Stream] = []
        self._stdin: int | None = None
        self._to_write: deque[tuple[memoryview | None, From]] = deque()

    def __repr__(self) -> str:
        return f"<program {os.fsdecode(self.order.argv[0])} {self.os_pid}>"

    # The beginning

    async def begin(self) -> None:
        """Start the guard and tell it what to run; its first `Note` says what became of it. Raises `OSError`."""
        import marshal

        self._start_guard()
        order, control = self.order, self._control
        assert control is not None
        header = marshal.dumps((order.argv, order.env, order.cwd))
        with contextlib.suppress(ConnectionError):  # its end is told below
            await self._loop.sock_sendall(control, len(header).to_bytes(8, "big") + header)
        self._loop.add_reader(control.fileno(), self._hear)

    def _start_guard(self) -> None:
        import subprocess

        script = Path(__file__).with_name("_os_guard.py")
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
                self._streams.append(_Stream(name, fd, Lines() if self.order.lines else Bytes()))
            self._guard = subprocess.Popen(
                [sys.executable, "-I", "-S", str(script), str(theirs[0])],
                stdin=theirs[1],
                stdout=theirs[2],
                stderr=theirs[3],
                pass_fds=theirs[:1],
                start_new_session=True,  # what is typed at our terminal is not for it
            )
        finally:
            for fd in theirs:
                os.close(fd)

    def started(self, line: str) -> Any:
        """None if the first line of the guard says that the program runs, else the reason why not."""
        match line.split():
            case ["started", number]:
                self.os_pid = int(number)
                for stream in self._streams:
                    self._await_output(stream)
                return None
            case ["failed", number, place]:
                self.gone = True
                code = int(number)
                order = self.order
                path = order.argv[0] if place == "program" or order.cwd is None else order.cwd
                if code == errno.ENOTDIR and place == "program" and b"/" not in path:  # a strange entry of PATH
                    code = errno.ENOENT
                return (errno.errorcode.get(code, str(code)).lower(), os.fsdecode(path))
            case _:
                self.gone = True
                return ("guard", "ended before the program began")

    # What the loop notices

    def _tell(self, note: Note) -> None:
        deliver(self._process, note)

    def _hear(self) -> None:
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
            self._tell(Note("guard", line.decode()))
        if not data:
            self._tell(Note("guard", "lost"))

    def _await_output(self, stream: _Stream) -> None:
        if stream.fd is not None:
            self._loop.add_reader(stream.fd, self._readable, stream)

    def _readable(self, stream: _Stream) -> None:
        if stream.fd is not None:
            self._loop.remove_reader(stream.fd)
        stream.under_way = True
        self._tell(Note("read", stream))

    def _writable(self) -> None:
        if self._stdin is not None:
            self._loop.remove_writer(self._stdin)
        self._tell(Note("written"))

    def take(self, note: Note) -> None:
        """Do what a note asks for."""
        match note:
            case Note("read", stream):
                self._read(stream)
            case Note("guard", line):
                self._heard(line)
            case _:
                self._write()

    def _heard(self, line: str) -> None:
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

    # Output

    def _read(self, stream: _Stream) -> None:
        """Hand over what was read as far as there is room, and read on when all of it is handed over."""
        room = self._room()
        if not self._hand_over(stream, room):
            again = Note("read", stream)
            if room > 0:  # the owner reads
                stream.pause = 0.0
            if stream.pause:
                send_after(stream.pause, self._process, again)
            else:  # whoever is only slower than the program has read when this comes back
                send(self._process, again)
            stream.pause = min(max(stream.pause * 2, LOOK_AGAIN[0]), LOOK_AGAIN[1])
            return
        stream.pause = 0.0
        stream.under_way = False
        if stream.fd is None:
            return
        try:
            data = os.read(stream.fd, LONGEST)
        except BlockingIOError:
            self._await_output(stream)
            return
        except OSError:
            data = b""
        if self.gone:
            stream.left -= len(data)
        if data and stream.left >= 0:
            stream.cutter.feed(data)
        else:
            stream.cutter.end()
            self._close(stream)
        self._readable(stream)

    def _hand_over(self, stream: _Stream, room: float) -> bool:
        """Whether there was room for all."""
        owner = None
        while room > 0:
            found = stream.cutter.take()
            if found is None:
                return True
            if owner is None:
                owner = self._owner()
            room -= 1
            if owner is not None:
                send(owner, Output(self._process, stream.name, *found))
        return False

    def _owner(self) -> Process | None:
        owner = resolve(self.order.owner, "OsProcess: owner")
        return None if owner is None or owner._st in (DEAD, EXITING) else owner

    def _room(self) -> float:
        owner = self._owner()
        if owner is None:
            return float("inf")
        waiting = len(owner._mbox or ())
        if owner._x is not None and owner._x.it is not None:
            waiting += owner._x.it.__length_hint__()
        return MAX_WAITING - waiting

    def _close(self, stream: _Stream) -> None:
        fd, stream.fd = stream.fd, None
        if fd is not None:
            self._loop.remove_reader(fd)
            os.close(fd)

    def read_the_rest(self) -> bool:
        """Nobody writes any more: whether there are notes to come before all is handed over."""
        for stream in self._streams:
            if not stream.under_way and stream.left == REST:
                stream.left -= 1  # once
                self._readable(stream)
        return any(stream.under_way and stream.pause < LOOK_AGAIN[1] for stream in self._streams)

    def hand_over_the_rest(self) -> None:
        """Everything that lies in the pipes, whether there is room or not: this is the end."""
        for stream in self._streams:
            self._hand_over(stream, float("inf"))
            while stream.fd is not None:
                data = b""
                with contextlib.suppress(OSError):
                    data = os.read(stream.fd, LONGEST)
                stream.left -= len(data)
                if data and stream.left >= 0:
                    stream.cutter.feed(data)
                    self._hand_over(stream, float("inf"))
                else:
                    self._close(stream)
            stream.cutter.end()
            self._hand_over(stream, float("inf"))

    # Input

    def write(self, data: bytes | None, caller: From) -> None:
        """Write and answer when the program's pipe has taken all of it; None closes it after that."""
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
        """Send a signal to the whole group, through the guard: only it knows for sure that the group is still ours."""
        if self._control is not None and not self.gone:
            with contextlib.suppress(OSError):
                self._control.send(bytes([number]))

    def destroy(self, process: Process | None = None) -> None:
        """Leave nothing behind, now: what still runs is killed, and waited for, which takes a moment of the loop."""
        if self._loop.is_closed():
            return
        self._close_stdin()
        for stream in self._streams:
            self._close(stream)
        control, self._control = self._control, None
        if control is None:
            return
        self._loop.remove_reader(control.fileno())
        try:
            with contextlib.suppress(ConnectionError), control:
                control.settimeout(KILL_WAIT)
                control.shutdown(socket.SHUT_WR)  # to the guard this is our death
                while control.recv(4096):
                    pass
        except OSError as error:
            say(logging.ERROR, "%r does not end: %s", self, error)
            return
        self.gone = True
        if self._guard is not None:
            self._guard.wait()


def reason_of_status(status: int) -> Any:
    """The exit reason of a process whose program ended so, as `subprocess` tells it: negative by a signal."""
    if status == 0:
        return "normal"
    if status > 0:
        return ("exit_status", status)
    return ("exit_signal", signal_name(-status))


def signal_name(number: int) -> str:
    """`SIGTERM` for 15."""
    try:
        return signal.Signals(number).name
    except ValueError:  # those for real time have names for the first and the last only
        return f"SIG{number}"
