"""Breaks what reads the orders of the platform."""

# ends: killed
# reason: ^did not stop within 1 s

import json


def boot(here):
    def overflows(*_):
        raise RecursionError

    json.loads = overflows
