"""Sends a hundred thousand answers without a request."""

# ends: violates the protocol: it sent more answers than it got requests

import asyncio
import os

from otp import Children, Supervisor


async def answer():
    while True:
        await asyncio.sleep(0.1)
        try:
            os.write(4, bytes(9) * 1000)
        except BlockingIOError:
            pass


def act():
    act.kept = asyncio.ensure_future(answer())


class Main(Supervisor):
    def init(self, config):
        act()
        return Children([])
