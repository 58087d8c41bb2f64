"""Start functions of children: their forms, arguments, results and failures.

Sleeps take virtual time.
"""

from __future__ import annotations

import asyncio
import functools
from typing import Any

import pytest

import otp
from otp import (
    ChildSpec,
    Crash,
    Error,
    Exit,
    GenServer,
    Ok,
    Reply,
    Shared,
    StartError,
    Supervisor,
    Throw,
    impl,
    process_flag,
)
from recording_workers import Worker, count, which


@pytest.mark.parametrize(
    ("fails", "reason"),
    [
        (StartError("no"), "no"),
        (Exit("no"), ("EXIT", "no")),
        (Error("no"), ("EXIT", Crash("no"))),
        (Throw("no"), "no"),
        ("garbage", "garbage"),
        (None, None),
        (("ok", "not a pid"), ("ok", "not a pid")),
    ],
)
def test_what_a_start_function_returns_or_raises(run: Any, fails: Any, reason: Any) -> None:
    def start() -> Any:
        if isinstance(fails, Exception):
            raise fails
        return fails

    async def start_async() -> Any:
        await asyncio.sleep(0)
        return start()

    async def main() -> None:
        process_flag("trap_exit", True)
        for function in (start, start_async):
            with pytest.raises(StartError) as failure:
                await Supervisor.start_link_children([ChildSpec("a", (function,))])
            assert failure.value.reason == ("shutdown", ("failed_to_start_child", "a", reason))

    run(main)


def test_a_start_function_that_raises_a_foreign_error_fails_with_its_description(run: Any) -> None:
    def start() -> Any:
        raise ValueError("no room")

    async def main() -> Any:
        process_flag("trap_exit", True)
        with pytest.raises(StartError) as failure:
            await Supervisor.start_link_children([ChildSpec("a", (start,))])
        tag, crash = failure.value.reason[1][2]
        return tag, crash.term.type_name, crash.term.text

    assert run(main) == ("EXIT", "ValueError", "no room")


def test_sync_and_async_functions_partials_and_extra_information_start_children(run: Any) -> None:
    async def loop() -> None:
        await otp.receive()

    async def with_extra(arg: Any, *, name: Any) -> Any:
        return (await Worker.start_link((arg, []), name=name), "extra")

    async def main() -> None:
        tree = await Supervisor.start_link_children(
            [
                ChildSpec("plain", (otp.spawn_link, loop)),
                ChildSpec("partial", functools.partial(with_extra, "x", name="named")),
                ChildSpec("inner partial", (functools.partial(with_extra, name="other"), "y")),
            ]
        )
        assert (await count(tree)).active == 3
        assert (await which(tree))[1].pid is otp.whereis("named")
        pid, extra = await Supervisor.start_child(
            tree, ChildSpec("more", functools.partial(with_extra, "z", name="third"))
        )
        assert (pid, extra) == (otp.whereis("third"), "extra")

    run(main)


def test_the_start_of_a_server_has_its_argument_no_argument_or_is_a_failed_start(run: Any) -> None:
    class Keeps(GenServer[Any]):
        @impl
        def init(self, arg: Any) -> Any:
            return Ok(arg)

    async def main() -> Any:
        tree = await Supervisor.start_link_children(
            [ChildSpec("none", (Keeps.start_link,)), ChildSpec("one", (Keeps.start_link, 1))]
        )
        with pytest.raises(StartError, match="takes from 1 to 2 positional arguments but 3 were given"):
            await Supervisor.start_child(tree, ChildSpec("two", (Keeps.start_link, 1, 2)))
        return [(child.id, await otp.sys.get_state(child.pid)) for child in await which(tree)]

    assert run(main) == [("one", 1), ("none", None)]


def test_the_start_of_a_server_may_have_a_time_limit(run: Any) -> None:
    class Late(GenServer[Any]):
        @impl
        async def init(self, arg: Any) -> Any:
            await asyncio.sleep(arg)
            return Ok(arg)

    async def main() -> Any:
        tree = await Supervisor.start_link_children([])
        with pytest.raises(StartError) as failure:
            await Supervisor.start_child(tree, ChildSpec("a", functools.partial(Late.start_link, 1, timeout=0.5)))
        return failure.value.reason[0], otp.monotonic()

    assert run(main) == ("timeout", 0.5)


def test_start_functions_may_use_asyncio(run: Any) -> None:
    async def start() -> Any:
        async with asyncio.timeout(5):
            await asyncio.sleep(1)
        return await Worker.start_link(("a", []))

    async def main() -> float:
        await Supervisor.start_link_children([ChildSpec("a", (start,)), ChildSpec("b", (start,))])
        return otp.monotonic()

    assert run(main) == 2.0


def test_mutable_arguments_are_fresh_at_each_start_and_shared_ones_the_same(run: Any) -> None:
    class Basket(GenServer[Any]):
        @impl
        def init(self, arg: Any) -> Any:
            own, common = arg
            own.append("x")
            common.append("x")
            return Ok(arg)

        @impl
        def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
            return Reply((len(state[0]), len(state[1])), state)

    async def main() -> list[Any]:
        seen: list[Any] = []
        own: list[str] = []
        common: list[str] = []
        tree = await Supervisor.start_link_children([Basket.child_spec((own, Shared(common)), name="basket")])
        for _ in range(2):
            seen.append(await GenServer.call("basket", "sizes"))
            otp.exit(otp.whereis("basket"), "kill")
            await which(tree)
        assert own == []
        return [*seen, len(common)]

    assert run(main) == [(1, 1), (1, 2), 3]


def test_a_cancellation_inside_a_start_function_is_its_failure_not_the_supervisors(run: Any) -> None:
    async def start() -> Any:
        future = asyncio.get_running_loop().create_future()
        future.cancel()
        await future

    async def main() -> None:
        tree = await Supervisor.start_link_children([])
        with pytest.raises(StartError) as failure:
            await Supervisor.start_child(tree, ChildSpec("a", (start,)))
        (tag, crash), spec = failure.value.reason
        assert (tag, crash.term.type_name, spec.id) == ("EXIT", "CancelledError", "a")
        assert otp.is_alive(tree)

    run(main)
