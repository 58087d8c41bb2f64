"""Reads its own environment, in which secrets often are."""

# ends: stopped

import os


def boot(here):
    strange = set(os.environ) - {"HOME", "TMPDIR", "LANG", "LC_CTYPE"}
    print("ESCAPED" if strange else "nothing", strange)
