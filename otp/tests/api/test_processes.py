"""Starting processes as the reference describes it, and the names of arguments."""

from __future__ import annotations

from typing import Any

import pytest

import otp
from otp import Agent, Down, GenServer, Ok, Reply, Supervisor, Tag, Task, impl
from otp.testing import assert_receive, refute_receive, start_supervised, stop_supervised


class Echo(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Any:
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
        return Reply((request, state), state)

    @impl
    def handle_info(self, message: Any, state: Any) -> Any:
        return otp.NoReply(state)


@pytest.mark.otp(seed=(1, 2))
async def test_keywords_of_any_name_go_to_the_function_of_a_process() -> None:
    """`spawn(fn, fn=…)` was a TypeError: its own parameter took the name."""
    told: list[dict[str, Any]] = []

    def tell(**given: Any) -> None:
        told.append(given)

    given = {"fn": 1, "self": 2, "node": 3, "name": 4, "args": 5, "timeout": 6}
    await otp.wait_down(otp.spawn(tell, **given))
    await otp.wait_down(otp.spawn_link(tell, **given))
    pid, ref = otp.spawn_monitor(tell, **given)
    assert await assert_receive(ref) == Down(ref, pid, "normal")
    await Task.await_(Task.async_(tell, **given))
    assert told == [given] * 4


@pytest.mark.otp
async def test_arguments_may_be_given_by_the_names_of_the_reference() -> None:
    echo = await Echo.start_link(arg="state", name="echo", timeout=5)
    assert await GenServer.call(dest=echo, request="ping", timeout=1) == ("ping", "state")
    assert otp.send(dest=echo, message="hello") == "hello"
    otp.link(pid=echo)
    ref = otp.monitor(dest="echo")
    otp.send_after(seconds=1, dest="echo", message="late")
    otp.start_timer(seconds=1, dest=echo, message="late")
    await GenServer.stop(dest=echo, reason="normal", timeout=1)
    assert await otp.receive(matching=ref, timeout=1) == Down(ref, ("echo", "test"), "normal")
    assert await otp.wait_down(pid=echo, timeout=1) == "noproc"
    otp.register(name="test", pid=otp.self())
    assert otp.whereis(name="test") == otp.self()
    assert otp.unregister(name="test")
    assert otp.process_flag(flag="trap_exit", value=True) is False
    assert otp.process_info(pid=otp.self(), item="trap_exit") is True
    await refute_receive(matching=Tag("nothing"), timeout=0)
    agent = await Agent.start_link(lambda: 1, name="agent")
    assert await Agent.get(agent, lambda value: value, timeout=1) == 1
    supervisor = await Supervisor.start_link_children(
        children=[Echo], strategy="one_for_one", max_restarts=3, max_seconds=5, auto_shutdown="never", name="top"
    )
    await Supervisor.terminate_child(supervisor, id=Echo)
    await Supervisor.restart_child("top", id=Echo)
    await start_supervised(child=(Echo, 1))
    await stop_supervised(child=Echo)
