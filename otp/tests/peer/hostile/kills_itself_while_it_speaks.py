"""Kills itself in the middle of a message."""

# ends: signal|lost|nonsense
# reason: killed by SIG

import os
import signal


def boot(here):
    os.write(3, (15).to_bytes(4, "big") + b'{"wha')
    signal.signal(signal.SIGSEGV, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGSEGV)
    os.abort()
