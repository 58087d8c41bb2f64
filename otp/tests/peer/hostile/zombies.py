"""Leaves dead children that nobody waits for."""

# ends: stopped

import os


def boot(here):
    made = 0
    try:
        while True:
            if os.fork() == 0:
                os._exit(0)
            made += 1
    except OSError:
        print("ESCAPED" if made > 32 else "refused", made)
