"""Overflows the stack of a thread that has a small one."""

# ends: signal|stopped

import sys
import threading


def deeper(n):
    return sorted([n], key=lambda m: deeper(m + 1))


def boot(here):
    threading.stack_size(32768)
    sys.setrecursionlimit(10**9)
    threading.Thread(target=deeper, args=(0,)).start()
