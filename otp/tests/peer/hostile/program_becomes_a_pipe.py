"""Puts a pipe in the place of its program, so that whoever reads its lines waits for ever."""

# ends: held|failed
# slow: waits for a limit
# limits: hold_s=1.2

import os


def boot(here):
    os.remove("hostile.py")
    os.mkfifo("hostile.py")
    raise ValueError("read my lines")
