"""Stops the thread and the timer that show that it lives, and holds the loop."""

# ends: held
# limits: hold_s=1.2
# reason: did not answer for 1.2 s

import gc
import time

from otp.watchdog import Watchdog


def boot(here):
    for thing in gc.get_objects():
        if isinstance(thing, Watchdog):
            thing.stop()
    while True:
        time.sleep(1)
