"""Fills shared memory, which belongs to no process."""

# ends: memory|stopped
# limits: memory_mb=128

import mmap


def boot(here):
    kept = []
    try:
        while True:
            kept.append(mmap.mmap(-1, 10_000_000))
            kept[-1].write(b"x" * 10_000_000)
    except OSError as error:
        print("refused", error)
