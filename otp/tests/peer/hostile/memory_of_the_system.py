"""Wants shared memory that outlives it: System V segments, message queues, anonymous files."""

# ends: stopped

import ctypes
import os


def boot(here):
    libc = ctypes.CDLL(None, use_errno=True)
    for what, number in {
        "shmget": libc.shmget(0, 50_000_000, 0o1600),
        "msgget": libc.msgget(0, 0o1600),
        "semget": libc.semget(0, 10, 0o1600),
        "memfd_create": libc.memfd_create(b"x", 0),
    }.items():
        print("ESCAPED" if number >= 0 else "refused", what)
    try:
        print("ESCAPED", os.memfd_create("x"))
    except OSError as error:
        print("refused", error)
    print("ESCAPED" if os.path.exists("/dev/shm") else "there is no /dev/shm")
