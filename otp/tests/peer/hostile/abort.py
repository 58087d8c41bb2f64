"""Aborts."""

# ends: signal
# reason: killed by SIG(ABRT|SEGV)

import os


def boot(here):
    os.abort()
