"""A click on *Kill* runs code in few files of the platform between the request and its answer."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from types import FrameType
from typing import Any

import httpx

from superlearner.control.terms import plain_pid

MOST_FILES = 35
OURS = "superlearner."
EVENT_STREAM = "otp.kernel.tables.tracing"
"""The module that calls the readers of events. They read every end of a process, whatever caused it."""


class ClickPath:
    """The modules whose functions run in the task of a request, generated methods of dataclasses included."""

    def __init__(self) -> None:
        self.modules: set[str] = set()
        self._in_request: ContextVar[bool] = ContextVar("in_request", default=False)

    @contextmanager
    def followed(self) -> Iterator[None]:
        """Follow each request that a web server of this loop begins in the block, and the tasks it starts.

        The garbage collector waits: it would call its reader in whatever task is running.
        """
        loop, before, collecting = asyncio.get_running_loop(), sys.getprofile(), gc.isenabled()
        gc.disable()
        loop.set_task_factory(self._begin)
        sys.setprofile(self._on_call)
        try:
            yield
        finally:
            sys.setprofile(before)
            loop.set_task_factory(None)
            if collecting:
                gc.enable()

    def _begin(self, loop: asyncio.AbstractEventLoop, coro: Any, context: Any = None, **options: Any) -> Any:
        if coro.__qualname__ == "RequestResponseCycle.run_asgi":
            context = copy_context()
            context.run(self._in_request.set, True)
        return asyncio.Task(coro, loop=loop, context=context, **options)

    def _on_call(self, frame: FrameType, event: str, _argument: object) -> None:
        if event != "call" or not self._in_request.get():
            return
        module: str = frame.f_globals.get("__name__", "")
        if module.startswith(OURS) and asyncio.current_task() is not None and not reads_events(frame):
            self.modules.add(module.removeprefix(OURS))


def reads_events(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_globals.get("__name__") == EVENT_STREAM:
            return True
        frame = frame.f_back
    return False


async def click(page: httpx.AsyncClient, pid: str) -> Any:
    """Send the request of the button *Kill*."""
    headers = {"accept": "application/json", "prefer": "errors=body", "x-door": "page"}
    given = {"reason": "kill", "force": False}
    answer = await page.request("DELETE", f"/api/v1/processes/{pid}", headers=headers, json=given)
    return answer.json()["data"]


def test_a_click_on_kill_passes_at_most_35_files_until_its_answer(inside: Callable[..., Any]) -> None:
    async def test(running: Any) -> None:
        path, viewer = ClickPath(), running.hub.attach()
        async with httpx.AsyncClient(base_url=running.platform.listener.url("")) as page:
            await click(page, "counter_2")  # the first click also reads the parameters of the route
            pid = plain_pid(running.node.whereis("counter_1"))
            with path.followed():
                killed = await click(page, pid)
        running.hub.detach(viewer)
        assert (pid, True) == (killed["pid"], killed["terminated"])
        begin, end = (
            {"web.guard", "web.rest"},
            {"operations.builtin.processes", "control.steer", "operations.engine.audit"},
        )
        assert begin | end <= path.modules
        assert len(path.modules) <= MOST_FILES, f"{len(path.modules)} files: {', '.join(sorted(path.modules))}"

    inside(test)
