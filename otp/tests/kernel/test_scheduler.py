"""The scheduler: times, fairness, the clock, and what it leaves of the loop it runs in."""

from __future__ import annotations

import asyncio
import contextvars
import random
import threading
from collections.abc import Callable
from typing import Any

import pytest

import otp
from otp.kernel.steps.drain import LoopScheduler as Kernel
from otp.kernel.tables.scheduler import NS, nanoseconds
from otp.testing import Scheduler, wait_all_idle


@pytest.mark.parametrize(
    ("seconds", "ns"),
    [(0, 0), (1, NS), (0.1, 100_000_000), (1e-9, 1), (1e-17, 1), (10**9, 10**18), (2.5, 2_500_000_000)],
)
def test_times_are_rounded_once_to_whole_nanoseconds_and_not_to_0(seconds: Any, ns: int) -> None:
    assert nanoseconds(seconds, "x") == ns


@pytest.mark.parametrize("seconds", [-1, True, "1", float("nan"), float("inf"), None, "infinity", [], 1j])
def test_what_is_no_time_is_refused_with_what_it_is_for(seconds: Any) -> None:
    with pytest.raises(otp.BadArgument, match="sleep: expected a time in seconds >= 0, got"):
        nanoseconds(seconds, "sleep")


@pytest.mark.parametrize("seconds", [None, "infinity"])
def test_no_limit_has_two_spellings(seconds: Any) -> None:
    assert nanoseconds(seconds, "x", infinite=True) is None


def test_processes_run_in_the_order_of_waking() -> None:
    async def main() -> Any:
        seen: list[int] = []
        for n in range(100):
            otp.spawn(lambda n=n: seen.append(n))
        await wait_all_idle()
        return seen

    assert Scheduler(inline=False).run(main) == list(range(100))


def test_message_traffic_leaves_room_for_timers_and_tasks() -> None:
    """A drain ends after its budget: asyncio's own work goes on beside full message load."""

    async def main() -> Any:
        async def ping(to: otp.Pid | None) -> None:
            peer = to if to is not None else await otp.receive()
            if to is not None:
                otp.send(to, otp.self())
                otp.send(to, "ball")
            while True:
                otp.send(peer, await otp.receive())

        for _ in range(10):
            otp.spawn_link(ping, otp.spawn_link(ping, None))
        loop, turns = asyncio.get_running_loop(), 0
        done: asyncio.Future[int] = loop.create_future()

        def tick() -> None:
            nonlocal turns
            turns += 1
            if turns == 20:
                done.set_result(turns)
            else:
                loop.call_later(0.0005, tick)

        tick()
        return await done

    assert otp.run(main) == 20


def test_a_process_sees_itself_as_asyncios_current_task_and_nobody_else_does() -> None:
    async def main() -> Any:
        async def process() -> None:
            seen.append(asyncio.current_task() is otp.self())
            await asyncio.to_thread(len, "")
            seen.append(asyncio.current_task() is otp.self())
            await otp.receive()
            seen.append(asyncio.current_task() is otp.self())

        seen: list[bool] = []
        task = asyncio.current_task()
        async with otp.Node("n"):
            pid = otp.spawn(process)
            otp.send(pid, 1)
            await otp.wait_down(pid)
        return seen, asyncio.current_task() is task

    assert asyncio.run(main()) == ([True] * 3, True)


VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


async def one_turn() -> None:
    await asyncio.sleep(0)


def test_context_variables_stay_with_their_process_across_waits() -> None:
    async def main() -> Any:
        async def process(name: str) -> None:
            VARIABLE.set(name)
            seen = []
            for _ in range(3):
                await otp.receive()
                seen.append(VARIABLE.get())
                await one_turn()
                seen.append(VARIABLE.get())
            otp.send(me, set(seen))

        me = otp.self()
        VARIABLE.set("starter")
        pids = [otp.spawn(process, str(n)) for n in range(3)]
        for _ in range(3):
            for pid in pids:
                otp.send(pid, "go")
        return [await otp.receive() for _ in range(3)], VARIABLE.get()

    assert Scheduler(inline=False).run(main) == ([{"0"}, {"1"}, {"2"}], "starter")


def test_a_variable_set_by_a_process_is_not_seen_outside() -> None:
    async def main() -> Any:
        async with otp.Node("n"):
            pid = otp.spawn(lambda: VARIABLE.set("inside"))
            await otp.wait_down(pid)
            loop = asyncio.get_running_loop()
            future: asyncio.Future[str] = loop.create_future()
            loop.call_soon(lambda: future.set_result(VARIABLE.get()))
            return VARIABLE.get(), await future

    assert asyncio.run(main()) == ("unset", "unset")


def test_a_spawned_process_inherits_the_variables_of_its_starter() -> None:
    async def main() -> Any:
        me = otp.self()
        VARIABLE.set("inherited")
        otp.spawn(lambda: otp.send(me, VARIABLE.get()))
        return await otp.receive()

    assert Scheduler().run(main) == "inherited"


def test_the_random_source_is_the_schedulers_and_seeded_in_a_deterministic_run() -> None:
    async def main() -> Any:
        return otp.random.random()

    values = [Scheduler(seed=3).run(main) for _ in range(2)]
    assert values == [values[0]] * 2
    assert Scheduler(seed=4).run(main) != values[0]


def test_a_seed_gives_the_same_run_and_another_seed_another_one() -> None:
    async def main() -> Any:
        seen: list[int] = []
        for n in range(8):
            otp.spawn(lambda n=n: seen.append(n))
        await wait_all_idle()
        return tuple(seen)

    runs = {seed: Scheduler(seed=seed).run(main) for seed in range(8)}
    assert runs == {seed: Scheduler(seed=seed).run(main) for seed in range(8)}
    assert len(set(runs.values())) > 4


