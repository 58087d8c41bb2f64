"""Makes itself dumpable again, so that its crash is written to the machine's disk."""

# ends: signal
# reason: killed by SIGSEGV

import ctypes


def boot(here):
    print("ESCAPED" if ctypes.CDLL(None).prctl(4, 1, 0, 0, 0) == 0 else "refused")
    ctypes.memset(0, 1, 1)
