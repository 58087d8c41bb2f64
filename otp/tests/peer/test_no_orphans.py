"""A platform killed by SIGKILL cleans up nothing, yet none of the processes it started is left."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

WITHIN_S = 2.0

PLATFORM = """
import os
import otp
from otp.peer import Spares, Walls, start
from otp.peer.meter import descendants

FAMILY = '''
import contextlib, os, signal, time
def boot(here):
    if os.fork() == 0:
        with contextlib.suppress(PermissionError): os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            while True: time.sleep(100)
        os._exit(0)
    os.wait()
'''
HOLDING = '''
def hold():
    while True: pass
def boot(here):
    import asyncio
    asyncio.get_running_loop().call_later(0.01, hold)
'''

async def main():
    spares = Spares(1)
    for number, (walls, source) in enumerate([(Walls(), FAMILY), (None, FAMILY), (Walls(), HOLDING)]):
        await start(f"p{number}", "program:boot", walls=walls, files={"program.py": source}, spares=spares)
    print(*descendants(os.getpid())[1:], flush=True)
    await otp.receive(otp.Is("never"))

otp.run(main)
"""


def ends_until(pidfd: int, moment: float) -> bool:
    """Return whether a process ends by then."""
    return bool(select.select([pidfd], [], [], max(0.0, moment - time.monotonic()))[0])


def test_when_the_platform_is_killed_nobody_is_left_after_two_seconds() -> None:
    platform = subprocess.Popen([sys.executable, "-c", PLATFORM], stdout=subprocess.PIPE, text=True)
    assert platform.stdout is not None
    pids = [int(word) for word in platform.stdout.readline().split()]
    waiting = {os.pidfd_open(pid): pid for pid in pids}
    platform.send_signal(signal.SIGKILL)
    give_up = time.monotonic() + WITHIN_S
    try:
        # who forks; a guard, a peer and a child of it; the same; a guard and a peer; a spare
        assert 1 + 3 + 3 + 2 + 1 == len(pids)
        left = [pid for number, pid in waiting.items() if not ends_until(number, give_up)]
        assert [] == left
    finally:
        for number in waiting:
            os.close(number)
        platform.wait()
        platform.stdout.close()
