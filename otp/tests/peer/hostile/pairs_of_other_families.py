"""Has the kernel load modules for sockets of families that nobody uses, by pairs of them."""

# ends: stopped

import ctypes
import errno


def boot(here):
    libc = ctypes.CDLL(None, use_errno=True)
    for family in range(2, 46):
        pair = (ctypes.c_int * 2)()
        for kind in (1, 2, 3, 5):
            refused = libc.socketpair(family, kind, 0, pair) < 0 and ctypes.get_errno() == errno.EACCES
            if not refused:
                print("ESCAPED", family, kind, ctypes.get_errno())
