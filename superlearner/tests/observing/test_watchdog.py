"""The watchdog names the code that blocks the loop, during the hold and after it."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import otp
from otp import GenServer, NoReply, Ok, impl
from otp.watchdog import find_held
from superlearner.observing.watchdog import Held, Watchdog


class Blocker(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Ok[Any]:
        return Ok(arg)

    @impl
    def handle_cast(self, request: Any, state: Any) -> NoReply[Any]:
        assert request.wait(10)  # until the watchdog has reported
        return NoReply(state)


def watched(block: Any) -> tuple[Held, Held]:
    """Block the loop by `await block(event)`; return the reports during and after it."""
    named = threading.Event()
    found: list[Held] = []

    def say(held: Held) -> None:
        found.append(held)
        named.set()

    async def main() -> tuple[Held, Held]:
        async with otp.Node("test") as node:
            loop = asyncio.get_running_loop()
            again: asyncio.Future[Held] = loop.create_future()
            watchdog = Watchdog(loop, node, after=0.05, say=say, answers_again=again.set_result)
            watchdog.start()
            await block(node, named)
            after = await again
            watchdog.stop()
            # What observers that attach later read
            now = otp.monotonic()
            assert find_held(node, now - after.seconds - 0.5, now) == after
            assert find_held(node, now - 20, now - 10) is None
            return found[0], after

    return asyncio.run(main())


def test_a_callback_is_named_with_process_file_line_and_function() -> None:
    async def block(node: otp.Node, named: threading.Event) -> None:
        pid = await node.start(Blocker, None, name="blocker")
        GenServer.cast(pid, named)

    during, after = watched(block)
    assert (during.name, during.function) == ("blocker", "Blocker.handle_cast")
    assert during.file == __file__
    assert str(during).startswith(f"blocker {during.pid} has held the event loop for ")
    assert after.seconds >= during.seconds


def test_code_outside_of_a_process_is_named_by_its_place() -> None:
    async def block(node: otp.Node, named: threading.Event) -> None:
        named.wait(10)

    during, _ = watched(block)
    assert during.pid is None
    assert "block" in during.function
    assert str(during).startswith("something outside of any process has held")
