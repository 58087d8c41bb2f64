"""Does not listen when it is asked to stop."""

# ends: killed
# slow: waits for a limit
# reason: did not stop within 1 s and was killed

import asyncio


def boot(here):
    asyncio.get_running_loop().remove_reader(3)
