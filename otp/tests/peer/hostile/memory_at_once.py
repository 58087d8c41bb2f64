"""Asks for eighty gigabytes at once."""

# ends: memory
# reason: used more than 256 MiB of memory


def boot(here):
    return [0] * 10**10
