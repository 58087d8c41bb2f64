"""Writes nonsense to every connection it has."""

# ends: nonsense

import os


def boot(here):
    for number in range(3, 20):
        try:
            os.write(number, b"\xff" * 70_000)
        except OSError:
            pass
