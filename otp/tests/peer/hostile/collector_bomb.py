"""Gives the garbage collector millions of cycles."""

# ends: memory|held
# limits: memory_mb=128, hold_s=3

import gc


class Node:
    pass


def boot(here):
    gc.disable()
    kept = []
    while True:
        one, two = Node(), Node()
        one.other, two.other = two, one
        kept.append(one)
