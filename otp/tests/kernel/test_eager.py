"""Child tasks whose first step runs on their owner's stack (`asyncio.eager_task_factory`, Python 3.12).

They are not the owner's main coroutine: they wait with futures, and the owner's mailbox is not theirs.
"""

from __future__ import annotations

import asyncio
import contextvars
import types
from collections.abc import Callable
from typing import Any

import pytest

import otp
from otp import GenServer, Ok, Reply, impl
from otp.testing import Scheduler


def by_hand(loop: Any, coro: Any, context: Any = None) -> Any:
    """Behave like `eager_task_factory`, for a Python without it: the first step here, the rest in a task."""
    if not loop.is_running():
        return asyncio.Task(coro, loop=loop, context=context)
    table: Any = vars(asyncio.tasks)["_current_tasks"]
    before, table[loop] = table.get(loop), object()
    ended = loop.create_future()
    try:
        waits_for = (context or contextvars.copy_context()).run(coro.send, None)
    except StopIteration as done:
        ended.set_result(done.value)
        return ended
    except Exception as error:
        ended.set_exception(error)
        return ended
    finally:
        if before is None:
            del table[loop]
        else:
            table[loop] = before

    @types.coroutine
    def rest() -> Any:
        wanted = waits_for
        try:
            while True:
                wanted = coro.send((yield wanted))
        except StopIteration as done:
            return done.value

    async def go_on() -> Any:
        return await rest()

    return asyncio.Task(go_on(), loop=loop)


eager: Any = getattr(asyncio, "eager_task_factory", by_hand)


class Slow(GenServer[int]):
    @impl
    async def init(self, arg: float) -> Any:
        await asyncio.sleep(arg)
        return Ok(0)

    @impl
    async def handle_call(self, request: Any, caller: otp.From, state: int) -> Any:
        await asyncio.sleep(0)
        return Reply((request, caller.pid), state)


def in_program(fn: Callable[[], Any]) -> Any:
    return otp.run(fn)


def in_virtual_time(fn: Callable[[], Any]) -> Any:
    return Scheduler(seed=3).run(fn)


# uvloop gives the factories of Python before 3.13.3 an argument that they do not know.
@pytest.fixture(params=[pytest.param(in_program, marks=pytest.mark.asyncio_loop), in_virtual_time])
def run_eagerly(request: pytest.FixtureRequest) -> Callable[[Callable[[], Any]], Any]:
    """Run a function as the first process of a loop whose tasks are eager."""

    def run(fn: Callable[[], Any]) -> Any:
        async def main() -> Any:
            asyncio.get_running_loop().set_task_factory(eager)
            return await fn()

        return request.param(main)

    return run


def test_calls_of_eager_child_tasks_are_answered_each_to_its_own(run_eagerly: Any) -> None:
    async def main() -> Any:
        me = otp.self()
        server = await Slow.start(0)
        tasks = [asyncio.ensure_future(GenServer.call(server, n)) for n in range(3)]
        otp.send(me, "still mine")
        answers = await asyncio.gather(*tasks)
        return answers == [(n, me) for n in range(3)], await otp.receive()

    assert run_eagerly(main) == (True, "still mine")


def test_calls_by_name_and_system_calls_of_eager_child_tasks_are_answered(run_eagerly: Any) -> None:
    async def main() -> Any:
        server = await Slow.start(0, name="slow")
        busy = asyncio.ensure_future(GenServer.call(server, 1))
        named = asyncio.ensure_future(GenServer.call("slow", 2))
        state = asyncio.ensure_future(otp.sys.get_state(server))
        return [(await busy)[0], (await named)[0], await state]

    assert run_eagerly(main) == [1, 2, 0]


def test_a_start_in_an_eager_child_task_waits_for_init(run_eagerly: Any) -> None:
    async def main() -> Any:
        started = asyncio.ensure_future(Slow.start(0.001))
        return otp.is_alive(await started)

    assert run_eagerly(main)


def test_the_end_of_a_supervisor_is_no_matter_of_the_eager_task_that_asked_it_for_a_child(run_eagerly: Any) -> None:
    """The start ran on the stack of that task, which counted as one of the supervisor's and was cancelled with it."""

    async def main() -> Any:
        above = await otp.DynamicSupervisor.start_link()
        spec = otp.ChildSpec("below", start=(otp.DynamicSupervisor.start_link,))

        async def asks() -> Any:
            await otp.DynamicSupervisor.start_child(above, spec)
            await GenServer.stop(above)
            return "goes on"

        return await asyncio.ensure_future(asks())

    assert run_eagerly(main) == "goes on"


def test_receive_in_an_eager_child_task_is_refused_and_takes_nothing(run_eagerly: Any) -> None:
    async def main() -> Any:
        async def thief() -> Any:
            return await otp.receive()

        otp.send(otp.self(), "for the main coroutine")
        with pytest.raises(otp.NotProcessMain):
            await asyncio.ensure_future(thief())
        with pytest.raises(otp.NotProcessMain):
            await asyncio.ensure_future(otp.receive(str))
        return await otp.receive()

    assert run_eagerly(main) == "for the main coroutine"


def test_an_eager_child_task_knows_its_owner_in_later_steps_too(run_eagerly: Any) -> None:
    async def main() -> Any:
        async def child() -> Any:
            await asyncio.sleep(0)
            return otp.self()

        return await asyncio.ensure_future(child()) is otp.self()

    assert run_eagerly(main)


@pytest.mark.asyncio_loop
def test_a_task_factory_of_the_programs_own_is_used_as_it_is_written() -> None:
    made: list[Any] = []

    def factory(loop: Any, coro: Any) -> Any:
        made.append(coro)
        return asyncio.Task(coro, loop=loop)

    async def main() -> Any:
        loop = asyncio.get_running_loop()
        loop.set_task_factory(factory)

        async def child() -> Any:
            await asyncio.sleep(0)
            return otp.self()

        owner = await loop.create_task(child())
        loop.set_task_factory(None)
        return owner is otp.self() is await loop.create_task(child()), loop.get_task_factory()

    assert otp.run(main) == (True, None)
    assert len(made) == 1
