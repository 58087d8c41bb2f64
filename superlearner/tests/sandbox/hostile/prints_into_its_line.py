"""Puts its line in the place of its output, and prints."""

# ends: violates the protocol

import asyncio
import os

from otp import Children, Supervisor


def talk():
    os.dup2(4, 1)
    print("hello, platform\n" * 100, flush=True)


def act():
    asyncio.get_running_loop().call_later(0.5, talk)


class Main(Supervisor):
    def init(self, config):
        act()
        return Children([])
