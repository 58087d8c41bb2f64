"""Burns processor time in threads, while its loop answers."""

# ends: cpu
# limits: cpu_s=1.0, hold_s=None
# reason: out of CPU time \(1 s\)

import threading


def burn():
    while True:
        pass


def boot(here):
    for _ in range(4):
        threading.Thread(target=burn, daemon=True).start()
