"""Makes uvloop the event loop of a Python that a test starts, see `loop_plugin`."""

import asyncio

import uvloop

asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
