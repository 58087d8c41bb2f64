"""Fails with an exception that fails when it is shown."""

# ends: failed
# reason: could not start: an exception: it cannot be shown


class Name(type):
    @property
    def __name__(cls):
        raise KeyboardInterrupt


class Evil(Exception, metaclass=Name):
    def __str__(self):
        raise self


def boot(here):
    raise Evil
