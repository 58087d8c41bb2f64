"""Runs out of memory, and cannot say so: without memory, what the report needs fails with an error of its own."""

# ends: memory
# limits: memory_mb=128
# reason: used more than 128 MiB of memory

import errno
import os


class OutOfMemory(MemoryError):
    def __str__(self):
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))


def boot(here):
    raise OutOfMemory
