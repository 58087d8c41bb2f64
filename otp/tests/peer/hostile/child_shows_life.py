"""Has a child show life in its place, and burns processor time unseen."""

# ends: cpu
# slow: burns a second of processor time
# limits: cpu_s=1.0, hold_s=3, start_s=15

import os
import time


def boot(here):
    if os.fork() == 0:
        while True:
            os.write(3, (15).to_bytes(4, "big") + b'{"what":"beat"}')
            time.sleep(0.1)
    while True:
        pass
