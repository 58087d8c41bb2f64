"""Has itself killed by a timer."""

# ends: stopped|signal

import signal


def boot(here):
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, 0.01)
