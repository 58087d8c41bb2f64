"""Fills its folder with one file."""

# ends: stopped

import os


def boot(here):
    try:
        with open("big", "wb") as file:
            while True:
                file.write(bytes(1 << 20))
    except OSError as error:
        print("refused", error)
        print("ESCAPED" if os.path.getsize("big") > (17 << 20) else "small")
