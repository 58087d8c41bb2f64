"""Stops and closes the loop it runs in."""

# ends: failed|held
# limits: hold_s=1.2
# reason: ended by an exception: RuntimeError|did not answer

import asyncio


def boot(here):
    loop = asyncio.get_running_loop()
    loop.call_later(0.01, loop.stop)
