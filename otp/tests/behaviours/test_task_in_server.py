"""A server starts tasks and goes on: replies and Downs come to `handle_info`, and none after `demonitor`.

The rules are those of Elixir's `Task`.
"""

from __future__ import annotations

import asyncio
from typing import Any

import otp
from otp import Down, ExitSignal, GenServer, NoReply, Ok, Reply, Task, TaskReply, impl, sys
from otp.testing import advance, wait_all_idle
from task_functions import after


class Fetcher(GenServer[dict[str, Any]]):
    """Starts tasks and goes on; keeps what it hears of them."""

    @impl
    def init(self, arg: Any) -> Any:
        if arg == "trap":
            otp.process_flag("trap_exit", True)
        return Ok([])

    @impl
    def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
        match request:
            case ("fetch", fn, *args):
                return Reply(Task.async_(fn, *args), state)
            case ("compute", seconds):
                return _computed(seconds, state)
            case "heard":
                return Reply(list(state), state)

    @impl
    def handle_info(self, message: Any, state: Any) -> Any:
        match message:
            case TaskReply(ref, value):
                otp.demonitor(ref, flush=True)
                return NoReply([*state, value])
            case _:
                return NoReply([*state, message])


async def _computed(seconds: float, state: Any) -> Any:
    return Reply(await Task.await_(Task.async_(after, seconds, "done")), state)


def test_a_server_may_await_in_an_async_callback_and_its_mailbox_keeps(run: Any) -> None:
    async def main() -> None:
        fetcher = await Fetcher.start_link()
        asked = [asyncio.create_task(GenServer.call(fetcher, ("compute", seconds))) for seconds in (2, 1)]
        await wait_all_idle()
        for n in range(3):
            otp.send(fetcher, n)
        assert ["done", "done"] == [await one for one in asked]
        assert [0, 1, 2] == await GenServer.call(fetcher, "heard")

    run(main)


def test_a_server_finds_the_reply_in_handle_info_and_no_down_after_demonitor(run: Any) -> None:
    """Task.await/2, "Compatibility with OTP behaviours"."""

    async def main() -> None:
        fetcher = await Fetcher.start_link()
        for n in range(3):
            await GenServer.call(fetcher, ("fetch", lambda n=n: n))
        await GenServer.call(fetcher, ("fetch", after, 1, 3))
        await advance(1)
        heard = await GenServer.call(fetcher, "heard")
        assert [0, 1, 2] == sorted(heard[:3])
        assert [3] == heard[3:]

    run(main)


def test_a_server_that_traps_exits_finds_the_down_of_a_crash(run: Any) -> None:
    async def main() -> None:
        fetcher = await Fetcher.start_link("trap")
        task = await GenServer.call(fetcher, ("fetch", otp.exit, "boom"))
        await wait_all_idle()
        heard = await GenServer.call(fetcher, "heard")
        assert [ExitSignal(task.pid, "boom"), Down(task.ref, task.pid, "boom")] == heard

    run(main)


def test_a_busy_server_demonitors_what_lies_in_its_batch(run: Any) -> None:
    """The Down is in the mailbox behind the reply when the callback runs: flush takes it out of the batch."""

    async def main() -> None:
        fetcher = await Fetcher.start_link()
        ref = otp.make_ref()
        await sys.suspend(fetcher)
        pending = asyncio.create_task(GenServer.call(fetcher, ("fetch", lambda: "value")))
        await wait_all_idle()
        await sys.resume(fetcher)
        await pending
        await sys.suspend(fetcher)
        await wait_all_idle()
        otp.send(fetcher, ref)
        await sys.resume(fetcher)
        assert ["value", ref] == await GenServer.call(fetcher, "heard")

    run(main)
