"""Opens as many files as it can."""

# ends: stopped

import os


def boot(here):
    opened = 0
    try:
        while True:
            os.open("/dev/null", os.O_RDONLY)
            opened += 1
    except OSError as error:
        print("ESCAPED" if opened > 128 else "refused", opened, error)
    os.closerange(20, 200)
