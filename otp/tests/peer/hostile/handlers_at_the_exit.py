"""Has things done when it ends that do not end: exit handlers, finalizers, collectors."""

# ends: stopped|killed
# slow: waits for a limit

import atexit
import gc
import sys
import weakref


class Undead:
    def __del__(self):
        sys.undead = Undead()
        while True:
            pass


def forever():
    while True:
        pass


def boot(here):
    atexit.register(forever)
    sys.first = Undead()
    weakref.finalize(here.node, forever)
    gc.callbacks.append(lambda phase, info: None)
