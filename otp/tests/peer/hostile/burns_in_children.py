"""Burns processor time in children, each below the limit of one."""

# ends: cpu
# limits: cpu_s=1.0, hold_s=None

import os


def boot(here):
    for _ in range(4):
        if os.fork() == 0:
            while True:
                pass
