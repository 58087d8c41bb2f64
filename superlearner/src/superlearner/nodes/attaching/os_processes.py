"""Processes of this machine that are no children of ours: whether one runs, is stopped, and how it ended."""

from __future__ import annotations

import os
import select
import signal
import struct
import weakref
from typing import Final

try:
    import fcntl
except ImportError:  # not on this system
    fcntl = None

__all__ = ["EndOf", "is_ending", "is_stopped", "process_exists"]

EXITING: Final = 0x4
"""The flag PF_EXITING of Linux, which a process has before its connections are closed."""
STAT_STATE: Final = 0
STAT_FLAGS: Final = 6
STAT_EXIT: Final = 49
"""Fields of `/proc/PID/stat`, from the state on."""
INFO_SIZE: Final = 64
INFO_STATUS: Final = 60
"""Size of `struct pidfd_info`, and the place of the wait status in it."""
INFO_EXIT: Final = 1 << 3
"""The bit of its mask for the wait status, which Linux has set since 6.15."""
ENDS_MS: Final = 50
GET_INFO: Final = 3 << 30 | INFO_SIZE << 16 | 0xFF << 8 | 11
"""The request PIDFD_GET_INFO."""


class EndOf:
    """The end of a running process: a descriptor that was opened before keeps its wait status readable."""

    def __init__(self, os_pid: int) -> None:
        self.os_pid = os_pid
        self._descriptor = -1
        try:
            self._descriptor = os.pidfd_open(os_pid)
        except (AttributeError, OSError, OverflowError):  # not on this system; it has ended
            return
        weakref.finalize(self, os.close, self._descriptor)

    def wait(self) -> None:
        """Block until a process that is about to end has ended, which takes milliseconds, but no longer than that."""
        if self._descriptor >= 0 and is_ending(self.os_pid):
            ended = select.poll()  # `select` refuses descriptors from 1024 on
            ended.register(self._descriptor, select.POLLIN)
            ended.poll(ENDS_MS)

    def describe(self) -> str:
        """Return the sentence about its end, with its exit status or its signal where the system tells them."""
        gone, status = f"its process {self.os_pid} no longer exists", self._status()
        if status is None:
            return gone
        code = os.waitstatus_to_exitcode(status)
        return f"{gone}: {f'it exited with status {code}' if code >= 0 else f'{_signal_text(-code)} ended it'}"

    def _status(self) -> int | None:
        """Return its wait status; None if it is not known."""
        fields = _stat_of(self.os_pid)
        if fields and fields[STAT_STATE] == "Z":  # its parent has not read its status yet
            return int(fields[STAT_EXIT]) or None  # 0 also if it is not ours to read
        if self._descriptor < 0 or fcntl is None:
            return None
        info = bytearray(INFO_SIZE)
        struct.pack_into("Q", info, 0, INFO_EXIT)
        try:
            fcntl.ioctl(self._descriptor, GET_INFO, info)
        except OSError:  # an older Linux
            return None
        is_known = struct.unpack_from("Q", info)[0] & INFO_EXIT
        return struct.unpack_from("i", info, INFO_STATUS)[0] if is_known else None


def process_exists(os_pid: int) -> bool:
    """Return whether there is a process of this number that has not ended."""
    try:
        os.kill(os_pid, 0)
    except (ProcessLookupError, OverflowError):  # the number is what the service says
        return False
    except OSError:
        return True  # of another user
    return _state_of(os_pid) not in ("Z", "X")


def is_ending(os_pid: int) -> bool:
    """Return whether a process is about to end: its status is not known yet."""
    return _state_of(os_pid) == "X"


def is_stopped(os_pid: int) -> bool:
    """Return whether a process is stopped, as by SIGSTOP; False where the system does not tell."""
    return _state_of(os_pid) in ("T", "t")


def _state_of(os_pid: int) -> str:
    """Return the letter of a process's state, "X" while it ends; "" where the system does not tell."""
    fields = _stat_of(os_pid)
    if not fields:
        return ""
    state = fields[STAT_STATE]
    return "X" if int(fields[STAT_FLAGS]) & EXITING and state != "Z" else state


def _stat_of(os_pid: int) -> list[str]:
    """Return what Linux tells of a process, from its state on; nothing where the system does not tell."""
    try:
        with open(f"/proc/{os_pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(") ")[2].split()
    except OSError:
        return []


def _signal_text(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
