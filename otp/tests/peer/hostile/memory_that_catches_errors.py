"""Fills memory and goes on when there is no more."""

# ends: memory|held
# limits: memory_mb=128, hold_s=3


def boot(here):
    kept = []
    while True:
        try:
            while True:
                kept.append(bytearray(b"x" * 1_000_000))
        except MemoryError:
            pass
