"""Traces every line, slowly."""

# ends: held
# limits: hold_s=1.2

import sys
import threading
import time


def slow(frame, event, arg):
    time.sleep(0.05)
    return slow


def boot(here):
    threading.settrace(slow)
    sys.settrace(slow)
    sys.setprofile(slow)
    for frame in range(1000):
        slow(frame, "line", None)
