"""Fills memory bit by bit."""

# ends: memory
# limits: memory_mb=128
# reason: used more than 128 MiB of memory


def boot(here):
    kept = []
    while True:
        kept.append(bytes(1_000_000))
