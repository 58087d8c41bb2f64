"""Starts threads until there are no more."""

# ends: stopped

import threading
import time


def boot(here):
    started = 0
    try:
        while True:
            threading.Thread(target=time.sleep, args=(100,), daemon=True).start()
            started += 1
    except RuntimeError:
        print("ESCAPED" if started > 32 else "refused", started)
