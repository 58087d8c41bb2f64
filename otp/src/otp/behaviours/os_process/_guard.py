"""The guard of an external program: a small process between it and otp, run as a script.

    python -I -S _guard.py CONTROL STDIN STDOUT STDERR

The four are numbers of inherited descriptors: a socket, and the program's ends of three pipes. The guard's own standard
streams are the null device: what an interpreter prints by itself, as under a debugger, is no output of the program. The
socket receives eight bytes with the length of the marshalled (argv,
environment, directory), then one byte for each signal to send to the group; end of file means that the parent is dead.
The guard answers in lines: `started PID` or `failed ERRNO PLACE`, `exited STATUS`, and `gone` when no process of the
group is left, after which the guard ends.

A process killed with SIGKILL runs no more code, and what it started keeps running. The guard sees the socket close for
whatever reason and kills the group; if the guard itself is killed, the program is killed too (PR_SET_PDEATHSIG). The
guard has a single thread, so what it does between `fork` and `exec` is safe, unlike `preexec_fn` in a program with
threads. On Linux it adopts the orphans of the group and is notified of their end; elsewhere it polls.
"""

from __future__ import annotations

import contextlib
import errno
import marshal
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from typing import NoReturn

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
LOOK_AGAIN = 0.05  # seconds, once the program has ended and others of its group have not
GIVE_UP = 1.0  # seconds after a kill: a process still listed then is a zombie that its parent does not reap. A
# standstill may use them up: SIGKILL needs no time, and also ends stopped processes

HELD_OFF = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)  # the order to stop comes over the socket


def main() -> NoReturn:
    """Start the program, report, and wait for the end of its group."""
    control, *streams = map(int, sys.argv[1:5])
    for number in (control, *streams):
        os.set_inheritable(number, False)
    parent = os.getppid()
    prctl = _prctl()
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    prctl(PR_SET_PDEATHSIG, signal.SIGUSR1)  # in addition to the socket, whose other end a forked copy of us may hold
    before = {number: signal.getsignal(number) for number in HELD_OFF}
    for number in HELD_OFF:
        signal.signal(number, signal.SIG_IGN)
    for number in (signal.SIGCHLD, signal.SIGUSR1):
        signal.signal(number, lambda number, frame: None)
    woken, wake = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)

    argv, environment, folder = marshal.loads(_read(control, int.from_bytes(_read(control, 8), "big")))
    failed, fail = os.pipe()
    guard = os.getpid()
    program = os.fork()
    if program == 0:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != guard:  # killed in the meantime
            os._exit(127)
        restore = [number for number, was in before.items() if was is not signal.SIG_IGN]
        _become(argv, environment, folder, restore, fail, streams)
    for number in (fail, *streams):  # only the program has its ends of the pipes now
        os.close(number)
    if failure := os.read(failed, 100):
        os.waitpid(program, 0)
        _send_line(control, "failed " + failure.decode())
        os._exit(0)
    _send_line(control, f"started {program}")
    _watch(control, woken, program, parent)
    os._exit(0)


def _watch(control: int, woken: int, program: int, parent: int) -> None:
    """Pass signals on and reap, until no process of the group is left."""
    ended = orphaned = False
    give_up: float | None = None
    while True:
        for pid, status in _reaped():
            if pid == program:
                ended = True
                _send_line(control, f"exited {os.waitstatus_to_exitcode(status)}")
        if ended and (not _signal(program, 0) or (give_up is not None and time.monotonic() > give_up)):
            _send_line(control, "gone")
            return
        ready, _, _ = select.select([woken] if orphaned else [control, woken], [], [], LOOK_AGAIN if ended else None)
        if woken in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(woken, 1000)
        numbers = b""
        if control in ready:
            try:
                numbers = os.read(control, 100)
            except OSError:
                numbers = b""
        if not orphaned and ((control in ready and not numbers) or os.getppid() != parent):
            orphaned = True
            numbers = bytes([signal.SIGKILL])
        for number in numbers:
            _signal(program, number)
            if number == signal.SIGKILL and give_up is None:
                give_up = time.monotonic() + GIVE_UP


def _reaped() -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            found.append((pid, status))
    return found


def _signal(group: int, number: int) -> bool:
    """Return whether a process received the signal."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # macOS refuses if only zombies are left
        return False
    return True


def _become(
    argv: list[bytes],
    environment: dict[bytes, bytes],
    folder: bytes | None,
    restore: list[signal.Signals],
    fail: int,
    streams: list[int],
) -> NoReturn:
    """Lead a new group in the forked child, and execute the program."""
    place = "folder"
    try:
        os.setpgid(0, 0)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        signal.set_wakeup_fd(-1)
        for number in (*restore, signal.SIGPIPE, getattr(signal, "SIGXFSZ", signal.SIGPIPE)):
            signal.signal(number, signal.SIG_DFL)
        if folder is not None:
            os.chdir(folder)
        place = "program"
        os.execvpe(argv[0], argv, environment)
    except OSError as error:
        os.write(fail, f"{error.errno or errno.EIO} {place}".encode())
    finally:
        os._exit(127)


def _send_line(control: int, line: str) -> None:
    with contextlib.suppress(OSError):  # the reader is gone
        os.write(control, f"{line}\n".encode())


def _read(control: int, size: int) -> bytes:
    parts = b""
    while len(parts) < size:
        part = os.read(control, size - len(parts))
        if not part:
            os._exit(0)
        parts += part
    return parts


def _prctl() -> Callable[[int, int], object]:
    """Return Linux's `prctl` with one argument; a no-op elsewhere or without ctypes."""
    if sys.platform == "linux":
        with contextlib.suppress(ImportError, OSError, AttributeError):
            import ctypes

            found = ctypes.CDLL(None).prctl
            return lambda option, value: found(option, ctypes.c_ulong(value), 0, 0, 0)
    return lambda option, value: None


if __name__ == "__main__":
    main()
