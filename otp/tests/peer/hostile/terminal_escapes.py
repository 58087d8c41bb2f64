"""Writes what steers a terminal, and raises it."""

# ends: failed
# reason: ^[^\x1b\x07]*$


def boot(here):
    print("\x1b[2J\x1b]0;owned\x07")
    raise ValueError("\x1b[2J\x1b]0;owned\x07")
