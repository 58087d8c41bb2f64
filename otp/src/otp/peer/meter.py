"""The memory and processor time of a process and all its descendants, read from `/proc`.

Without a control group no limit of the kernel counts processes together: each of 32 could use as much as one may. The
guard, which waits anyway, therefore checks four times a second, and down to once a second while all are idle.
Limits of single processes bound the usage in between.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

__all__ = ["Meter", "processor_s", "resident", "waits_for_processor"]

LOOK_EVERY_S: Final = 0.25
IDLE_EVERY_S: Final = 1.0
MIB: Final = 1 << 20
USUAL_BUFFER: Final = 212_992


class Meter:
    """A check of the process `pid` and its descendants.

    Args:
        pid: the first process, a child of ours.
        memory_mb: MiB for all; None: no limit.
        cpu_s: seconds of processor time for all; None: no limit.
        sockets: whether all visible Unix sockets are theirs. Each counts as the memory that it may hold: no limit of
            the kernel includes waiting data, even in a socket that no process has open.
    """

    def __init__(self, pid: int, memory_mb: int | None, cpu_s: float | None, *, sockets: bool = False) -> None:
        self._pid = pid
        self._memory = None if memory_mb is None else memory_mb * MIB
        self._cpu_s = cpu_s
        self._page = os.sysconf("SC_PAGE_SIZE")
        self._tick = os.sysconf("SC_CLK_TCK")
        self._socket = _buffer_of_a_socket() if sockets else 0
        self._ticks = -1
        self.pause: float = LOOK_EVERY_S
        """Seconds until the next check."""

    def look(self) -> str | None:
        """Return `"memory"` or `"cpu"` for an exceeded limit, else None."""
        pids = descendants(self._pid)
        ticks = resident = 0
        for pid in pids:
            try:
                words = _stat(pid)
            except OSError:
                continue  # it ended in the meantime
            ticks += sum(map(int, words[11:15]))
            resident += int(words[21]) * self._page
        self.pause = min(IDLE_EVERY_S, 2 * self.pause) if ticks == self._ticks else LOOK_EVERY_S
        self._ticks = ticks
        if self._memory is not None:
            left = self._memory - self._socket * _sockets() if self._socket else self._memory
            if resident > left and self._shared_once(pids) > left:
                return "memory"
        if self._cpu_s is not None and ticks / self._tick > self._cpu_s:
            return "cpu"
        return None

    def _shared_once(self, pids: list[int]) -> int:
        """Return bytes in memory, with a page shared by n processes counted as 1/n, if readable."""
        total = 0
        for pid in pids:
            try:
                lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
                total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024
            except (OSError, StopIteration):
                total += _resident(pid, self._page)
        return total


def _sockets() -> int:
    """Return the number of Unix sockets of this network namespace, including those in transit or not yet accepted."""
    try:
        return _read("/proc/self/net/unix").count(b"\n") - 1
    except OSError:
        return 0


def _buffer_of_a_socket() -> int:
    """Return the bytes that may wait in a socket whose buffer was not enlarged."""
    try:
        return int(Path("/proc/sys/net/core/wmem_default").read_text(encoding="ascii"))
    except OSError:
        return USUAL_BUFFER


def resident(pid: int) -> int:
    """Return the bytes of memory used by the process and its descendants.

    Returns 0 if unknown, such as after its end.

    >>> import os
    >>> from otp.peer.meter import resident
    >>> resident(os.getpid()) > 1_000_000
    True
    """
    page = os.sysconf("SC_PAGE_SIZE")
    return sum(_resident(one, page) for one in descendants(pid))


def processor_s(pid: int) -> float:
    """Return the seconds of processor time that the process and its descendants have used; 0 if unknown."""
    ticks = 0
    for one in descendants(pid):
        with contextlib.suppress(OSError):
            ticks += sum(map(int, _stat(one)[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def waits_for_processor(pid: int) -> bool:
    """Return whether the process is running or ready to run."""
    try:
        return _stat(pid)[0] == b"R"
    except OSError:
        return False


def _resident(pid: int, page: int) -> int:
    try:
        return int(_read(f"/proc/{pid}/statm").split()[1]) * page
    except OSError:
        return 0


def _stat(pid: int) -> list[bytes]:
    """Return the fields of `/proc/PID/stat` after the name, which may have blanks; the first is the state."""
    return _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()


def _read(path: str) -> bytes:
    """Return a file; a third of the time that `Path.read_bytes` takes, four times a second in each guard."""
    number = os.open(path, os.O_RDONLY)
    try:
        data = b""
        while more := os.read(number, 65536):
            data += more
        return data
    finally:
        os.close(number)


def descendants(pid: int) -> list[int]:
    """Return the process and its descendants, parents first."""
    found = [pid]
    for parent in found:
        try:
            threads = os.listdir(f"/proc/{parent}/task")
            for thread in threads:
                found += map(int, _read(f"/proc/{parent}/task/{thread}/children").split())
        except OSError:
            continue
    return found
