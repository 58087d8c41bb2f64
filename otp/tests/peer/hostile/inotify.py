"""Watches files of others, and takes all watches there are."""

# ends: stopped

import ctypes


def boot(here):
    libc = ctypes.CDLL(None, use_errno=True)
    number = libc.inotify_init1(0)
    watched = libc.inotify_add_watch(number, here.args["readable"].encode(), 0xFFF)
    print("ESCAPED" if watched >= 0 else "refused")
