"""Stops itself, and has a child show life in its place."""

# ends: late
# slow: waits for a limit
# limits: hold_s=1, start_s=1.5
# reason: was not ready within 1.5 s

import os
import signal
import time


def boot(here):
    if os.fork() == 0:
        while True:
            os.write(3, (15).to_bytes(4, "big") + b'{"what":"beat"}')
            time.sleep(0.1)
    signal.signal(signal.SIGTSTP, signal.SIG_DFL)
    while True:
        os.kill(os.getpid(), signal.SIGTSTP)
        time.sleep(1)
