"""Uses more memory than it may, and is dead before anybody has measured it."""

# ends: memory
# limits: memory_mb=128

import ctypes


def boot(here):
    kept = bytearray(b"x") * (160 << 20)
    ctypes.string_at(1)
    return kept
