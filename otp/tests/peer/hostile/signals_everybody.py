"""Kills all that it can reach."""

# ends: stopped|signal|held
# limits: hold_s=2

import os
import signal


def boot(here):
    for pid in (-1, 0):
        for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP):
            try:
                os.kill(pid, number)
            except OSError as error:
                print("refused", error)
