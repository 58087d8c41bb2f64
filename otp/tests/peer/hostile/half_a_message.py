"""Begins a long message, and goes on with it a byte at a time."""

# ends: held|nonsense
# slow: waits for a limit
# limits: hold_s=1.2

import os
import threading
import time


def drip():
    os.write(3, (60_000).to_bytes(4, "big"))
    while True:
        os.write(3, b" ")
        time.sleep(0.01)


def boot(here):
    threading.Thread(target=drip, daemon=True).start()
