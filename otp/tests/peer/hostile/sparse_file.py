"""Makes a file of a terabyte without a byte in it."""

# ends: stopped

import os


def boot(here):
    with open("sparse", "wb") as file:
        for grow in (lambda: file.truncate(1 << 40), lambda: os.posix_fallocate(file.fileno(), 0, 1 << 40)):
            try:
                grow()
                print("ESCAPED")
            except OSError as error:
                print("refused", error)
