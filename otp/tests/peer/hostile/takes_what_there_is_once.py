"""Takes all of what the whole machine, or the account, has a certain number of: inotify, asynchronous input."""

# ends: stopped

import ctypes
import os
import platform

NUMBERS = {
    "x86_64": {"inotify_init": (253,), "inotify_init1": (294, 0), "io_setup": (206, 60_000)},
    "aarch64": {"inotify_init1": (26, 0), "io_setup": (0, 60_000)},
}


def boot(here):
    libc = ctypes.CDLL(None, use_errno=True)
    for name, call in NUMBERS.get(platform.machine(), {}).items():
        context = ctypes.c_ulong(0)
        result = libc.syscall(*map(ctypes.c_long, call), ctypes.byref(context))
        print("ESCAPED" if result >= 0 or ctypes.get_errno() != 1 else "refused", name, os.strerror(ctypes.get_errno()))
