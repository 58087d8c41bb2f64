"""Cycles that contain a start: an `init` calls a process that waits for it, at once or through others.

Regression: the cycle was found only in the order in which the starter waits before `init` runs. On the starter's stack,
the order of production, every process waited for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import otp
from otp import (
    CallCycle,
    Children,
    ChildSpec,
    DynamicSupervisor,
    GenServer,
    Ok,
    Reply,
    StartError,
    Supervisor,
    impl,
)

Act = Callable[[], Awaitable[Any]]


class Top(Supervisor):
    """A supervisor with the children that it is given."""

    @impl
    def init(self, arg: Any) -> Children:
        return Children(arg)


class Acts(GenServer[Any]):
    """A server whose `init` and whose calls run an act; it sends the cycle that `init` is part of to its observer."""

    @impl
    async def init(self, arg: tuple[otp.Pid, Act]) -> Any:
        observer, act = arg
        try:
            return Ok(await act())
        except CallCycle as found:
            otp.send(observer, (found.cycle, otp.monotonic()))
            raise

    @impl
    async def handle_call(self, request: Act, caller: otp.From, state: Any) -> Any:
        return Reply(await request(), state)


async def nothing() -> None:
    """Do nothing: an act."""


async def _of_a_supervisor(me: otp.Pid) -> None:
    await Top.start_link([], name="top")
    await Supervisor.start_child("top", (Acts, (me, lambda: Supervisor.count_children("top"))))


async def _of_its_own_spec(me: otp.Pid) -> None:
    await Top.start_link([(Acts, (me, lambda: Supervisor.which_children("top")))], name="top")


async def _of_a_start_function(me: otp.Pid) -> None:
    async def begin() -> otp.Pid:
        return await Acts.start_link((me, lambda: Supervisor.count_children("top")))

    await Top.start_link([], name="top")
    await Supervisor.start_child("top", ChildSpec("child", start=(begin,)))


async def _of_a_dynamic_supervisor(me: otp.Pid) -> None:
    await DynamicSupervisor.start_link(name="dynamic")
    await DynamicSupervisor.start_child("dynamic", (Acts, (me, lambda: DynamicSupervisor.count_children("dynamic"))))


async def _of_two_children_of_a_dynamic_supervisor(me: otp.Pid) -> None:
    def start_another() -> Awaitable[Any]:
        return DynamicSupervisor.start_child("dynamic", (Acts, (me, nothing)))

    await DynamicSupervisor.start_link(name="dynamic")
    await DynamicSupervisor.start_child("dynamic", (Acts, (me, start_another)))


async def _of_a_child_task(me: otp.Pid) -> None:
    await Top.start_link([], name="top")
    child = (Acts, (me, lambda: Supervisor.count_children("top")))
    await asyncio.create_task(Supervisor.start_child("top", child))


async def _of_a_server(me: otp.Pid) -> None:
    server = await Acts.start_link((me, nothing))

    async def start() -> Any:
        return await Acts.start_link((me, lambda: GenServer.call(server, nothing, "infinity")))

    await GenServer.call(server, start, "infinity")


async def _of_an_init_that_starts_a_server(me: otp.Pid) -> None:
    async def start() -> Any:
        return await Acts.start_link((me, lambda: GenServer.call("server", nothing, "infinity")))

    await Acts.start_link((me, start), name="server")


async def _of_nested_starts(me: otp.Pid) -> None:
    async def start() -> Any:
        return await Acts.start_link((me, lambda: Supervisor.count_children("top")))

    await Top.start_link([], name="top")
    await Supervisor.start_child("top", (Acts, (me, start)))


async def _of_two_supervisors(me: otp.Pid) -> None:
    async def start() -> Any:
        return await Supervisor.start_child("other", (Acts, (me, lambda: Supervisor.count_children("top"))))

    await Top.start_link([], name="top")
    await Top.start_link([], name="other")
    await Supervisor.start_child("top", (Acts, (me, start)))


CYCLES = pytest.mark.parametrize(
    ("start", "length"),
    [
        (_of_a_supervisor, 2),
        (_of_its_own_spec, 2),
        (_of_a_start_function, 2),
        (_of_a_dynamic_supervisor, 2),
        (_of_two_children_of_a_dynamic_supervisor, 2),
        (_of_a_child_task, 2),
        (_of_a_server, 2),
        (_of_an_init_that_starts_a_server, 2),
        (_of_nested_starts, 3),
        (_of_two_supervisors, 4),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)


async def cycle_found(start: Callable[[otp.Pid], Awaitable[None]]) -> tuple[int, float]:
    """Return the length of the cycle, and the time at which its call fails."""
    otp.spawn(start, otp.self())
    begun = otp.monotonic()
    cycle, at = await otp.receive(timeout=20)
    return len(cycle), at - begun


@CYCLES
def test_the_call_of_an_init_that_closes_a_cycle_fails_after_two_seconds(run: Any, start: Any, length: int) -> None:
    assert (length, 2.0) == run(cycle_found, start)


def test_the_start_fails_with_the_reason_of_the_call(run: Any) -> None:
    async def main() -> Any:
        with pytest.raises(StartError) as failed:
            await _of_a_supervisor(otp.self())
        return failed.value.reason[0]

    assert ("timeout", ("gen_server", "call", ["top", "count_children", "infinity"])) == run(main)


def test_a_restart_that_waits_for_its_supervisor_is_a_cycle(run: Any) -> None:
    async def main() -> Any:
        me = otp.self()
        starts = iter([nothing, lambda: Supervisor.count_children("top")])

        async def act() -> Any:
            return await next(starts, nothing)()

        async def begin() -> otp.Pid:
            return await Acts.start_link((me, act))

        await Top.start_link([ChildSpec("child", start=(begin,))], name="top")
        ((_, child, _, _),) = await Supervisor.which_children("top")
        otp.exit(child, "kill")
        cycle, at = await otp.receive(timeout=20)
        ((_, again, _, _),) = await Supervisor.which_children("top")  # the second attempt succeeds
        return len(cycle), at, again != child

    assert (2, 2.0, True) == run(main)


def test_an_init_with_a_limit_of_its_own_is_left_to_it(run: Any) -> None:
    async def bounded() -> Any:
        async with asyncio.timeout(3):
            return await Supervisor.count_children("top")

    async def main() -> Any:
        await Top.start_link([], name="top")
        with pytest.raises(StartError):
            await Supervisor.start_child("top", (Acts, (otp.self(), bounded)))
        return otp.monotonic()

    assert 3.0 == run(main)


def test_an_init_whose_call_is_answered_from_elsewhere_is_no_part_of_a_cycle(run: Any) -> None:
    """The starter gave its `From` to a process before it waited for the new server."""

    class Starter(GenServer[Any]):
        @impl
        def init(self, arg: Any) -> Any:
            return Ok(arg)

        @impl
        async def handle_call(self, request: Any, caller: otp.From, state: Any) -> Any:
            async def answer() -> None:
                await asyncio.sleep(3)
                GenServer.reply(caller, "early")

            otp.spawn(answer)
            return Reply(await Acts.start_link((state, lambda: GenServer.call("asker", nothing, "infinity"))), state)

    async def main() -> Any:
        me = otp.self()
        starter = await Starter.start_link(me)
        await Acts.start_link((me, nothing), name="asker")
        return await GenServer.call("asker", lambda: GenServer.call(starter, "start", "infinity"), "infinity")

    assert "early" == run(main)


@CYCLES
def test_a_program_in_real_time_is_not_stuck(start: Any, length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order of production: idle servers run on the stack of their callers."""
    monkeypatch.setattr("otp.kernel.ends.call_cycles.CYCLE_NS", 50_000_000)
    assert length == otp.run(cycle_found, start)[0]


def test_an_embedded_node_is_not_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("otp.kernel.ends.call_cycles.CYCLE_NS", 50_000_000)

    async def main() -> Any:
        async with otp.Node("shop") as node:
            await node.start(Top, [], name="top")
            child = ChildSpec("child", start=(Acts.start_link, (node.spawn(otp.receive), lambda: counts(node))))
            with pytest.raises(StartError) as failed:
                await Supervisor.start_child(node.whereis("top"), child)
            return failed.value.reason[0]

    def counts(node: otp.Node) -> Awaitable[Any]:
        return Supervisor.count_children(node.whereis("top"))

    reason, _ = asyncio.run(main())
    assert "timeout" == reason
