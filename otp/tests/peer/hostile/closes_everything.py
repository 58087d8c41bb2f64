"""Closes all its open files, its connection to the platform included."""

# ends: held|exit|failed|cpu
# limits: hold_s=1.2, cpu_s=5.0

import os


def boot(here):
    os.closerange(0, 200)
    while True:
        pass
