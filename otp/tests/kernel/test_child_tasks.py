"""Child tasks act for their process only while it lives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from typing import Any

import pytest

import otp
from loops import LOOPS, forever, turns
from otp import Registry
from otp.testing import advance, wait_all_idle


def test_the_child_task_of_a_process_that_has_ended_acts_for_nobody(run: Any) -> None:
    async def main() -> Any:
        await Registry.start_link(keys="unique", name="reg")
        go = asyncio.Event()
        said: list[str] = []

        async def orphan() -> None:
            await go.wait()
            for act in (
                otp.self,
                lambda: Registry.register("reg", "key"),
                lambda: otp.monitor("reg"),
                lambda: otp.spawn_link(otp.receive),
            ):
                with pytest.raises(otp.NotAProcess, match=r"the process <0\.\d+\.0>, .* has ended"):
                    act()
                said.append("refused")

        tasks: list[asyncio.Task[None]] = []

        async def leaves() -> None:
            tasks.append(asyncio.get_running_loop().create_task(orphan()))

        await otp.wait_down(otp.spawn(leaves))
        go.set()
        await asyncio.wait(tasks)
        tasks[0].result()
        return said, Registry.count("reg")

    assert run(main) == (["refused"] * 4, 0)


def test_a_child_task_that_is_known_ends_with_its_process(run: Any) -> None:
    async def main() -> Any:
        tasks: list[asyncio.Task[Any]] = []

        async def child() -> None:
            otp.self()
            await asyncio.get_running_loop().create_future()

        async def leaves() -> None:
            tasks.append(asyncio.get_running_loop().create_task(child()))
            await otp.receive()

        pid = otp.spawn(leaves)
        await wait_all_idle()
        lives = not tasks[0].done()
        otp.send(pid, "end")
        await asyncio.wait(tasks)
        return lives, tasks[0].cancelled(), otp.is_alive(pid)

    assert run(main) == (True, True, False)


@pytest.mark.parametrize(("how", "cleaned"), [("link", [1.0]), ("exit", [1.0]), ("kill", [])])
def test_the_task_of_a_server_at_rest_has_time_for_its_cleanup_unless_it_is_killed(
    run: Any, how: str, cleaned: list[float]
) -> None:
    done: list[float] = []

    class Server(otp.GenServer[Any]):
        @otp.impl
        def init(self, arg: otp.Pid) -> Any:
            otp.link(arg)
            return otp.Ok(asyncio.get_running_loop().create_task(self.works()))

        async def works(self) -> None:
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                await asyncio.sleep(1)
                done.append(otp.monotonic())

    async def main() -> None:
        otp.trace.subscribe(otp.node(), lambda event: None)
        linked = otp.spawn(otp.receive)
        server = await Server.start(linked)
        await wait_all_idle()
        otp.exit(linked if how == "link" else server, "kill" if how == "kill" else "boom")
        assert await otp.wait_down(server) == "noproc"
        await advance(2)

    run(main)
    assert done == cleaned


def test_a_kill_cuts_short_the_cleanup_of_a_task_that_was_cancelled_before(run: Any) -> None:
    """It is cancelled again in the step of the kill, and takes that: nothing is abandoned."""
    seen: list[str] = []

    async def main() -> Any:
        async def child() -> None:
            try:
                await forever()
            finally:
                seen.append("cleans up")
                await asyncio.sleep(1)
                seen.append("cleaned up")

        async def victim() -> None:
            task = asyncio.create_task(child())
            await turns(1)
            task.cancel()
            await otp.receive()

        pid = otp.spawn(victim)
        await turns()
        otp.exit(pid, "kill")
        await turns()
        return {event.kind for event in otp.trace.history(otp.node())}

    assert "abandoned_cleanup" not in run(main)
    assert seen == ["cleans up"]


def test_a_task_that_takes_no_end_at_all_is_named_in_the_log(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        end = asyncio.Event()

        async def immortal() -> None:
            while not end.is_set():
                try:
                    await end.wait()
                except BaseException:  # hostile on purpose
                    pass

        async def victim() -> None:
            task = asyncio.create_task(immortal(), name="immortal")
            await otp.receive()
            del task

        pid = otp.spawn(victim)
        await turns()
        otp.exit(pid, "kill")
        await turns(40)
        end.set()

    run(main)
    assert "task immortal cannot be ended: it ignores GeneratorExit" in caplog.messages


def test_a_task_that_never_waits_for_anything_is_abandoned_and_named(
    run: Any, caplog: pytest.LogCaptureFixture
) -> None:
    class Turn:
        def __await__(self) -> Generator[None, None, None]:
            yield

    async def main() -> Any:
        async def spins() -> None:
            while True:
                try:
                    await Turn()
                except asyncio.CancelledError:  # hostile on purpose
                    pass

        async def victim() -> None:
            tasks.append(asyncio.create_task(spins()))
            await otp.receive()

        tasks: list[asyncio.Task[None]] = []
        pid = otp.spawn(victim)
        await turns()
        otp.exit(pid, "kill")
        await turns(40)
        kinds = [event.kind for event in otp.trace.history(otp.trace.node_of(pid))]
        return tasks[0].done(), kinds.count("abandoned_cleanup")

    assert run(main) == (True, 1)
    assert "ended while one of its tasks tried to wait: abandoned at" in caplog.text


def test_a_task_that_is_made_after_the_process_has_returned_is_left_to_the_loop(run: Any) -> None:
    """Also where the process has had child tasks, all of which have ended."""

    async def main() -> Any:
        tasks: list[asyncio.Task[None]] = []
        loop = asyncio.get_running_loop()

        async def returns() -> None:
            await asyncio.create_task(turns(1))
            loop.call_soon(lambda: tasks.append(loop.create_task(asyncio.sleep(60))))

        await otp.wait_down(otp.spawn(returns))
        await advance(59)
        lives = not tasks[0].done()
        await advance(1)
        return lives, tasks[0].cancelled()

    assert run(main) == (True, False)


class Shared(otp.GenServer[None]):
    """A server whose callbacks run in the context of the code that wakes them."""

    context = "shared"

    @otp.impl
    def init(self, arg: None) -> otp.Ok[None]:
        return otp.Ok(arg)


def test_a_server_with_a_shared_context_ends_in_a_loop_of_asyncio(errors: Callable[[], list[str]]) -> None:
    async def main() -> Any:
        server = await Shared.start_link(None)
        otp.process_flag("trap_exit", True)
        otp.exit(server, "boom")
        return (await otp.receive()).reason, otp.process_info(otp.self(), "links")

    assert LOOPS["asyncio.run"](main) == ("boom", ())
    assert errors() == []


def test_a_process_that_has_ended_is_registered_nowhere(run: Any) -> None:
    async def main() -> None:
        await Registry.start_link(keys="unique", name="reg")
        pid = otp.spawn(lambda: None)
        await otp.wait_down(pid)
        with pytest.raises(otp.BadArgument, match="has ended, it cannot have the key 'key'"):
            Registry.via("reg", "key").register(pid)
        assert Registry.lookup("reg", "key") == []

    run(main)
