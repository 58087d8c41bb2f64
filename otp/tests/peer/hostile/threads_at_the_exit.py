"""Leaves threads that nobody can wait for: one in the loop's own pool, one that holds a lock."""

# ends: killed
# slow: waits for a limit
# reason: did not stop within

import asyncio
import threading


def boot(here):
    lock = threading.Lock()
    lock.acquire()
    threading.Thread(target=lock.acquire).start()
    asyncio.get_running_loop().run_in_executor(None, lock.acquire)
