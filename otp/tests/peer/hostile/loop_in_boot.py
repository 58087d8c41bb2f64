"""Loops for ever before it is ready."""

# ends: held
# limits: hold_s=1.2
# reason: its loop is held at hostile\.py:\d+ boot


def boot(here):
    while True:
        pass
