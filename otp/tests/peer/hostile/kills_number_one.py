"""Kills and stops the first process of its namespace from a child."""

# ends: stopped

import os
import signal


def boot(here):
    first = os.getpid()
    child = os.fork()
    if child == 0:
        for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM, signal.SIGHUP):
            for whom in {first, 1}:
                try:
                    os.kill(whom, number)
                except OSError:
                    pass
        os._exit(0)
    os.waitpid(child, 0)
