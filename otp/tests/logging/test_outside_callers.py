"""A crash report names the line of the code that called, if that is in no process."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import otp
from otp import GenServer, Ok, impl


class FailingTill(GenServer[int]):
    @impl
    def init(self, arg: int) -> Any:
        return Ok(arg)

    @impl
    async def handle_call(self, request: Any, caller: Any, state: int) -> Any:
        await asyncio.sleep(0)
        raise ValueError(request)


async def ask(till: otp.Pid) -> None:
    await GenServer.call(till, "sell")


async def ask_in_time(till: otp.Pid) -> None:
    await asyncio.wait_for(GenServer.call(till, "sell"), 5)


async def ask_with_others(till: otp.Pid) -> None:
    await asyncio.gather(GenServer.call(till, "sell"))


async def ask_in_a_group(till: otp.Pid) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(GenServer.call(till, "sell"))


@pytest.mark.parametrize("call", [ask, ask_in_time, ask_with_others, ask_in_a_group])
def test_the_line_that_called_from_outside_is_named(
    call: Callable[[otp.Pid], Awaitable[None]], caplog: pytest.LogCaptureFixture
) -> None:
    """Regression: it named a pid that stands for the caller, and that no table has."""

    async def main() -> None:
        async with otp.Node("till@127.0.0.1") as node:
            with contextlib.suppress(otp.CallExit, ExceptionGroup):
                await call(await node.start(FailingTill, 0))

    asyncio.run(main())
    _, first = inspect.getsourcelines(call)
    (record,) = (record for record in caplog.records if getattr(record, "otp_report", None) == "crash")
    lines = [f"test_outside_callers.py:{first + line} in {call.__name__}" for line in (1, 2)]
    assert vars(record)["otp_client"] in lines
    assert f"called by {vars(record)['otp_client']}" in record.getMessage()


def test_a_task_that_nothing_waits_for_is_code_outside_any_process(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with otp.Node("till@127.0.0.1") as node:
            till = await node.start(FailingTill, 0)
            asking = asyncio.create_task(GenServer.call(till, "sell"))
            await otp.wait_down(till)
            await asyncio.wait([asking])
            assert isinstance(asking.exception(), otp.CallExit)

    asyncio.run(main())
    assert "called by code outside any process" in caplog.text
