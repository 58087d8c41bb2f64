"""Replaces methods of the event loop it runs in."""

# ends: held
# limits: hold_s=1.2

import asyncio


def boot(here):
    loop = asyncio.get_running_loop()
    loop.call_later = lambda *args, **kwargs: None
    loop._run_once = lambda: None
