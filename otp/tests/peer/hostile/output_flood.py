"""Writes without end."""

# ends: output
# reason: wrote more than 1 MiB of output


def boot(here):
    while True:
        print("x" * 1000)
