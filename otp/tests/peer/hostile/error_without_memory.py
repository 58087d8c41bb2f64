"""Fails with an exception that needs more memory to be shown than there is."""

# ends: memory
# limits: memory_mb=128
# reason: used more than 128 MiB of memory


class Large(Exception):
    def __str__(self):
        raise MemoryError


def boot(here):
    raise Large
