"""The guard of an external program: a small process between it and us. Run as a script, never imported by `otp`.

    python -I -S _os_guard.py CONTROL

`CONTROL` is the number of an inherited socket. What comes over it: eight bytes with the length of the marshalled
(argv, environment, directory), then one byte for each signal that the group is to get; its end means that we are
dead. What the guard answers, a line each: `started PID` or `failed ERRNO PLACE`, `exited STATUS`, and `gone` when
nobody of the group is left, with which the guard ends as well.

Why a process: whoever is killed with SIGKILL runs no code any more, and what it started lives on. The guard sees the
socket close, whatever closed it, and kills the group; killed itself, it takes the program along (PR_SET_PDEATHSIG).
It has one thread, so what it does between `fork` and `exec` is safe, which `preexec_fn` in a program with threads is
not. On Linux it adopts the orphans of the group, so that it is told of their end; elsewhere it looks.
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
LOOK_AGAIN = 0.05  # seconds, while the program has ended and others of its group have not
GIVE_UP = 1.0  # seconds after a kill: who is still listed then is a zombie that its parent does not bury

HELD_OFF = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)  # the order to stop comes from us


def main() -> NoReturn:
    """Start the program, report, and outlive it."""
    control = int(sys.argv[1])
    os.set_inheritable(control, False)
    parent = os.getppid()
    prctl = _prctl()
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    prctl(PR_SET_PDEATHSIG, signal.SIGUSR1)  # beside the socket, of which a forked copy of us may hold an end
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
        if os.getppid() != guard:  # killed meanwhile
            os._exit(127)
        restore = [number for number, was in before.items() if was is not signal.SIG_IGN]
        _become(argv, environment, folder, restore, fail)
    os.close(fail)
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):  # the program's ends of the pipes are the only ones now
        os.dup2(nothing, number)
    if failure := os.read(failed, 100):
        os.waitpid(program, 0)
        _tell(control, "failed " + failure.decode())
        os._exit(0)
    _tell(control, f"started {program}")
    _watch(control, woken, program, parent)
    os._exit(0)


def _watch(control: int, woken: int, program: int, parent: int) -> None:
    """Pass signals on, and reap, until nobody of the group is left."""
    ended = orphaned = False
    give_up: float | None = None
    while True:
        for pid, status in _reaped():
            if pid == program:
                ended = True
                _tell(control, f"exited {os.waitstatus_to_exitcode(status)}")
        if ended and (not _signal(program, 0) or (give_up is not None and time.monotonic() > give_up)):
            _tell(control, "gone")
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
    """Whether there was somebody to take the signal."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # macOS refuses where only zombies are left
        return False
    return True


def _become(
    argv: list[bytes],
    environment: dict[bytes, bytes],
    folder: bytes | None,
    restore: list[signal.Signals],
    fail: int,
) -> NoReturn:
    """In the forked child: lead a new group, and turn into the program."""
    place = "folder"
    try:
        os.setpgid(0, 0)
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


def _tell(control: int, line: str) -> None:
    with contextlib.suppress(OSError):  # nobody listens any more
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
    """Linux's `prctl` with one argument; elsewhere, and where Python has no ctypes, nothing."""
    if sys.platform == "linux":
        with contextlib.suppress(ImportError, OSError, AttributeError):
            import ctypes

            found = ctypes.CDLL(None).prctl
            return lambda option, value: found(option, ctypes.c_ulong(value), 0, 0, 0)
    return lambda option, value: None


if __name__ == "__main__":
    main()
