"""Writes well-formed frames as fast as it can."""

# ends: nonsense|held
# limits: hold_s=2

import os


def boot(here):
    beat = (15).to_bytes(4, "big") + b'{"what":"beat"}'
    while True:
        for number in range(3, 12):
            try:
                os.write(number, beat * 200)
            except OSError:
                pass
