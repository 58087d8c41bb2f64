"""Identification of a program, to tell it from later ones with its number."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
from dataclasses import dataclass
from pathlib import Path

from otp.peer.removing import remove_folder

__all__ = ["SandboxTraces", "remove", "traces_of"]


@dataclass(frozen=True, slots=True)
class SandboxTraces:
    """The traces of one program, since process numbers are reused."""

    os_pid: int
    since: int
    """Its start, in ticks since boot."""

    boot: str
    folder: str = ""
    device: int = 0
    inode: int = 0


def traces_of(os_pid: int, folder: str) -> SandboxTraces | None:
    """Return the traces of a running program; None if the kernel provides none."""
    try:
        since, boot = _since(os_pid), _boot()
    except OSError:
        return None
    try:
        place = os.lstat(folder)
    except OSError:
        return SandboxTraces(os_pid, since, boot)
    return SandboxTraces(os_pid, since, boot, folder, place.st_dev, place.st_ino)


def remove(traces: SandboxTraces) -> list[str]:
    """End and remove what is left of an abandoned program; return that in words."""
    left: list[str] = []
    with contextlib.suppress(OSError):  # it has ended, or the number belongs to another process now
        if traces.boot == _boot() and _kill(traces):
            left.append(f"its process {traces.os_pid}")
    with contextlib.suppress(OSError):
        place = os.lstat(traces.folder)
        same = (place.st_dev, place.st_ino) == (traces.device, traces.inode)
        if same and stat.S_ISDIR(place.st_mode) and remove_folder(traces.folder):
            left.append(f"its folder {traces.folder}")
    return left


def _kill(traces: SandboxTraces) -> bool:
    """Kill the process; return whether it existed.

    The descriptor protects against reuse of its number.
    """
    descriptor = os.pidfd_open(traces.os_pid)
    try:
        if _since(traces.os_pid) != traces.since:
            return False
        signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        return True
    finally:
        os.close(descriptor)


def _since(os_pid: int) -> int:
    words = Path(f"/proc/{os_pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    return int(words[19])


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
