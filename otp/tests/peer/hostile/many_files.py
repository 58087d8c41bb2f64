"""Fills its folder with many files."""

# ends: stopped
# limits: hold_s=10

import tempfile


def boot(here):
    made = 0
    try:
        while True:
            with tempfile.NamedTemporaryFile(delete=False) as file:
                file.write(bytes(1 << 16))
            made += 1
    except OSError as error:
        print("ESCAPED" if made > 4096 else "refused", made, error)
