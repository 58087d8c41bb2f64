"""Refuses everything that the interpreter asks it about, for ever."""

# ends: failed|exit|held|stopped|killed
# limits: hold_s=1.2

import sys


def boot(here):
    def refuse(event, args):
        raise RuntimeError(event)

    sys.addaudithook(refuse)
