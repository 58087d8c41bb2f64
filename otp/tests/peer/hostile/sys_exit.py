"""Leaves by SystemExit."""

# ends: exit
# reason: ended the interpreter with sys\.exit\(4\)

import sys


def boot(here):
    sys.exit(4)
