"""A circuit breaker: it fails fast after failures, probes after a while, and closes again when the probe succeeds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

import otp
from otp import (
    GenStateMachine,
    KeepState,
    KeepStateAndData,
    MachineOk,
    NextState,
    Postpone,
    ReplyTo,
    StateTimeout,
    TaskReply,
    TaskSupervisor,
    impl,
)
from otp.testing import advance, start_supervised, wait_all_idle


@dataclass(frozen=True)
class Data:
    most_failures: int
    rest: float
    failures: int = 0
    running: tuple[tuple[otp.Ref, otp.From], ...] = ()

    def begun(self, ref: otp.Ref, caller: otp.From) -> Data:
        return replace(self, running=(*self.running, (ref, caller)))

    def ended(self, ref: otp.Ref) -> tuple[otp.From, Data]:
        return dict(self.running)[ref], replace(self, running=tuple(r for r in self.running if r[0] != ref))


class Breaker(GenStateMachine):
    callback_mode = "state_functions"

    @impl
    def init(self, limits: tuple[int, float]) -> Any:
        return MachineOk("closed", Data(*limits))

    async def closed(self, event: Any, content: Any, data: Data) -> Any:
        match event, content:
            case ("call", caller), ("run", work):
                return KeepState(await self.begin(work, caller, data))
            case "info", TaskReply(ref, value):
                otp.demonitor(ref, flush=True)
                caller, data = data.ended(ref)
                return KeepState(replace(data, failures=0), ReplyTo(caller, ("ok", value)))
            case "info", otp.Down(ref, _, reason):
                caller, data = data.ended(ref)
                data = replace(data, failures=data.failures + 1)
                answer = ReplyTo(caller, ("failed", reason))
                if data.failures < data.most_failures:
                    return KeepState(data, answer)
                return NextState("open", data, answer, StateTimeout(data.rest, "try again"))

    def open(self, event: Any, content: Any, data: Data) -> Any:
        match event, content:
            case ("call", caller), ("run", _):
                return KeepStateAndData(ReplyTo(caller, ("refused", "open")))
            case "state_timeout", "try again":
                return NextState("half_open", data)
            case "info", _:
                return KeepStateAndData(Postpone())

    async def half_open(self, event: Any, content: Any, data: Data) -> Any:
        match event, content:
            case ("call", caller), ("run", work) if not data.running:
                return KeepState(await self.begin(work, caller, data))
            case ("call", _), _:  # one probe at a time; the others wait for what becomes of it
                return KeepStateAndData(Postpone())
            case "info", TaskReply(ref, value):
                otp.demonitor(ref, flush=True)
                caller, data = data.ended(ref)
                return NextState("closed", replace(data, failures=0), ReplyTo(caller, ("ok", value)))
            case "info", otp.Down(ref, _, reason):
                caller, data = data.ended(ref)
                return NextState(
                    "open", data, ReplyTo(caller, ("failed", reason)), StateTimeout(data.rest, "try again")
                )

    async def begin(self, work: Callable[[], Any], caller: otp.From, data: Data) -> Data:
        task = await TaskSupervisor.async_nolink("work", work)
        return data.begun(task.ref, caller)


async def run(work: Callable[[], Any]) -> Any:
    return await GenStateMachine.call("breaker", ("run", work))


def fails() -> None:
    otp.exit("no route")


@pytest.fixture
def breaker() -> list[Any]:
    return [TaskSupervisor.child_spec(name="work"), Breaker.child_spec((2, 30), name="breaker")]


async def start(children: list[Any]) -> None:
    for child in children:
        await start_supervised(child)


@pytest.mark.otp(seed=(0, 1, 2))
async def test_it_opens_after_the_failures_allowed_and_fails_fast(breaker: list[Any]) -> None:
    await start(breaker)
    assert await run(lambda: 42) == ("ok", 42)
    assert await run(fails) == ("failed", "no route")
    assert await run(lambda: 42) == ("ok", 42)  # a success forgets the failures before it
    assert [await run(fails), await run(fails)] == [("failed", "no route")] * 2
    assert await run(lambda: 42) == ("refused", "open")
    assert (await otp.sys.get_state("breaker"))[0] == "open"


@pytest.mark.otp(seed=(0, 1, 2))
async def test_after_its_rest_one_probe_decides_for_those_who_came_meanwhile(breaker: list[Any]) -> None:
    await start(breaker)
    await run(fails)
    await run(fails)
    await advance(30)
    gate = otp.spawn(otp.receive)

    async def probe() -> str:
        await otp.wait_down(gate)
        return "probed"

    asked = [otp.Task.async_(run, probe)]
    await wait_all_idle()
    asked += [otp.Task.async_(run, lambda n=n: n) for n in range(3)]
    await wait_all_idle()
    assert (await otp.sys.get_state("breaker"))[0] == "half_open"
    otp.send(gate, "open the gate")
    assert await otp.Task.await_many(asked) == [("ok", "probed"), ("ok", 0), ("ok", 1), ("ok", 2)]


@pytest.mark.otp(seed=(0, 1, 2))
async def test_a_probe_that_fails_opens_it_for_another_rest(breaker: list[Any]) -> None:
    await start(breaker)
    await run(fails)
    await run(fails)
    await advance(30)
    assert await run(fails) == ("failed", "no route")
    await advance(29.9)
    assert await run(lambda: 1) == ("refused", "open")
    await advance(0.1)
    assert await run(lambda: 1) == ("ok", 1)
