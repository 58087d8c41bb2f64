"""Closes its line to the platform."""

# ends: Bad file descriptor|closed its line

import asyncio
import os

from otp import Children, Supervisor


def act():
    asyncio.get_running_loop().call_later(0.5, os.closerange, 4, 60)


class Main(Supervisor):
    def init(self, config):
        act()
        return Children([])
