"""Ends the interpreter from a callback."""

# ends: exit
# reason: ended the interpreter with os\._exit\(5\)

import asyncio
import os


def boot(here):
    asyncio.get_running_loop().call_later(0.01, os._exit, 5)
