"""Asks the kernel by its second table of the same calls."""

# ends: stopped

import ctypes
import platform


def boot(here):
    if platform.machine() != "x86_64":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    for number in (39, 41, 56, 101, 165, 272, 319, 321, 520):
        if libc.syscall(0x40000000 | number, 0x10000000, 0, 0, 0, 0) >= 0:
            print("ESCAPED", number)
