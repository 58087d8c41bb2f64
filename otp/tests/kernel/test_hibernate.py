"""Hibernation: what others see of it. Oracle: Erlang/OTP 25, `process_info(P, current_function)`."""

from __future__ import annotations

from typing import Any

import pytest

import otp
from otp import GenServer, GenStateMachine, KeepState, MachineOk, NextState, NoReply, Ok, Reply, ReplyTo, impl, sys
from otp.testing import wait_all_idle


class Sleepy(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Any:
        return Ok(arg, hibernate=True)

    @impl
    def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
        return Reply(state, state, hibernate=request == "sleep")

    @impl
    def handle_cast(self, request: Any, state: Any) -> Any:
        return NoReply(request, hibernate=True)

    @impl
    def handle_info(self, message: Any, state: Any) -> Any:
        return NoReply([*state, message], timeout=1) if message != otp.Timeout() else NoReply([*state, "time"])


async def seen(pid: otp.Pid) -> Any:
    await wait_all_idle()
    return otp.process_info(pid, "current_function")


def test_a_server_hibernates_until_the_next_message_and_the_process_table_says_so(run: Any) -> None:
    async def main() -> Any:
        pid = await Sleepy.start_link([])
        found = [await seen(pid), otp.process_info(pid, "status")]
        await GenServer.call(pid, "wake")
        found.append(await seen(pid))
        await GenServer.call(pid, "sleep")
        found.append(await seen(pid))
        GenServer.cast(pid, [])
        found.append(await seen(pid))
        otp.send(pid, "wake")
        found.append(await seen(pid))
        return found

    assert ["hibernate", "waiting", None, "hibernate", "hibernate", None] == run(main)


def test_a_system_message_leaves_it_hibernating(run: Any) -> None:
    async def main() -> Any:
        pid = await Sleepy.start_link([])
        found = [await sys.get_state(pid), await seen(pid)]
        found += [(await sys.get_status(pid)).state, await seen(pid)]
        await sys.suspend(pid)
        await wait_all_idle()
        found.append(otp.process_info(pid, "status"))
        await sys.resume(pid)
        return [*found, await seen(pid)]

    assert [[], "hibernate", [], "hibernate", "suspended", "hibernate"] == run(main)


def test_messages_that_wait_already_are_handled_at_once(run: Any) -> None:
    async def main() -> Any:
        pid = await Sleepy.start_link([])
        for number in range(600):
            GenServer.cast(pid, number)
        return await GenServer.call(pid, "sleep"), await seen(pid)

    assert run(main) == (599, "hibernate")


def test_a_time_out_runs_as_if_it_had_not_hibernated_before(run: Any) -> None:
    async def main() -> Any:
        pid = await Sleepy.start_link([])
        otp.send(pid, "one")
        await wait_all_idle()
        await otp.testing.advance(2)
        return await GenServer.call(pid, "sleep")

    assert run(main) == ["one", "time"]


@pytest.mark.parametrize("signal", ["shutdown", "kill"])
def test_a_signal_ends_it(run: Any, signal: str) -> None:
    async def main() -> Any:
        pid = await Sleepy.start([])
        await wait_all_idle()
        ref = otp.monitor(pid)
        otp.exit(pid, signal)
        return (await otp.receive(ref)).reason

    assert run(main) == ("killed" if signal == "kill" else signal)


class Lamp(GenStateMachine[str, int]):
    @impl
    def init(self, arg: Any) -> Any:
        return MachineOk("off", 0, otp.Hibernate())

    @impl
    def handle_event(self, event: Any, content: Any, state: str, data: int) -> Any:
        match event, content:
            case ("call", caller), "stay":
                return KeepState(data, ReplyTo(caller, state), otp.Hibernate())
            case ("call", caller), _:
                return NextState("on", data + 1, ReplyTo(caller, state))
            case _, _:
                return KeepState(data)


def test_a_state_machine_hibernates_by_an_action(run: Any) -> None:
    async def main() -> Any:
        pid = await Lamp.start_link()
        found = [await seen(pid)]
        await GenServer.call(pid, "stay")
        found.append(await seen(pid))
        await GenServer.call(pid, "on")
        found.append(await seen(pid))
        otp.send(pid, "x")
        found.append(await seen(pid))
        return found, await sys.get_state(pid)

    assert run(main) == (["hibernate", "hibernate", None, None], ("on", 1))
