"""Stops itself, so that nobody can ask it anything."""

# ends: held
# limits: hold_s=1.2

import os
import signal


def boot(here):
    os.kill(os.getpid(), signal.SIGSTOP)
    while True:
        pass
