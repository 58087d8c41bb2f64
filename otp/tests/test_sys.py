"""The rules of `otp.sys`: what a debugger may do to a running server. Source: Erlang's `sys`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import otp
from otp import CallTimeout, GenServer, NoProcess, NoReply, Ok, Reply, impl, sys, testing


def first_process(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    """Run the test as the first process of a node under virtual time."""

    def run() -> None:
        testing.Scheduler(seed=0).run(test)

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


class Counter(GenServer[int]):
    @impl
    def init(self, arg: int) -> Ok[int]:
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: int) -> Reply[int]:
        return Reply(state, state)

    @impl
    def handle_cast(self, request: Any, state: int) -> NoReply[int]:
        return NoReply(state + 1)


@first_process
async def test_get_state_is_what_the_last_callback_returned() -> None:
    counter = await Counter.start_link(41, name="counter")
    GenServer.cast(counter, "increment")
    assert await sys.get_state("counter") == 42


@first_process
async def test_replace_state_answers_the_new_state() -> None:
    counter = await Counter.start_link(1)
    assert await sys.replace_state(counter, lambda n: n * 10) == 10
    assert await GenServer.call(counter, "value") == 10


@first_process
async def test_a_replace_that_raises_leaves_the_state_and_raises_here() -> None:
    counter = await Counter.start_link(1)
    with pytest.raises(ZeroDivisionError):
        await sys.replace_state(counter, lambda n: n // 0)
    assert await GenServer.call(counter, "value") == 1


@first_process
async def test_a_suspended_server_keeps_its_messages_until_it_is_resumed() -> None:
    counter = await Counter.start_link(0)
    await sys.suspend(counter)
    GenServer.cast(counter, "increment")
    await testing.wait_all_idle()
    assert await sys.get_state(counter) == 0
    with pytest.raises(CallTimeout):
        await GenServer.call(counter, "value", timeout=1)
    await sys.resume(counter)
    assert await GenServer.call(counter, "value") == 1


@first_process
async def test_get_status_says_who_and_how() -> None:
    counter = await Counter.start_link(3, name="counter")
    await sys.suspend(counter)
    status = await sys.get_status(counter)
    assert (status.pid, status.name, status.module) == (counter, "counter", Counter)
    assert (status.status, status.parent, status.state) == ("suspended", otp.self(), 3)


@first_process
async def test_terminate_ends_the_server_with_the_reason() -> None:
    counter = await Counter.start(0)
    await sys.terminate(counter, "done")
    assert await otp.wait_down(counter) in ("done", "noproc")


@first_process
async def test_a_failure_names_the_function_of_sys() -> None:
    with pytest.raises(NoProcess) as failure:
        await sys.get_state("nobody")
    assert failure.value.reason == ("noproc", ("sys", "get_state", ["nobody"]))

    async def deaf() -> None:
        await otp.receive(otp.Is("never"))

    pid = otp.spawn(deaf)
    with pytest.raises(CallTimeout) as late:
        await sys.get_state(pid, timeout=1)
    assert late.value.reason == ("timeout", ("sys", "get_state", [pid, 1]))
