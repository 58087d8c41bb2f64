"""Nodes run on uvloop, whose transports, handles and tasks share no base class with those of asyncio.

`make test-uvloop` runs kernel, behaviours, doors and peers on it. Here is what broke, or would break unseen.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop

import otp
from otp import OsProcess, Output, Task
from otp.distribution import NodeId
from otp.distribution.carriers import stream
from otp.doors import Visitor
from otp.peer import start
from otp.testing import Scheduler, wait_all_idle
from otp.watchdog import Held, Watchdog

A, B = NodeId("a", 1), NodeId("b", 1)


@contextmanager
def uvloop_chosen() -> Iterator[None]:
    before = asyncio.get_event_loop_policy()
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    try:
        yield
    finally:
        asyncio.set_event_loop_policy(before)


def run_as_process(main: Callable[[], Any]) -> Any:
    with uvloop_chosen():
        return otp.run(main)


def run_in_test(main: Callable[[], Any]) -> Any:
    with uvloop_chosen():
        return Scheduler(io="real").run(main)


ways = pytest.mark.parametrize("run_on_uvloop", [run_as_process, run_in_test])


def test_a_service_on_uvloop_answers_its_observer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))

    async def main() -> str:
        async with otp.Node("shop") as node, otp.observe(node, backend=None) as door, asyncio.timeout(5):
            async with Visitor(door.record.address, door.record.token) as visitor:
                return (await visitor.view.info()).name

    assert "shop" == uvloop.run(main())


def over_sockets() -> tuple[stream.StreamCarrier, stream.StreamCarrier]:
    one, other = socket.socketpair()
    return stream.StreamCarrier.over_socket(one), stream.StreamCarrier.over_socket(other)


def over_pipes() -> tuple[stream.StreamCarrier, stream.StreamCarrier]:
    (to_one, from_other), (to_other, from_one) = os.pipe(), os.pipe()
    return stream.StreamCarrier.over_pipes(to_one, from_one), stream.StreamCarrier.over_pipes(to_other, from_other)


@pytest.mark.parametrize("connected", [over_sockets, over_pipes])
def test_frames_go_over_streams_of_uvloop_in_both_directions(connected: Callable[[], Any]) -> None:
    async def main() -> list[Any]:
        one, other = connected()
        frames: asyncio.Queue[Any] = asyncio.Queue()
        hints: asyncio.Queue[Any] = asyncio.Queue()
        await one.start(A, lambda *frame: frames.put_nowait(frame), lambda *hint: hints.put_nowait(hint))
        await other.start(B, lambda *frame: frames.put_nowait(frame), lambda *hint: hints.put_nowait(hint))
        async with asyncio.timeout(5):
            assert {(A, True), (B, True)} == {await hints.get(), await hints.get()}
            one.put(B, b"to b")
            other.put(A, b"to a")
            found = sorted([await frames.get(), await frames.get()])
            await one.close()
            await other.close()
        return found

    assert [(A, b"to b"), (B, b"to a")] == uvloop.run(main())


@ways
def test_a_peer_is_connected_from_uvloop(run_on_uvloop: Callable[..., Any]) -> None:
    async def main() -> None:
        code = "async def boot(here): await here.connect()"
        peer = await start("shop@127.0.0.1", "shop:boot", files={"shop.py": code})
        distribution = await peer.connect()
        await distribution.stop()
        await peer.stop()

    run_on_uvloop(main)


@ways
def test_a_program_and_a_blocking_function_run_beside_uvloop(run_on_uvloop: Callable[..., Any]) -> None:
    async def main() -> Any:
        pid = await OsProcess.start_link([sys.executable, "-c", "print(input())"])
        await OsProcess.write(pid, "hello\n")
        line = (await otp.receive(Output, timeout=10)).data
        return line, await Task.run_blocking(threading.current_thread) is threading.main_thread()

    assert ("hello", False) == run_on_uvloop(main)


def test_waiting_for_idleness_takes_as_long_as_ends_are_still_notified_in_slices() -> None:
    """Regression: a loop that does not show its callbacks counted as idle while links were still to be notified."""

    async def chain(left: int, last: otp.Pid) -> None:
        if left:
            otp.spawn_link(chain, left - 1, last)
        else:
            otp.send(last, "ready")
        await asyncio.get_running_loop().create_future()

    async def main() -> int:
        first = otp.spawn(chain, 40_000, otp.self())
        await otp.receive()
        await wait_all_idle()
        otp.exit(first, "boom")
        await wait_all_idle()
        return len(otp.processes())

    assert 1 == run_as_process(main)


def test_the_watchdog_names_what_holds_uvloop() -> None:
    reported = threading.Event()
    found: list[Held] = []

    def say(held: Held) -> None:
        found.append(held)
        reported.set()

    async def holds() -> None:
        reported.wait(10)

    async def main() -> None:
        async with otp.Node("held") as node:
            watchdog = Watchdog(asyncio.get_running_loop(), node, after=0.01, say=say)
            watchdog.start()
            await otp.wait_down(node.spawn(holds))
            watchdog.stop()

    began = time.monotonic()
    uvloop.run(main())
    assert holds.__qualname__ == found[0].function
    assert time.monotonic() - began < 10
