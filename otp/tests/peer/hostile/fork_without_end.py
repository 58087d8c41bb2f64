"""Forks for ever; each child forks on."""

# ends: held|cpu|nonsense|memory
# limits: hold_s=1.5, cpu_s=5.0

import os


def boot(here):
    while True:
        try:
            os.fork()
        except OSError:
            pass
