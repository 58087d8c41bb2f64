"""Waits for somebody to type something."""

# ends: failed
# reason: EOFError

import sys


def boot(here):
    print(repr(sys.stdin.read()))
    input()
