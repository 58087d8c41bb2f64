"""Sleeps in C code without letting go of the interpreter, so that no thread of it can tell."""

# ends: held
# slow: waits for a limit
# limits: hold_s=1.2
# reason: did not answer for 1.2 s

import ctypes


def boot(here):
    ctypes.PyDLL(None).sleep(1000)
