"""Sleeps in the loop."""

# ends: held
# limits: hold_s=1.2
# reason: its loop is held at hostile\.py:\d+ boot

import time


def boot(here):
    time.sleep(100)
