# Takes a built-in function away that all code needs, so that nobody can tell what went wrong.
# ends: failed
# reason: an exception: it cannot be shown
import builtins

builtins.isinstance = None


async def boot(here):
    raise ValueError("nobody can tell")
