"""Sockets of killed members, which the next one that starts in the folder removes."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from direct_sides import WAYS, A, B, Side

MEMBER = """
import asyncio, sys
from pathlib import Path
from otp.distribution import NodeId
from otp.distribution.carriers.direct import DirectCarrier

async def main(folder, listen, *listings):
    carrier = DirectCarrier("g", b"s", folder=folder, listen=listen, listings=listings)
    await carrier.start(NodeId("killed", 1), lambda *_: None, lambda *_: None)
    print(flush=True)
    await asyncio.Event().wait()

asyncio.run(main(Path(sys.argv[1]), sys.argv[2], *map(Path, sys.argv[3:])))
"""


def run(main: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(main(), 30))


def killed(folder: Path, way: str, *listings: Path) -> None:
    words = [str(folder), WAYS[way], *map(str, listings)]
    with subprocess.Popen([sys.executable, "-c", MEMBER, *words], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.kill()


@pytest.mark.parametrize(
    ("way", "listings"), [("unix", []), ("sealed", []), ("sealed", ["members"])],
    ids=["no listing", "no listing and a port", "a listing with the port"],
)  # fmt: skip
def test_the_next_member_removes_the_socket_of_a_killed_one(way: str, listings: list[str], sockets: Path) -> None:
    async def main() -> None:
        living = await Side(A, sockets).start()
        await asyncio.to_thread(killed, sockets, way, *(sockets / name for name in listings))
        assert 2 == len(list(sockets.glob("link-*.sock")))
        newcomer = await Side(B, sockets).start()
        assert {Path(side.address.removeprefix("unix/")) for side in (living, newcomer)} == {
            *sockets.glob("link-*.sock")
        }
        await living.close()
        await newcomer.close()
        assert [] == [path for path in sockets.iterdir() if path.is_file() or path.is_socket()]

    run(main)
