"""Landlock: a process and its children permanently give up files, TCP and signalling other processes.

It needs no rights and no package. What a kernel can restrict grows with its ABI: files (1, Linux 5.13), moves between
folders (2), truncation (3), TCP (4, 6.7), commands to devices (5), abstract sockets and signals (6, 6.12).

Source: the kernel's `Documentation/userspace-api/landlock.rst`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from typing import Final

from otp.peer.walls.system_calls import syscall

__all__ = ["abi", "restrict"]

CREATE_RULESET: Final = 444
ADD_RULE: Final = 445
RESTRICT_SELF: Final = 446

EXECUTE: Final = 1 << 0
WRITE_FILE: Final = 1 << 1
READ_FILE: Final = 1 << 2
READ_DIR: Final = 1 << 3
MAKE_CHAR: Final = 1 << 6
MAKE_BLOCK: Final = 1 << 11
REFER: Final = 1 << 13
TRUNCATE: Final = 1 << 14
IOCTL_DEV: Final = 1 << 15

ALL_FILES: Final = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1}
"""The file accesses that an ABI can restrict; from 5 on `(1 << 16) - 1`."""

ONE_FILE: Final = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
READ: Final = READ_FILE | READ_DIR
TCP: Final = 0b11
SCOPED: Final = 0b11


def abi() -> int:
    """Return the ABI of this kernel. Raises `OSError` if Landlock is missing or disabled."""
    return syscall("landlock", CREATE_RULESET, None, 0, 1)


def restrict(readable: Iterable[str], writable: Iterable[str], hidden: Sequence[str] = ()) -> int:
    """Restrict this process to reading below `readable` and writing below `writable`, without TCP; return the ABI.

    Folders in `hidden`, given without symbolic links, are not readable. Nothing may be executed. It needs
    `no_new_privs` and a single thread: other threads would stay unrestricted.
    """
    import ctypes

    level = abi()
    handled = ALL_FILES.get(level, (1 << 16) - 1)
    words = [handled, TCP if level >= 4 else 0, SCOPED if level >= 6 else 0]
    attributes = (ctypes.c_uint64 * 3)(*words)
    size = 8 if level < 4 else 16 if level < 6 else 24
    ruleset = syscall("landlock_create_ruleset", CREATE_RULESET, ctypes.byref(attributes), size, 0)
    try:
        for path in readable:
            _allow_reading(ruleset, path, READ & handled, hidden)
        for path in writable:
            _allow(ruleset, path, handled & ~(EXECUTE | MAKE_CHAR | MAKE_BLOCK | IOCTL_DEV))
        syscall("landlock_restrict_self", RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    return level


def _allow_reading(ruleset: int, path: str, access: int, hidden: Sequence[str]) -> None:
    """Allow to read below `path`, but only names below a hidden folder: modules beside it are found by listing."""
    real = os.path.realpath(path)
    if real in hidden:
        return
    if not any(each.startswith(os.path.join(real, "")) for each in hidden):
        _allow(ruleset, path, access)
        return
    _allow(ruleset, path, access & READ_DIR)
    for entry in os.listdir(real):
        _allow_reading(ruleset, os.path.join(real, entry), access, hidden)


def _allow(ruleset: int, path: str, access: int) -> None:
    import ctypes

    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, PermissionError):
        return  # an unreachable path needs no rule
    try:
        if not stat.S_ISDIR(os.fstat(fd).st_mode):
            access &= ONE_FILE
        beneath = ctypes.create_string_buffer(access.to_bytes(8, "little") + fd.to_bytes(4, "little"), 12)  # packed
        syscall("landlock_add_rule", ADD_RULE, ruleset, 1, beneath, 0)
    finally:
        os.close(fd)
