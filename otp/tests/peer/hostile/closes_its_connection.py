"""Closes what it hears and speaks over, and goes on."""

# ends: held|exit|failed|killed|signal
# limits: hold_s=1.2

import os


def boot(here):
    os.closerange(3, 60)
