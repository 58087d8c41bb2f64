"""Processes that crash for the log, each in its own way, and their end."""

from __future__ import annotations

from typing import Any

import otp
from otp import Exit, GenServer, GenStateMachine, MachineOk, Ok, Reply, impl
from otp.testing import wait_all_idle


class Server(GenServer[Any]):
    """Does what it is sent."""

    @impl
    def init(self, arg: Any) -> Any:
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
        return Reply(request(), state)

    @impl
    def handle_cast(self, request: Any, state: Any) -> Any:
        if isinstance(request, Exception):
            raise request
        raise ValueError("no") if request != "stop" else Exit("stopped")


class Waiting(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Any:
        return Ok(arg)

    @impl
    async def handle_cast(self, request: Any, state: Any) -> Any:
        await wait_all_idle()
        raise ValueError("async no")


class Machine(GenStateMachine[str, Any]):
    @impl
    def init(self, arg: Any) -> Any:
        return MachineOk("open", arg)

    @impl
    def handle_event(self, event: Any, content: Any, state: str, data: Any) -> Any:
        raise ValueError("machine no")


async def ended(pid: otp.Pid) -> Any:
    reason = await otp.wait_down(pid)
    await wait_all_idle()
    return reason


async def start_and_cast(cls: Any) -> otp.Pid:
    pid = await cls.start(1)
    cls.cast(pid, "go")
    return pid


async def fails() -> None:
    raise ValueError("no")
