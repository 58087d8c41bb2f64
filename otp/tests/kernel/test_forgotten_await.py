"""A coroutine, or a generator, in the place of a pid, a child or a result: the error says what was forgotten."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

import otp
from otp import (
    Application,
    Children,
    ChildSpec,
    DynamicSupervisor,
    GenServer,
    GenStateMachine,
    KeepState,
    MachineOk,
    Ok,
    Supervisor,
    Task,
    impl,
)

FORGOTTEN = "got a coroutine; did you forget `await`?"
YIELD = "got a generator; did you write `yield` in place of `return`?"
ASYNC_YIELD = "got an async generator; did you write `yield` in place of `return`?"

MADE: list[Any] = []
"""Coroutines that were never awaited on purpose."""


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    while MADE:
        MADE.pop().close()


class Counter(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Any:
        return Ok(arg)


class Tree(Supervisor):
    @impl
    def init(self, arg: Any) -> Any:
        return arg


def yields() -> Iterator[Any]:
    yield Counter


async def yields_later() -> AsyncIterator[Any]:
    yield Counter


def started() -> Any:
    MADE.append(Counter.start_link(0))
    return MADE[-1]


def text_of(fails: Callable[[], Awaitable[Any]]) -> str:
    """The text of what `fails` raises in a process."""

    async def main() -> str:
        with pytest.raises(Exception) as failed:
            await fails()
        return str(failed.value)

    return otp.run(main)


@pytest.mark.parametrize(
    "use",
    [
        otp.link, otp.unlink, otp.monitor, otp.is_alive, otp.process_info, otp.whereis,
        lambda coroutine: otp.send(coroutine, 1),
        lambda coroutine: otp.exit(coroutine, "kill"),
        lambda coroutine: otp.register("name", coroutine),
        lambda coroutine: otp.send_after(1, coroutine, "tick"),
        lambda coroutine: GenServer.cast(coroutine, 1),
    ],
)  # fmt: skip
def test_a_forgotten_await_is_named_where_a_pid_is_expected(use: Callable[[Any], Any]) -> None:
    """A monitor of a coroutine was made, a cast to one was `"ok"`, the others printed its code."""

    async def fails() -> None:
        use(started())

    assert FORGOTTEN in text_of(fails)


@pytest.mark.parametrize(
    "use",
    [
        otp.wait_down, GenServer.stop, Supervisor.which_children, otp.sys.get_state,
        lambda coroutine: GenServer.call(coroutine, 1),
        lambda coroutine: GenStateMachine.call(coroutine, 1),
        lambda coroutine: DynamicSupervisor.start_child(coroutine, Counter),
        lambda coroutine: Counter.start_link(0, name=coroutine),
    ],
)  # fmt: skip
def test_a_forgotten_await_is_named_where_an_awaitable_function_expects_a_pid(
    use: Callable[[Any], Awaitable[Any]],
) -> None:
    async def fails() -> None:
        await use(started())

    assert FORGOTTEN in text_of(fails)


@pytest.mark.parametrize(
    ("children", "told"),
    [
        (lambda: [started()], "write Counter.child_spec(…)"),
        (lambda: (started() for _ in range(2)), "write Counter.child_spec(…)"),
        (lambda: [yields()], f"{YIELD} To add several children, write *children"),
        (lambda: [ChildSpec("c", start=started())], FORGOTTEN),
        (lambda: [ChildSpec("c", start=(started(),))], "got a tuple with a coroutine in it; did you forget `await`?"),
        (lambda: [ChildSpec("c", start=(lambda: [started()],))], "got a list with a coroutine in it"),
        (lambda: [ChildSpec("c", start=(yields,))], YIELD),
        (lambda: [ChildSpec("c", start=(yields_later,))], ASYNC_YIELD),
    ],
)
def test_a_forgotten_await_is_named_among_children(children: Callable[[], Any], told: str) -> None:
    async def fails() -> None:
        await Tree.start_link(Children(children()))

    assert told in text_of(fails)


@pytest.mark.parametrize(("children", "told"), [(started, FORGOTTEN), (yields_later, ASYNC_YIELD)])
def test_children_that_are_no_list_are_named(children: Callable[[], Any], told: str) -> None:
    async def fails() -> None:
        Children(children())

    assert told in text_of(fails)


def test_a_generator_of_children_is_a_list_of_them() -> None:
    async def main() -> int:
        await Tree.start_link(Children(Counter.child_spec(n, id=n) for n in range(3)), name="tree")
        return len(await Supervisor.which_children("tree"))

    assert 3 == otp.run(main)


class Generates(Counter):
    def init(self, arg: Any) -> Any:  # type: ignore[override]
        yield Ok(arg)


class GeneratesLater(Counter):
    async def init(self, arg: Any) -> Any:  # type: ignore[override]
        yield Ok(arg)


class GeneratingTree(Supervisor):
    def init(self, arg: Any) -> Any:  # type: ignore[override]
        yield Children([])


class GeneratingMachine(GenStateMachine[Any, Any]):
    def init(self, arg: Any) -> Any:  # type: ignore[override]
        yield MachineOk("on", 0)

    @impl
    def handle_event(self, event: Any, content: Any, state: Any, data: Any) -> Any: ...


class GeneratingEvents(GenStateMachine[Any, Any]):
    @impl
    def init(self, arg: Any) -> Any:
        return MachineOk("on", 0)

    def handle_event(self, event: Any, content: Any, state: Any, data: Any) -> Any:  # type: ignore[override]
        yield KeepState(data)


class Forgets(Application):
    @impl
    async def start(self, kind: Any, args: Any) -> Any:
        return started()


@pytest.mark.parametrize(
    ("start", "told"),
    [
        (Generates.start_link, f"expected Ok(state), Stop(reason) or Ignore(), {YIELD}"),
        (GeneratesLater.start_link, ASYNC_YIELD),
        (GeneratingTree.start_link, YIELD),
        (lambda: Application.start(Forgets), FORGOTTEN),
    ],
)
def test_a_generator_or_a_coroutine_is_named_where_a_result_is_expected(start: Any, told: str) -> None:
    assert told in text_of(start)


def test_a_generator_as_a_result_of_a_machine_is_named_to_its_caller_and_in_its_report(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def calls() -> None:
        await GenStateMachine.call(await GeneratingEvents.start(), "knock")

    assert YIELD in text_of(GeneratingMachine.start)
    assert YIELD in text_of(calls)
    assert YIELD in caplog.text


@pytest.mark.parametrize("function", [yields, yields_later])
def test_a_generator_function_is_no_function_for_a_process(function: Any) -> None:
    """Such a process ended `"normal"`, and not a line of the function had run."""

    async def fails() -> None:
        otp.spawn(function)

    assert "whose body would never run: it has a `yield`" in text_of(fails)


@pytest.mark.parametrize(("value", "told"), [(yields, YIELD), (yields_later, ASYNC_YIELD)])
def test_a_generator_is_no_function(value: Any, told: str) -> None:
    async def spawns() -> None:
        otp.spawn(value())

    async def begins() -> None:
        Task.async_(value())

    assert told in text_of(spawns)
    assert told in text_of(begins)


def test_a_coroutine_and_a_generator_are_short_in_a_text() -> None:
    """Their code objects were written out, bytecode included."""
    coroutine = started_later()
    assert "<coroutine started_later>" == otp.bounded.text(coroutine)
    coroutine.close()
    assert "(<generator yields>,)" == otp.bounded.text((yields(),))
    assert "<async_generator yields_later>" == otp.bounded.text(yields_later())


async def started_later() -> None: ...
