"""Looks for open files and sockets that were left to it."""

# ends: stopped

import os
import stat


def boot(here):
    for number in range(3, 128):
        try:
            mode = os.fstat(number).st_mode
        except OSError:
            continue
        kind = "socket" if stat.S_ISSOCK(mode) else "directory" if stat.S_ISDIR(mode) else "other"
        if kind == "directory" or stat.S_ISREG(mode):
            print("ESCAPED", number, kind)
