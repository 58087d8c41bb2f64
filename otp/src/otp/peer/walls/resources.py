"""Kernel limits of a process, set irrevocably (`setrlimit(2)`)."""

from __future__ import annotations

import contextlib
import os
import resource
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

__all__ = ["set_limits", "stand_back"]

MIB: Final = 1 << 20
MOST: Final = 19
"""The maximum of `nice`."""

TRIES: Final = 5
PAUSE_S: Final = 0.1

ROOM: Final = 1.5
"""A process may briefly use this many times `memory_mb`: the guard, which counts all processes, ends it at one."""

ADDRESSES: Final = 512 * MIB
"""Addresses beyond memory: libraries, and what threads reserve but do not use."""


def set_limits(limits: Mapping[str, Any], *, others: int) -> None:
    """Limit this process and its children to `limits`; `others` are our processes that count as its own."""
    size, data = _sizes()
    memory = limits["memory_mb"] * MIB
    pairs: list[tuple[str, int]] = [
        ("RLIMIT_CORE", 0),
        ("RLIMIT_NOFILE", limits["open_files"]),
        ("RLIMIT_FSIZE", limits["files_mb"] * MIB),
        ("RLIMIT_DATA", data + int(memory * ROOM)),
        ("RLIMIT_AS", size + memory * 2 + ADDRESSES),
        ("RLIMIT_MEMLOCK", 1 << 16),
        ("RLIMIT_MSGQUEUE", 0),
        ("RLIMIT_RTPRIO", 0),
        ("RLIMIT_NICE", 0),
        ("RLIMIT_SIGPENDING", 256),
        ("RLIMIT_NPROC", limits["processes"] + others),
    ]
    if limits["cpu_s"] is not None:
        pairs.append(("RLIMIT_CPU", max(1, -int(-limits["cpu_s"] // 1))))
    for name, value in pairs:
        number = getattr(resource, name, None)
        if number is None:
            continue
        hard = resource.getrlimit(number)[1]
        if hard != resource.RLIM_INFINITY:
            value = min(value, hard)
        resource.setrlimit(number, (value, value))


def stand_back(by: int) -> None:
    """Yield to other processes, in this session and in all others.

    With `sched_autogroup_enabled`, as on most systems, Linux divides a core among sessions, and applies `nice` only
    within each. A peer has its own session, so `nice` alone would give one that spins as much as the whole platform.
    """
    os.setpriority(os.PRIO_PROCESS, 0, min(MOST, os.getpriority(os.PRIO_PROCESS, 0) + by))
    with contextlib.suppress(OSError):  # not supported by the system or kernel
        _hold_session_back(min(MOST, by))


def _hold_session_back(by: int) -> None:
    """Lower the priority of the session. Raises `OSError`."""
    session = os.open("/proc/self/autogroup", os.O_WRONLY)
    try:
        for _ in range(TRIES):
            with contextlib.suppress(BlockingIOError):  # without rights, one process may do this per 0.1 s
                os.write(session, b"%d" % by)
                return
            time.sleep(PAUSE_S)
    finally:
        os.close(session)


def _sizes() -> tuple[int, int]:
    """Return the addresses and private memory of this process so far, in bytes."""
    try:
        text = Path("/proc/self/statm").read_text(encoding="ascii")
    except OSError:
        return 256 * MIB, 128 * MIB  # more than an interpreter needs
    numbers = [int(number) for number in text.split()]
    page = os.sysconf("SC_PAGE_SIZE")
    return numbers[0] * page, numbers[5] * page
