"""Holds the loop in C code: a regular expression that takes ages."""

# ends: held
# limits: hold_s=1.2

import re


def boot(here):
    re.match(r"(a+)+$", "a" * 40 + "b")
