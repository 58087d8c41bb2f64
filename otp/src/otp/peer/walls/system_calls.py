"""Linux system calls without a function in the standard library, through `ctypes`.

Errors become `OSError`. They are called in a child only: none can be undone.
"""

from __future__ import annotations

import os
import platform
from typing import Any, Final

__all__ = [
    "PR_SET_PDEATHSIG",
    "drop_bounding_set",
    "drop_capabilities",
    "machine",
    "mount",
    "pivot_root",
    "prctl",
    "set_mount_read_only",
    "syscall",
    "umount",
    "unshare",
]

PR_SET_PDEATHSIG: Final = 1
PR_CAPBSET_DROP: Final = 24
LAST_CAPABILITY: Final = 63
AT_RECURSIVE: Final = 0x8000
AT_FDCWD: Final = -100
MOUNT_ATTR_RDONLY: Final = 1
MNT_DETACH: Final = 2

PIVOT_ROOT: Final = {
    "x86_64": 155,
    "aarch64": 41,
}
"""Numbers that differ by architecture; calls from 5.1 on have the same number on all."""

MOUNT_SETATTR: Final = 442


def machine() -> str:
    """Return the architecture by Linux's name: `x86_64`, `aarch64`, or what `uname -m` says."""
    return platform.machine()


def _libc() -> Any:
    import ctypes

    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> int:
    import ctypes

    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def syscall(what: str, number: int, *arguments: Any) -> int:
    """Make system call `number`; `what` names it in an error. Raises `OSError`."""
    import ctypes

    words = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    libc = _libc()
    libc.syscall.restype = ctypes.c_long
    return _checked(int(libc.syscall(ctypes.c_long(number), *words)), what)


def prctl(option: int, *arguments: Any) -> int:
    """Call `prctl(2)`, with zeros for missing arguments."""
    import ctypes

    words = [ctypes.c_ulong(a) if isinstance(a, int) else a for a in (*arguments, 0, 0, 0, 0)[:4]]
    return _checked(_libc().prctl(option, *words), f"prctl {option}")


def unshare(flags: int) -> None:
    """Call `unshare(2)`."""
    _checked(_libc().unshare(flags), "unshare")


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    """Call `mount(2)`."""
    import ctypes

    words = [text.encode() if text else None for text in (source, target, kind, options)]
    result = _libc().mount(words[0], words[1], words[2], ctypes.c_ulong(flags), words[3])
    _checked(result, f"mount {target}")


def umount(target: str) -> None:
    """Call `umount2(2)` lazily: the mount disappears for new users at once."""
    _checked(_libc().umount2(target.encode(), MNT_DETACH), f"umount {target}")


def set_mount_read_only(target: str) -> None:
    """Call `mount_setattr(2)` for a mount and all below it; flags that a user namespace locks stay (Linux 5.12)."""
    import ctypes

    wanted = (ctypes.c_uint64 * 4)(MOUNT_ATTR_RDONLY, 0, 0, 0)
    path = target.encode()
    syscall("mount_setattr", MOUNT_SETATTR, AT_FDCWD, path, AT_RECURSIVE, ctypes.byref(wanted), ctypes.sizeof(wanted))


def pivot_root(new: str) -> None:
    """Make `new`, a mount point, the root, and release the old one (`pivot_root(2)`)."""
    number = PIVOT_ROOT.get(machine())
    if number is None:
        raise OSError(f"pivot_root: expected one of {', '.join(PIVOT_ROOT)}, got {machine()}")
    os.chdir(new)
    syscall("pivot_root", number, b".", b".")
    umount(".")
    os.chdir("/")


def drop_bounding_set() -> None:
    """Keep later programs from having a capability, whichever user owns them."""
    for capability in range(LAST_CAPABILITY + 1):
        try:
            prctl(PR_CAPBSET_DROP, capability)
        except OSError:  # the last capability is passed, or there is none to drop without rights
            break


def drop_capabilities() -> None:
    """Give up all capabilities: a user namespace grants them to its creator."""
    import ctypes

    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this thread
    none = (ctypes.c_uint32 * 6)()
    _checked(_libc().capset(ctypes.byref(header), ctypes.byref(none)), "capset")
