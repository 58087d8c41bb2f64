"""Writes without end from a child, to the raw descriptor."""

# ends: output
# reason: wrote more than 1 MiB of output

import os


def boot(here):
    if os.fork() == 0:
        while True:
            os.write(2, b"y" * 65536)