def test_an_error_in_the_runtime_ends_the_process_at_fault_and_nobody_else(
    monkeypatch: pytest.MonkeyPatch, errors: Callable[[], list[str]]
) -> None:
    """A bug of the runtime must not stop the shared scheduler."""
    from otp.kernel.steps import callbacks

    class Server(otp.GenServer[None]):
        @otp.impl
        def init(self, arg: Any) -> Any:
            return otp.Ok(None)

        @otp.impl
        def handle_cast(self, request: Any, state: None) -> Any:
            return otp.Stop("asked", state)

    def broken(*_: Any) -> None:
        raise LookupError("our bug")

    async def main() -> Any:
        server, other = await Server.start(), await Server.start()
        monkeypatch.setattr(callbacks, "apply", broken)
        otp.GenServer.cast(server, 1)
        reason = await otp.wait_down(server)
        monkeypatch.undo()
        otp.GenServer.cast(other, 1)
        return reason.term.type_name, await otp.wait_down(other)

    for inline in (True, None):
        assert Scheduler(inline=inline).run(main) == ("LookupError", "asked")
    assert sum("please report this bug of otp" in text for text in errors()) == 2


def test_an_error_in_the_runtime_after_a_future_ends_the_process_that_awaited_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from otp.kernel.steps import drain as resume

    def broken(*_: Any) -> None:
        raise LookupError("our bug")

    async def awaits_twice() -> None:
        loop = asyncio.get_running_loop()
        first, second = loop.create_future(), loop.create_future()
        loop.call_soon(first.set_result, None)
        await first
        monkeypatch.setattr(resume, "wait_for", broken)
        await second

    async def main() -> Any:
        pid, ref = otp.spawn_monitor(awaits_twice)
        reason = (await otp.receive(ref, timeout=1)).reason
        monkeypatch.undo()
        return reason.term.type_name, str(pid)

    for inline in (True, None):
        caplog.clear()
        name, pid = Scheduler(inline=inline).run(main)
        (record,) = caplog.records
        raised = record.exc_info
        assert name == "LookupError"
        assert record.getMessage() == f"the runtime failed at {pid}; please report this bug of otp"
        assert raised is not None
        assert raised[0] is LookupError


def test_a_timer_that_raises_does_not_stop_the_others() -> None:
    def broken(timer: Any) -> None:
        raise LookupError("broken")

    async def main() -> Any:
        s: Any = otp.self().runtime.scheduler  # type: ignore[attr-defined]
        s.loop.set_exception_handler(lambda loop, context: seen.append(type(context["exception"])))
        s.call_at(s.now_ns() + NS, broken)
        otp.send_after(2, otp.self(), "x")
        return await otp.receive()

    seen: list[type] = []
    assert Scheduler().run(main) == "x"
    assert seen == [LookupError]


def test_a_timer_that_sets_a_later_one_does_not_hold_up_those_before_it() -> None:
    """The bucket of a call's time-out did so, and all timers came with that time-out, seconds too late."""

    async def main() -> Any:
        s: Any = otp.self().runtime.scheduler  # type: ignore[attr-defined]
        s.call_at(s.now_ns() + NS, lambda timer: s.call_at(timer.due + 9 * NS, lambda _timer: None))
        otp.send_after(2, otp.self(), "x")
        return await otp.receive(), otp.monotonic()

    assert Scheduler().run(main) == ("x", 2.0)


def test_two_schedulers_in_two_threads_do_not_know_each_other() -> None:
    results: list[Any] = []

    def program(seed: int) -> None:
        async def main() -> Any:
            source = random.Random(seed)
            counter = 0

            async def echo() -> None:
                while True:
                    to, value = await otp.receive()
                    otp.send(to, value)

            pid = otp.spawn_link(echo)
            for _ in range(2000):
                value = source.random()
                otp.send(pid, (otp.self(), value))
                counter += await otp.receive() == value
            return counter, len(otp.processes())

        results.append(otp.run(main))

    threads = [threading.Thread(target=program, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [(2000, 2)] * 2


def test_one_loop_has_one_scheduler_and_a_closed_one_is_forgotten() -> None:
    async def main() -> Any:
        async with otp.Node("one") as one, otp.Node("two") as two:
            shared = one.scheduler is two.scheduler
        async with otp.Node("three") as three:
            return shared, three.scheduler is one.scheduler

    assert asyncio.run(main()) == (True, False)


def test_a_scheduler_runs_where_its_loop_runs() -> None:
    async def main() -> Any:
        s = Kernel(inline=False)
        async with otp.Node("n", scheduler=s) as node:
            pid = node.spawn(lambda: None)
            reason = await otp.wait_down(pid)
        s.close()
        return reason

    assert asyncio.run(main()) == "normal"


def test_a_future_of_another_loop_is_refused_where_it_is_awaited(run: Any) -> None:
    async def main() -> Any:
        other = asyncio.new_event_loop()
        try:
            with pytest.raises(RuntimeError, match="is of another event loop"):
                await other.create_future()
        finally:
            other.close()
        await one_turn()
        return "goes on"

    assert run(main) == "goes on"


def test_what_is_no_awaitable_of_asyncio_is_refused_where_it_is_awaited(run: Any) -> None:
    class Strange:
        def __await__(self) -> Any:
            yield "strange"

    async def main() -> Any:
        with pytest.raises(RuntimeError, match="awaited 'strange', which asyncio cannot wait for"):
            await Strange()
        await one_turn()
        return "goes on"

    assert run(main) == "goes on"
