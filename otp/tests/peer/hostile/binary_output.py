"""Writes every byte there is, bells, and half letters."""

# ends: stopped

import os


def boot(here):
    os.write(1, bytes(range(256)) * 100 + b"\xf0\x9f\x98")
    os.write(2, b"\x07\x1b]52;c;b3duZWQ=\x07\xc2")
