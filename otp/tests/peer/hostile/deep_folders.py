"""Makes folders in folders, thousands of levels deep, and forbids itself to enter them."""

# ends: stopped
# limits: hold_s=30, start_s=30
# slow: makes four thousand folders

import os


def boot(here):
    made = 0
    try:
        while made < 10_000:
            os.mkdir("d")
            os.chdir("d")
            made += 1
    except OSError as error:
        print("refused", made, error)
    for _ in range(made):
        os.chdir("..")
        os.chmod("d", 0)
