"""A program's output, from a pipe to its owner's mailbox, no faster than the owner reads."""

from __future__ import annotations

import contextlib
import os
from typing import Final, Literal, NamedTuple, TypeAlias

from otp.behaviours.os_process._lines import LONGEST, Bytes, Cutter, Lines
from otp.kernel.ends.mailbox import deliver
from otp.kernel.ends.timers import send_after
from otp.kernel.steps.signals import send
from otp.kernel.tables.names import resolve
from otp.kernel.values.pids import Pid
from otp.kernel.values.process import DEAD, EXITING, Process, mailbox_len

__all__ = ["Note", "Outlet", "Output", "StreamName"]

MAX_WAITING: Final = 256
"""Messages in the owner's mailbox at which reading pauses: the program then waits in its `write`."""

LOOK_AGAIN: Final = (0.001, 0.05)
"""Seconds between checks of the owner's mailbox, from first to longest: no event reports it."""

REST: Final = 1 << 20
"""Maximum bytes read at the end: more than a pipe holds is from a process that has left the group."""

StreamName: TypeAlias = Literal["stdout", "stderr"]


class Output(NamedTuple):
    """Output of a program, as its owner receives it.

    `stream` is `"stdout"` or `"stderr"`; `data` is a line without its end, or bytes with `lines=False`. `partial` says
    that the line was too long for one message (65,536 bytes) and continues in the next one of this stream.

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


class Note(NamedTuple):
    """An event of the loop: `"guard"` (a line from it), `"read"` (an `Outlet`), `"written"`."""

    what: str
    about: object = None


class Outlet:
    """The standard output or error of a program.

    All methods but `note` run in the program's process.

    Args:
        process: the process of the program.
        owner: the receiver of the output; a name is resolved for each message.
        name: `"stdout"` or `"stderr"`.
        fd: the non-blocking pipe to read; closed here.
        lines: text in lines, or bytes.
    """

    def __init__(self, process: Process, owner: object, name: StreamName, fd: int, lines: bool) -> None:
        self.name: StreamName = name
        self._process = process
        self._owner_is = owner
        self._loop = process.runtime.scheduler.loop
        self._fd: int | None = fd
        self._cutter: Cutter = Lines() if lines else Bytes()
        self._pause = 0.0
        self._left: int | None = None  # how much may still be read, once all writers should have ended
        self._under_way = False  # a note about it is pending

    def wait(self) -> None:
        """Request a note when there is something to read."""
        if self._fd is not None:
            self._loop.add_reader(self._fd, self.note)

    def note(self) -> None:
        """Notify the process of new data; nothing more is reported until it has read."""
        if self._fd is not None:
            self._loop.remove_reader(self._fd)
        self._under_way = True
        deliver(self._process, Note("read", self))

    def read(self) -> None:
        """Handle a note: hand over as much as there is room for, then read on when all is handed over."""
        room = self._room()
        if not self._deliver(room):
            if room > 0:  # the owner reads
                self._pause = 0.0
            if self._pause:
                send_after(self._pause, self._process, Note("read", self))
            else:  # an owner that is merely slow has read when this runs again
                send(self._process, Note("read", self))
            self._pause = min(max(self._pause * 2, LOOK_AGAIN[0]), LOOK_AGAIN[1])
            return
        self._pause = 0.0
        self._under_way = False
        if self._fd is None:
            return
        try:
            self._take(os.read(self._fd, LONGEST))
        except BlockingIOError:
            self.wait()
            return
        except OSError:
            self._take(b"")
        self.note()

    def finish(self) -> bool:
        """Handle the end of the program; return whether notes follow before a reading owner has all output."""
        if self._left is None:
            self._left = REST
            if not self._under_way:
                self.note()
        return self._under_way and self._pause < LOOK_AGAIN[1]

    def finish_now(self) -> None:
        """Hand over everything left in the pipe, even without room."""
        self._left = REST if self._left is None else self._left
        self._deliver(float("inf"))
        while self._fd is not None:
            data = b""
            with contextlib.suppress(OSError):  # nothing to read, and nothing to wait for
                data = os.read(self._fd, LONGEST)
            self._take(data)
            self._deliver(float("inf"))

    def close(self) -> None:
        """Stop reading."""
        fd, self._fd = self._fd, None
        if fd is not None:
            self._loop.remove_reader(fd)
            os.close(fd)

    def _take(self, data: bytes) -> None:
        if self._left is not None:
            self._left -= len(data)
        if data and (self._left is None or self._left >= 0):
            self._cutter.feed(data)
        else:
            self._cutter.end()
            self.close()

    def _deliver(self, room: float) -> bool:
        """Return whether there was room for all."""
        owner = self._owner()
        while room > 0:
            found = self._cutter.take()
            if found is None:
                return True
            room -= 1
            if owner is not None:
                send(owner, Output(self._process, self.name, *found))
        return False

    def _owner(self) -> Process | None:
        owner = resolve(self._owner_is, "OsProcess: owner")
        return None if owner is None or owner.status in (DEAD, EXITING) else owner

    def _room(self) -> float:
        owner = self._owner()
        if owner is None:
            return float("inf")
        return MAX_WAITING - mailbox_len(owner)
