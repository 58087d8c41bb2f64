"""Keeps its start from ever being told."""

# ends: late
# slow: waits for a limit
# limits: start_s=1.5
# reason: was not ready within 1.5 s

import asyncio


async def boot(here):
    await asyncio.Event().wait()
