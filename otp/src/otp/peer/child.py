"""The guard of a peer, run as `python -I -m otp.peer.child GUARD CONTROL LINK`: starts the peer and outlives it.

The three numbers are inherited sockets. Over `GUARD` it receives what to import in advance and then its order; it
reports the start and end of the peer, and treats the end of that connection as the end of the platform. The peer itself
uses `CONTROL`, and its node `LINK`. The guard runs none of the peer's program, so its reports are trusted.

There are two processes because a pid namespace contains only processes forked after its creation; because only the
parent reliably knows the exit status, time and memory of a process; and because a process killed by SIGKILL cleans up
nothing. The kernel kills the peer when the guard ends, and the guard when the platform ends.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import marshal
import os
import select
import signal
import socket
import sys
import time
from typing import Any, Final, NoReturn

import otp
from otp.peer.frames import send_frame
from otp.peer.meter import Meter, descendants
from otp.peer.removing import remove_folder
from otp.peer.walls.plan import Part
from otp.standard_streams import open_descriptors

__all__ = ["be_guard", "die_with_parent", "load", "main", "receive"]

PR_SET_CHILD_SUBREAPER: Final = 36
GIVE_UP_S: Final = 2.0
"""Seconds to search for the remains of a killed peer."""

LONGEST_ORDER: Final = 64 << 20

OUT_OF_MEMORY: Final = frozenset({signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT})
"""Signals that may end an interpreter that cannot get more memory, before the meter has seen its usage."""


def main() -> NoReturn:
    """Import modules, then run as a guard."""
    open_descriptors()
    guard, control, link = (socket.socket(fileno=int(number)) for number in sys.argv[1:4])
    die_with_parent(signal.SIGKILL)
    parent = os.getppid()
    failed = load(receive(guard)["preload"])
    if failed is not None:
        give_up(guard, failed)
    be_guard(guard, control, link, parent)


def load(modules: list[str]) -> str | None:
    """Import modules into pages that forks share; return the reason if it failed."""
    gc.disable()  # imported objects stay
    try:
        for module in modules:
            importlib.import_module(module)
    except BaseException as error:  # whatever an import raises is reported to the platform
        return f"preload: {type(error).__name__}: {error}"[:1000]
    else:
        gc.collect()
        gc.freeze()
        return None
    finally:
        gc.enable()


def give_up(guard: socket.socket, why: str) -> NoReturn:
    """Report why there will be no peer, take the order, and end.

    An order that is not read would reset the connection, and uvloop reports a reset to no reader.
    """
    send_frame(guard, {"what": "failed", "why": why})
    receive(guard)
    os._exit(1)


def be_guard(guard: socket.socket, control: socket.socket, link: socket.socket, parent: int) -> NoReturn:
    """Wait for the order, fork, and watch; end with the process `parent`."""
    send_frame(guard, {"what": "warm"})
    order = receive(guard)
    parts = _outside(order)
    lifeline, held = os.pipe()
    woken, wake = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(wake, False)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD, signal.SIGUSR1])
    try:
        pid = os.fork()
    except OSError as error:
        send_frame(guard, {"what": "unavailable", "why": str(error)})
        os._exit(1)
    if pid == 0:
        guard.detach()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        from otp.peer.inner import become_peer

        become_peer(order, parts, control, link, lifeline)
    for number in (signal.SIGCHLD, signal.SIGUSR1):
        signal.signal(number, lambda number, frame: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    die_with_parent(signal.SIGUSR1)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    control.close()
    link.close()
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):  # only the peer has its ends of the pipe now
        os.dup2(nothing, number)
    send_frame(guard, {"what": "forked", "pid": pid})
    _watch(guard, woken, pid, parent, order, {part.name for part in parts if part.up})
    os.close(held)
    os._exit(0)


def receive(guard: socket.socket) -> Any:
    """Return the next order of the platform, which is trusted; its end ends the guard."""
    try:
        size = int.from_bytes(_exactly(guard, 4), "big")
        if size > LONGEST_ORDER:
            os._exit(1)
        return marshal.loads(_exactly(guard, size))
    except (EOFError, OSError):
        os._exit(0)


def _exactly(guard: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = guard.recv(size - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def _outside(order: dict[str, Any]) -> list[Part]:
    if order["plan"] is None:
        return []
    from otp.peer.walls.raising import raise_outside

    return raise_outside(order["plan"])


def _watch(guard: socket.socket, woken: int, pid: int, parent: int, order: dict[str, Any], own: set[str]) -> None:
    """Wait until the peer has ended, or has to; then kill what is left, and report."""
    limits = order["limits"]
    walled = order["plan"] is not None
    memory_mb, cpu_s = (limits["memory_mb"], limits["cpu_s"]) if walled else (None, None)
    meter = Meter(pid, memory_mb, cpu_s, sockets="network" in own)
    own_pids = "pid" in own
    measured = walled and sys.platform == "linux"
    cause = None
    listening = [guard.fileno(), woken]
    while (ended := _reap(pid)) is None:
        ready, _, _ = select.select(listening, [], [], meter.pause if measured else None)
        if woken in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(woken, 1000)
        if guard.fileno() in ready or os.getppid() != parent:  # the only message that can arrive now is the end
            listening = [woken]
            parent = os.getppid()
            _kill(pid, own_pids)
        if cause is None and not ready and measured:
            cause = meter.look()
            if cause is not None:
                _kill(pid, own_pids)
    status, used = ended
    if cause is None and memory_mb is not None and -status in OUT_OF_MEMORY and used.ru_maxrss > memory_mb << 10:
        cause = "memory"
    _kill_rest()
    message = {"what": "ended", "status": status, "cause": cause, "cpu_s": used.ru_utime + used.ru_stime}
    remove_folder(order["folder"])  # the platform may have ended, too
    send_frame(guard, message | {"peak_kb": used.ru_maxrss})


def _reap(pid: int) -> tuple[int, Any] | None:
    """Return exit status and usage of the peer once it has ended, and reap processes it left behind."""
    while True:
        try:
            found, status, used = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return None
        if found == 0:
            return None
        if found == pid:
            return os.waitstatus_to_exitcode(status), used


def _kill(pid: int, own_pids: bool) -> None:
    """Kill the peer and its descendants.

    In a pid namespace the kernel does so when the first process ends, whose number is not reused before we have waited
    for it. Other numbers may be reused, in a storm of forks.
    """
    for number in [pid] if own_pids else descendants(pid):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(number, signal.SIGKILL)


def _kill_rest() -> None:
    """Kill what the peer left behind: without a pid namespace these are children of the guard now."""
    give_up = time.monotonic() + GIVE_UP_S
    me = os.getpid()
    while time.monotonic() < give_up:
        for number in descendants(me)[1:]:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(number, signal.SIGKILL)
        try:
            os.wait4(-1, 0)
        except ChildProcessError:
            return


def die_with_parent(number: int) -> None:
    """Arrange to be killed with the parent.

    Linux only: elsewhere the end of the connection serves instead, and orphans of the peer are not adopted.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)
    libc.prctl(1, int(number), 0, 0, 0)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


if __name__ == "__main__":
    assert otp.Node
    main()
