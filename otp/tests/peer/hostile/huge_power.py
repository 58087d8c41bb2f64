"""Holds the interpreter in one operation that never lets go of the lock."""

# ends: held|memory|cpu|late
# limits: hold_s=1.2


def boot(here):
    return len(str(7 ** (10**9)))
