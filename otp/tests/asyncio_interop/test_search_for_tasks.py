"""In a loop that `otp` does not own, the end of a process searches for its tasks, if it can have any."""

from __future__ import annotations

import asyncio
import gc
from contextvars import ContextVar, copy_context
from typing import Any

import pytest

import otp
from loops import LOOPS, forever, turns
from otp import ChildSpec, GenServer, Ok, Reply, Supervisor, impl

run = LOOPS["asyncio.run"]
SETTING: ContextVar[str] = ContextVar("setting", default="none")


class Server(GenServer[Any]):
    """A server that calls each function it is sent, and keeps the result as its state."""

    @impl
    def init(self, arg: Any) -> Any:
        return Ok(None)

    @impl
    def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
        return Reply("ok", request())


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return how many tasks each search has found, in order."""
    looked_at: list[int] = []
    all_tasks = asyncio.all_tasks

    def search(loop: Any = None) -> Any:
        found = all_tasks(loop)
        looked_at.append(len(found))
        return found

    monkeypatch.setattr(asyncio, "all_tasks", search)
    return looked_at


def change_context() -> None:
    SETTING.set("changed")
    copy_context()


def test_the_end_of_a_server_without_tasks_searches_for_none(searches: list[int]) -> None:
    async def main() -> int:
        supervisor = await Supervisor.start_link_children([Server.child_spec(None, name="server", id="server")])
        for reason in ("kill", "shutdown", "boom"):
            pid: Any = otp.whereis("server")
            await GenServer.call(pid, change_context)
            otp.exit(pid, reason)
            await otp.wait_down(pid)
            await otp.node().wait_registered("server")
        await Supervisor.terminate_child(supervisor, "server")
        await Supervisor.stop(supervisor)
        await turns()
        return len(searches)

    assert run(main) == 0


def made_plainly(work: Any) -> Any:
    return asyncio.create_task(work())


def made_before_the_server_changes_its_context(work: Any) -> Any:
    task = asyncio.create_task(work())
    SETTING.set("changed")
    return task


def made_in_a_copy_of_the_context(work: Any) -> Any:
    return copy_context().run(asyncio.create_task, work())


def made_by_a_callback_of_the_loop(work: Any) -> Any:
    made: list[Any] = []
    asyncio.get_running_loop().call_soon(lambda: made.append(asyncio.create_task(work())))
    return made


@pytest.mark.parametrize(
    "make",
    [
        made_plainly,
        made_before_the_server_changes_its_context,
        made_in_a_copy_of_the_context,
        made_by_a_callback_of_the_loop,
    ],
)
def test_a_task_is_found_however_it_was_made(make: Any) -> None:
    log: list[str] = []

    async def main() -> list[str]:
        async def work() -> None:
            SETTING.set("of the task")
            try:
                await forever()
            finally:
                await turns(2)
                log.append("the task has ended")

        class Named(Server):
            @impl
            def init(self, arg: Any) -> Any:
                log.append("the server has begun")
                return Ok(None)

        supervisor = await Supervisor.start_link_children([ChildSpec("server", start=(Named.start_link, None))])
        [child] = await Supervisor.which_children(supervisor)
        await GenServer.call(child.pid, lambda: make(work))  # type: ignore[arg-type]
        await turns()
        otp.exit(child.pid, "boom")  # type: ignore[arg-type]
        await turns(20)
        await Supervisor.stop(supervisor)
        return log

    assert run(main) == ["the server has begun", "the task has ended", "the server has begun"]


def test_a_task_that_only_the_state_of_a_killed_server_refers_to_is_found() -> None:
    """Regression: it could be collected between the end of the server and the search; its `finally` did not run."""
    log: list[str] = []

    async def main() -> list[str]:
        async def work() -> None:
            try:
                await forever()
            except asyncio.CancelledError:
                log.append("cancelled")
                raise

        server = await Server.start()
        await GenServer.call(server, lambda: asyncio.create_task(work()))
        await turns()
        otp.exit(server, "kill")
        gc.collect()
        await turns()
        return log

    assert run(main) == ["cancelled"]


def test_the_search_for_late_handlers_of_a_listener_ends(searches: list[int]) -> None:
    async def handler(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def listens() -> None:
        server = await asyncio.start_server(handler, "127.0.0.1", 0)
        await forever()
        del server

    async def main() -> tuple[bool, bool]:
        pid = otp.spawn(listens)
        await turns()
        otp.exit(pid, "kill")
        await turns(20)
        searched = len(searches)
        await turns(20)
        return searched > 1, len(searches) == searched

    assert run(main) == (True, True)
