"""Changes signal handlers and interrupts itself for ever."""

# ends: stopped

import signal


def boot(here):
    signal.signal(signal.SIGALRM, lambda number, frame: None)
    signal.setitimer(signal.ITIMER_REAL, 0.0001, 0.0001)
