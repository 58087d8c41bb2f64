"""Gives itself a name that looks like the figures which the guard reads, and fills memory."""

# ends: memory
# limits: memory_mb=128
# reason: used more than 128 MiB of memory

import ctypes
import os


def boot(here):
    ctypes.CDLL(None).prctl(15, b") S 1 1 1 0\n0 (", 0, 0, 0)
    if os.fork() == 0:
        kept = bytearray(b"x" * 80_000_000)
        while True:
            kept[0] = 1
    kept = bytearray(b"x" * 80_000_000)
    while True:
        kept[0] = 1
