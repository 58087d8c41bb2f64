"""Kills the process that answers for its tree and for the pages."""

# ends: has ended

import asyncio
import gc

import otp
from otp import Children, Supervisor


def end():
    for node in [one for one in gc.get_objects() if isinstance(one, otp.Node)]:
        if not node.name.startswith("sandbox-"):
            for pid in node.processes():
                otp.exit(pid, "kill")


def act():
    asyncio.get_running_loop().call_later(0.5, end)


class Main(Supervisor):
    def init(self, config):
        act()
        return Children([])
