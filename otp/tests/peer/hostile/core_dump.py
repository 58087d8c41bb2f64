"""Wants a core file written."""

# ends: signal
# reason: killed by SIGSEGV

import ctypes
import faulthandler
import resource


def boot(here):
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (-1, -1))
        print("ESCAPED")
    except (OSError, ValueError):
        faulthandler.disable()
    ctypes.string_at(0)
