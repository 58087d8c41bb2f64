"""Fails with an exception whose text takes for ever."""

# ends: held
# slow: waits for a limit
# limits: hold_s=1.2


class Evil(Exception):
    def __str__(self):
        while self is not None:
            pass
        return ""


def boot(here):
    raise Evil
