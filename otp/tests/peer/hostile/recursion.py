"""Recurses without end, after it has lifted the limit."""

# ends: signal|memory|failed|held
# limits: hold_s=5

import sys


def deeper(n):
    return deeper(n + 1) + 1


def boot(here):
    sys.setrecursionlimit(10**9)
    deeper(0)
