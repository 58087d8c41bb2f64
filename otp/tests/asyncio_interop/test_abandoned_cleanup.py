"""A kill abandons a cleanup that waits: one event names the innermost line of the program, nothing else is logged."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import sys
import sysconfig
from collections.abc import AsyncGenerator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

import otp
from loops import LOOPS, ONE_OF_EACH, forever, turns
from otp import GenServer, NoReply, Ok, impl
from otp.kernel.tables.places import where_in
from otp.testing import Scheduler


@pytest.fixture(params=ONE_OF_EACH)
def run(request: pytest.FixtureRequest) -> Any:
    return LOOPS[request.param]


@pytest.fixture
def noise(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """Return what was reported: the unraisable errors of Python, and the log records of all loggers but `otp`."""
    unraisable: list[str] = []

    def hook(args: Any) -> None:
        unraisable.append(repr(args.exc_value))

    monkeypatch.setattr(sys, "unraisablehook", hook)
    return lambda: unraisable + [record.getMessage() for record in caplog.records if record.name != "otp"]


def until_abandoned() -> Coroutine[Any, Any, Any]:
    """Return a wait inside asyncio that never ends: no test waits for it, the cleanup is abandoned there.

    This is a plain function, so the wait has no frame of the program but that of its caller, whose line is reported.
    """
    return asyncio.Event().wait()


class Server(GenServer[None]):
    @impl
    async def init(self, arg: Any) -> Any:
        return Ok(None)

    @impl
    async def handle_cast(self, request: Any, state: None) -> Any:
        await request()
        return NoReply(None)


ended: list[str] = []


async def in_finally() -> None:
    try:
        await forever()
    finally:
        await until_abandoned()  # in_finally


async def in_a_call_of_finally() -> None:
    async def closes() -> None:
        await until_abandoned()  # in_a_call_of_finally

    try:
        await forever()
    finally:
        await closes()


@contextlib.asynccontextmanager
async def resource() -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        try:
            await until_abandoned()  # in_a_context_manager
        finally:
            ended.append("resource")


async def in_a_context_manager() -> None:
    async with resource(), resource():
        await forever()


async def in_a_generator() -> None:
    async def numbers() -> AsyncGenerator[int, None]:
        try:
            await forever()
            yield 1
        finally:
            await until_abandoned()  # in_a_generator

    async for _ in numbers():
        pass


async def in_a_closing_generator() -> None:
    async def numbers() -> AsyncGenerator[int, None]:
        try:
            yield 1
        finally:
            await until_abandoned()  # in_a_closing_generator

    async with contextlib.aclosing(numbers()) as generator:
        async for _ in generator:
            await forever()


async def in_a_generator_that_goes_on() -> None:
    @contextlib.asynccontextmanager
    async def stubborn() -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            while True:
                with contextlib.suppress(asyncio.CancelledError):  # hostile on purpose
                    await until_abandoned()  # in_a_generator_that_goes_on

    async with resource(), stubborn():
        await forever()


class Awaitable:
    """An awaitable object that the program defines."""

    def __await__(self) -> Any:
        yield from until_abandoned().__await__()  # in_an_awaitable


async def in_an_awaitable() -> None:
    try:
        await forever()
    finally:
        await Awaitable()


CLEANUPS = (
    in_finally,
    in_a_call_of_finally,
    in_a_context_manager,
    in_a_generator,
    in_a_closing_generator,
    in_a_generator_that_goes_on,
    in_an_awaitable,
)


def line_of(cleanup: Any) -> str:
    """Find the line that ends with the name of a cleanup."""
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    [line] = [n for n, line in enumerate(lines, 1) if line.endswith(f"  # {cleanup.__name__}")]
    return f"{__file__}:{line}"


def as_a_process(cleanup: Any) -> Any:
    return otp.spawn(cleanup)


async def as_a_callback(cleanup: Any) -> Any:
    server = await Server.start(None)
    GenServer.cast(server, cleanup)
    return server


def in_a_task(cleanup: Any) -> Any:
    async def parent() -> None:
        await asyncio.create_task(cleanup())

    return otp.spawn(parent)


def in_a_group(cleanup: Any) -> Any:
    async def group() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(cleanup())

    async def parent() -> None:
        task = asyncio.create_task(group())
        await forever()
        del task

    return otp.spawn(parent)


STARTED = [(start, cleanup) for start in (as_a_process, as_a_callback, in_a_task, in_a_group) for cleanup in CLEANUPS]


@pytest.mark.parametrize(("start", "cleanup"), STARTED)
def test_one_event_names_the_line_and_nothing_else_is_logged(
    run: Any, noise: Any, caplog: pytest.LogCaptureFixture, start: Any, cleanup: Any
) -> None:
    """Regression: the event named the outermost line, or one of `contextlib`; asyncio logged a failed `aclose()`."""
    found: list[Any] = []

    async def main() -> None:
        pid = start(cleanup)
        if asyncio.iscoroutine(pid):
            pid = await pid
        await turns()
        otp.exit(pid, "kill")
        await turns(50)
        gc.collect()
        await turns()
        history = otp.trace.history(otp.trace.node_of(pid))
        found.extend(event.data["where"] for event in history if event.kind == "abandoned_cleanup")

    run(main)
    assert found == [line_of(cleanup)]
    assert noise() == []
    [line] = [record.getMessage() for record in caplog.records if "abandoned" in record.getMessage()]
    assert line.endswith(f"abandoned at {line_of(cleanup)}")
    assert len(caplog.records) == 1


def test_each_level_of_a_nested_cleanup_runs_to_its_wait_and_ends(run: Any) -> None:
    ended.clear()

    async def main() -> None:
        pid = otp.spawn(in_a_context_manager)
        await turns()
        otp.exit(pid, "kill")
        assert ended == ["resource", "resource"]  # in the step of the kill

    run(main)


def test_a_lock_for_which_a_cleanup_waits_passes_on_its_permit(run: Any) -> None:
    got: list[str] = []

    async def main() -> None:
        lock = asyncio.Lock()
        await lock.acquire()

        async def flushes() -> None:
            try:
                await forever()
            finally:
                async with lock:
                    got.append("never")

        pid = otp.spawn(flushes)
        await turns()
        otp.exit(pid, "kill")
        lock.release()
        async with asyncio.timeout(1), lock:
            got.append("the next one")

    run(main)
    assert got == ["the next one"]


@pytest.mark.parametrize("cleanup", CLEANUPS)
def test_a_cleanup_whose_time_is_over_is_one_event_too(noise: Any, cleanup: Any) -> None:
    async def main() -> Any:
        pid = otp.spawn(cleanup)
        await turns()
        otp.exit(pid, "boom")
        reason = await otp.wait_down(pid)
        gc.collect()
        await turns()
        history = otp.trace.history(otp.trace.node_of(pid))
        return reason, [event.data["where"] for event in history if event.kind == "abandoned_cleanup"]

    assert Scheduler(inline=True).run(main) == ("boom", [line_of(cleanup)])
    assert noise() == []


def test_the_line_of_a_library_is_named_where_none_is_of_the_program() -> None:
    """Installed packages are libraries, and so is the standard library."""

    def defined_in(folder: str) -> Any:
        names: dict[str, Any] = {}
        text = "async def f(awaited):\n    await awaited\n"
        exec(compile(text, os.path.join(folder, "module.py"), "exec"), names)
        return names["f"]

    installed, standard = (defined_in(sysconfig.get_path(which)) for which in ("purelib", "stdlib"))

    async def program(awaited: Any) -> None:
        await awaited

    async def main() -> None:
        gate = asyncio.Event()
        for nested, expected in (
            (program(installed(standard(gate.wait()))), __file__),
            (installed(standard(gate.wait())), installed.__code__.co_filename),
            (standard(gate.wait()), asyncio.locks.__file__),
        ):
            coro: Any = nested
            coro.send(None)
            assert where_in(coro).rpartition(":")[0] == expected
            coro.close()
            assert where_in(coro) == "its end"

    asyncio.run(main())


def test_a_task_that_cleans_up_is_cancelled_once(run: Any) -> None:
    """Regression: in a loop that does not report tasks, the search cancelled a task that was known already."""
    cleaned: list[str] = []

    async def main() -> None:
        tasks: list[asyncio.Task[None]] = []

        async def child() -> None:
            otp.self()
            try:
                await forever()
            finally:
                await turns(20)
                cleaned.append("in full")

        async def parent() -> None:
            tasks.append(asyncio.create_task(child()))
            await otp.receive()

        pid = otp.spawn(parent)
        await turns()
        otp.exit(pid, "boom")
        await asyncio.wait(tasks)

    run(main)
    assert cleaned == ["in full"]


async def one_turn() -> None:
    await asyncio.sleep(0)


@pytest.mark.parametrize(("reason", "wait"), [("kill", forever), ("kill", one_turn), ("shutdown", forever)])
@pytest.mark.parametrize("group_of_others", [False, True])
def test_a_task_group_takes_a_task_that_was_closed_for_a_cancelled_one(
    run: Any, noise: Any, reason: str, group_of_others: bool, wait: Any
) -> None:
    """Regression: it logged "cannot reuse already awaited coroutine", or cancelled a parent that lives."""

    async def main() -> None:
        begun = asyncio.Event()

        async def stubborn() -> None:
            while True:
                with contextlib.suppress(asyncio.CancelledError):  # hostile on purpose
                    begun.set()
                    await wait()

        async def parent(group: asyncio.TaskGroup) -> None:
            group.create_task(stubborn())
            await otp.receive()

        async def parent_of_a_group() -> None:
            async with asyncio.TaskGroup() as group:
                await parent(group)

        if not group_of_others:
            pid = otp.spawn(parent_of_a_group)
            await begun.wait()
            otp.exit(pid, reason)
        else:
            async with asyncio.TaskGroup() as group:
                pid = otp.spawn(parent, group)
                await begun.wait()
                otp.exit(pid, reason)
        if reason == "shutdown":
            await asyncio.sleep(6)  # in virtual time
        await turns(50)
        assert "abandoned_cleanup" in [event.kind for event in otp.trace.history(otp.node())]

    (run if reason == "kill" else Scheduler(inline=True).run)(main)
    gc.collect()
    assert noise() == []
