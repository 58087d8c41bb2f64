"""Has children send it signals as fast as they can, with a handler that is slow."""

# ends: failed|held|stopped|killed|cpu
# slow: waits for a limit
# limits: hold_s=1.2, cpu_s=6.0

import os
import signal
import time


def boot(here):
    me = os.getpid()
    signal.signal(signal.SIGUSR1, lambda number, frame: time.sleep(0.02))
    for _ in range(3):
        if os.fork() == 0:
            while True:
                os.kill(me, signal.SIGUSR1)
