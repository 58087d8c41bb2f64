"""Child tasks act for their process only while it lives."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import otp
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


def test_a_process_that_has_ended_is_registered_nowhere(run: Any) -> None:
    async def main() -> None:
        await Registry.start_link(keys="unique", name="reg")
        pid = otp.spawn(lambda: None)
        await otp.wait_down(pid)
        with pytest.raises(otp.BadArgument, match="has ended, it cannot have the key 'key'"):
            Registry.via("reg", "key").register(pid)
        assert Registry.lookup("reg", "key") == []

    run(main)
