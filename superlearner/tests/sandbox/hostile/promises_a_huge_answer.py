"""Promises an answer of four gigabytes."""

# ends: violates the protocol: it sent a frame of 4294967295 bytes

import asyncio
import os

from otp import Children, Supervisor


def act():
    asyncio.get_running_loop().call_later(0.5, os.write, 4, b"\xff" * 4 + bytes(5))


class Main(Supervisor):
    def init(self, config):
        act()
        return Children([])
