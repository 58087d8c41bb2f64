"""Forks in the middle of its loop, and the fork goes on as the same node, with the same connections."""

# ends: stopped

import asyncio
import os


async def boot(here):
    pid = os.fork()
    if pid == 0:
        await asyncio.sleep(0)
        print("ESCAPED", "the fork is in the loop again", flush=True)
        os._exit(0)
    print("refused", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
