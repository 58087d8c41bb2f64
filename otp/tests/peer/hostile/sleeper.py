"""Ignores every signal that can be ignored, and sleeps."""

# ends: held
# limits: hold_s=1.2

import signal
import time


def boot(here):
    for number in range(1, 65):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass
    while True:
        try:
            time.sleep(100)
        except BaseException:
            pass
