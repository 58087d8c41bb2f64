"""Takes off the signal that kills it with its guard, and waits."""

# ends: stopped

import ctypes


def boot(here):
    libc = ctypes.CDLL(None, use_errno=True)
    print("ESCAPED" if libc.prctl(1, 0, 0, 0, 0) == 0 else "refused")
