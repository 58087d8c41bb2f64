"""Forks as often as it can, and its children too."""

# ends: stopped|held|cpu|memory|exit|nonsense
# limits: hold_s=3, cpu_s=4.0

import os


def boot(here):
    refused = 0
    while refused < 50:
        try:
            os.fork()
        except OSError:
            refused += 1
    print("no more")
