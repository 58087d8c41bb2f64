"""Reads the address zero."""

# ends: signal
# reason: killed by SIGSEGV

import ctypes


def boot(here):
    ctypes.string_at(0)
