"""Loops for ever and swallows whatever is raised in it."""

# ends: held
# limits: hold_s=1.2


def boot(here):
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass
