"""Cancels every task of the loop, the one of the peer among them."""

# ends: failed
# reason: ^ended by an exception: CancelledError$

import asyncio


def cancel():
    for task in asyncio.all_tasks():
        task.cancel()


def boot(here):
    asyncio.get_running_loop().call_later(0.1, cancel)
