"""Sets the clock and the name of the machine, loads a kernel, switches swap on, reads its log, flushes its disks."""

# ends: stopped

import ctypes
import os
import platform
import socket
import time

NUMBERS = {
    "x86_64": {
        "adjtimex": (159, 0), "settimeofday": (164, 0, 0), "sethostname": (170, 0, 0), "setdomainname": (171, 0, 0),
        "swapon": (167, 0, 0), "acct": (163, 0), "syslog": (103, 3, 0, 0), "vhangup": (153,), "iopl": (172, 3),
        "ioperm": (173, 0, 1, 1), "personality": (135, 0x0040000), "kcmp": (312, 1, 1, 0, 0, 0),
        "fanotify_init": (300, 0, 0), "memfd_secret": (447, 0), "quotactl_fd": (443, 0, 0, 0, 0),
        "sync": (162,), "syncfs": (306, 1),
    },
    "aarch64": {
        "adjtimex": (171, 0), "sethostname": (161, 0, 0), "syslog": (116, 3, 0, 0), "sync": (81,), "syncfs": (267, 1),
    },
}  # fmt: skip


def boot(here):
    libc = ctypes.CDLL(None, use_errno=True)
    for name, call in NUMBERS.get(platform.machine(), {}).items():
        result = libc.syscall(*map(ctypes.c_long, call))
        print("refused" if result < 0 and ctypes.get_errno() == 1 else "ESCAPED", name, os.strerror(ctypes.get_errno()))
    for what, attempt in {
        "clock": lambda: time.clock_settime(time.CLOCK_REALTIME, 0),
        "name": lambda: socket.sethostname("owned"),
    }.items():
        try:
            print("ESCAPED", what, attempt())
        except OSError as error:
            print("refused", what, error)
