"""Leaves its session, as far as it may, by a double fork, as a daemon does."""

# ends: stopped

import contextlib
import os
import signal
import time


def boot(here):
    if os.fork() == 0:
        with contextlib.suppress(PermissionError):
            os.setsid()
        if os.fork() == 0:
            for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
                signal.signal(number, signal.SIG_IGN)
            while True:
                time.sleep(100)
        os._exit(0)
