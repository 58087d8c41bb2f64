"""Puts an output in place of its own that never comes to an end."""

# ends: killed
# slow: waits for a limit
# reason: did not stop within

import sys


class Endless:
    def write(self, text):
        return len(text)

    def flush(self):
        while True:
            pass


def boot(here):
    sys.stdout = Endless()
