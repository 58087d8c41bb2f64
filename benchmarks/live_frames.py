"""Bytes and processor time of a live frame: plain, compressed for each connection, compressed once for all viewers.

python -m benchmarks.live_frames [--seconds 20] [--rate 10] [--rounds 7] [--viewers 1,30]

It records the frames of the tree of `web_world.py` (300 processes, `rate` kills a second), then sends them in each
form to connections without a network, in turns. Time is thread time, so other programs hardly count; compare the
forms of one run. Memory is the process's growth for 500 open connections.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import statistics
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from time import thread_time_ns
from typing import Any, NamedTuple

from websockets.extensions import Extension
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

import otp
from benchmarks.web_world import World
from otp import GenServer
from superlearner.live.deflate import SharedDeflate
from superlearner.live.frames import encode
from superlearner.live.hub import Hub
from superlearner.live.hubs import Hubs
from superlearner.live.live_page import live_page
from superlearner.live.rows import Row
from superlearner.web.shared_frames import Sender

PAGE_KIB = os.sysconf("SC_PAGE_SIZE") / 1024


class Recorded(NamedTuple):
    """A frame from the hub, and the rows that viewers have after it."""

    frame: Mapping[str, Any]
    rows: Mapping[str, Row]


async def record(rate: float, seconds: float) -> list[Recorded]:
    """Return a snapshot, and the deltas of a number of seconds."""
    async with otp.Node("benchmark@127.0.0.1") as node:
        hubs = Hubs(node, {"epoch": "0", "version": "0"})
        started: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def life() -> None:
            await World.start_link(None, name="world")
            await live_page(hubs)()
            started.set_result(None)
            GenServer.cast("driver", ("rate", rate))
            await otp.receive(otp.Is("end"))

        node.spawn(life)
        await started
        hubs.own.open(node.whereis("world"))
        return await recorded(hubs.own, seconds)


async def recorded(hub: Hub, seconds: float) -> list[Recorded]:
    made, found = hub.frames.delta, list[Recorded]()

    def delta(*given: Any) -> dict[str, Any]:
        frame = made(*given)
        found.append(Recorded(frame, dict(hub.frames.sent)))
        return frame

    hub.frames.delta = delta
    hub.attach()
    hub.snapshot()
    found[:] = [Recorded(hub.frames.snapshot(hub.clock.now(), (), hub.health), dict(hub.frames.sent))]
    await asyncio.sleep(seconds)
    return found


def connections(number: int, extension: Callable[[], Extension] | None = None) -> list[ServerProtocol]:
    """Return open web sockets without clients."""
    found = [ServerProtocol(max_size=None) for _ in range(number)]
    for one in found:
        one.state = OPEN
        one.extensions = [] if extension is None else [extension()]
    return found


def sent(to: list[ServerProtocol], payload: bytes, *, binary: bool = False) -> int:
    """Return the number of bytes that all of them write for this message."""
    total = 0
    for one in to:
        (one.send_binary if binary else one.send_text)(payload)
        total += sum(map(len, one.data_to_send()))
    return total


def own_stream() -> Extension:
    """Return the extension as uvicorn sets it up: a window of 4 KiB."""
    return PerMessageDeflate(True, False, 12, 12, {"memLevel": 5})


def shared_stream() -> Extension:
    """Return the extension of the platform."""
    return Sender(15)


def plain(viewers: int, frames: list[Recorded]) -> int:
    to = connections(viewers)
    return sum(sent(to, encode(one.frame)) for one in frames)


def for_each(viewers: int, frames: list[Recorded]) -> int:
    to = connections(viewers, own_stream)
    return sum(sent(to, encode(one.frame)) for one in frames)


def for_all(viewers: int, frames: list[Recorded]) -> int:
    to, deflate = connections(viewers, shared_stream), SharedDeflate()
    total = sent(to, deflate.snapshot(encode(frames[0].frame)), binary=True)
    return total + sum(sent(to, deflate.delta(encode(one.frame)), binary=True) for one in frames[1:])


Form = Callable[[int, list[Recorded]], int]
FORMS: dict[str, Form] = {"plain": plain, "for each connection": for_each, "once for all": for_all}


def compare(frames: list[Recorded], viewers: int, rounds: int, forms: Mapping[str, Form] = FORMS) -> None:
    """Print a line for each form: bytes per frame and viewer, µs per frame for all viewers, and their product."""
    took: dict[str, list[float]] = {name: [] for name in forms}
    size: dict[str, float] = {}
    for _ in range(rounds):
        for name, form in forms.items():
            gc.collect()
            begun = thread_time_ns()
            total = form(viewers, frames)
            took[name].append((thread_time_ns() - begun) / 1000 / len(frames))
            size[name] = total / viewers / len(frames)
    for name in forms:
        cost = statistics.median(took[name])
        print(f"{viewers:3}  {name:20}  {size[name]:8.0f} B  {cost:7.1f} µs  {size[name] * cost / 1000:8.1f}")


def resident_kib() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_KIB


def memory(extension: Callable[[], Extension] | None, number: int = 500) -> float:
    """Return the KiB of an open connection after one message, averaged over many, as the kernel allocates by pages."""
    gc.collect()
    before = resident_kib()
    to = connections(number, extension)
    sent(to, b"x" * 1000)
    return (resident_kib() - before) / number


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.live_frames", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rate", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--viewers", default="1,30")
    options = parser.parse_args()
    frames = asyncio.run(record(options.rate, options.seconds))
    for title, some in (("snapshot", frames[:1]), (f"snapshot and {len(frames) - 1} deltas", frames)):
        print(f"{title}: viewers, form, bytes of a frame and viewer, time of a frame, kB times µs")
        for viewers in options.viewers.split(","):
            compare(some, int(viewers), options.rounds)
    for name, extension in (("once for all", shared_stream), ("for each connection", own_stream)):
        print(f"memory of the extension of a connection, {name}: {memory(extension) - memory(None):.0f} KiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
