"""A door tells its visitors why its service has ended, and waits until they have collected what happened last."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
from contextvars import Context
from pathlib import Path
from typing import Any

import pytest

import otp
import otp.doors
from otp.doors import Visitor
from visits import run, visitor_of


@pytest.mark.parametrize("way", ["sys.exit", "closed node", "closed door"])
def test_a_door_tells_its_visitors_why_its_node_has_ended(folder: Path, way: str) -> None:
    """Regression: after a `sys.exit` in a callback, a platform only knew that the door was closed."""

    async def quits() -> None:
        sys.exit(3)

    async def main() -> Any:
        visits = contextlib.AsyncExitStack()
        with contextlib.suppress(SystemExit):
            async with otp.Node("shop@127.0.0.1") as node, otp.observe(node, backend=None) as door:
                visitors.append(await visits.enter_async_context(visitor_of(door)))
                if way == "sys.exit":
                    node.spawn(quits)
                    await asyncio.Event().wait()
                elif way == "closed node":
                    await node.close()
        async with asyncio.timeout(10), visits:
            await visitors[0].gone()
        return visitors[0].last_word

    visitors: list[Visitor] = []
    word = run(main)
    if way == "sys.exit":
        assert re.fullmatch(r"process <0.\d+.0> called sys.exit\(3\) at test_last_words.py:\d+", word)
    else:
        assert word == (None if way == "closed door" else "its node has ended")


async def waits_forever() -> None:
    await asyncio.Event().wait()


async def fails_at_once() -> None:
    raise ValueError("no coins")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (fails_at_once, r"fails_at_once raised ValueError\('no coins'\) at test_last_words.py:\d+"),
        (waits_forever, "waits_forever was cancelled, for example by Ctrl-C"),
    ],
)
def test_a_door_reports_the_error_that_left_its_block(folder: Path, body: Any, words: str) -> None:
    """Regression: it reported only that the door was closed."""

    async def main() -> str:
        visits = contextlib.AsyncExitStack()
        async with asyncio.timeout(10), visits, otp.Node("shop@127.0.0.1") as node:
            door = otp.observe(node, backend=None)

            async def block() -> None:
                async with door:
                    visitors.append(await visits.enter_async_context(visitor_of(door)))
                    is_open.set()
                    await body()

            block.__qualname__ = body.__qualname__
            is_open = asyncio.Event()
            task = asyncio.ensure_future(block())
            await is_open.wait()
            if body is waits_forever:
                task.cancel()
            await asyncio.wait([task])
            assert (task.cancelled() or task.exception()) is not None
            await visitors[0].gone()
            return visitors[0].last_word or ""

    visitors: list[Visitor] = []
    assert re.fullmatch(words, run(main))


@pytest.mark.parametrize("way", ["root", "link", "signal"])
def test_a_door_reports_the_exit_signal_that_ended_its_process(folder: Path, way: str) -> None:
    """Regression: after the give-up of a root, it reported only that the door was closed."""

    class SmallShop(otp.Supervisor):
        @otp.impl
        def init(self, arg: Any) -> otp.Children:
            return otp.Children([otp.Task.child_spec(waits_forever, id="till", restart="permanent")], max_restarts=0)

    async def program(visits: contextlib.AsyncExitStack, is_in: asyncio.Event) -> None:
        async with otp.observe(otp.node(), backend=None) as door:
            visitors.append(await visits.enter_async_context(visitor_of(door)))
            is_in.set()
            if way == "root":
                root = await SmallShop.start_link(None, name="shop")
                [till] = await otp.Supervisor.which_children(root)
                otp.exit(till.pid, "kill")
            elif way == "link":
                otp.exit(otp.spawn_link(waits_forever), "kill")
            else:
                otp.spawn(otp.exit, otp.self(), "no_more")
            await waits_forever()

    async def main() -> str:
        async with asyncio.timeout(10), contextlib.AsyncExitStack() as visits, otp.Node("shop@127.0.0.1") as node:
            is_in = asyncio.Event()
            node.spawn(program, visits, is_in)
            await is_in.wait()
            await visitors[0].gone()
            return visitors[0].last_word or ""

    visitors: list[Visitor] = []
    word = run(main)
    assert {
        "root": "PROGRAM was linked to shop and ended with it: shop gave up, because till was killed",
        "link": "PROGRAM was linked to waits_forever and ended with it: killed",
        "signal": "an exit signal ended PROGRAM: no_more",
    }[way] == re.sub(r"\S+program", "PROGRAM", word)


def test_a_door_that_closes_waits_until_its_visitors_have_collected(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: a platform could not fetch what happened last, such as the give-up that ended the program."""

    async def main() -> None:
        async with asyncio.timeout(10), otp.Node("shop@127.0.0.1") as node, contextlib.AsyncExitStack() as visits:
            door = await otp.observe(node, backend=None).open()
            visitor = await visits.enter_async_context(visitor_of(door))
            is_asked, may_go = asyncio.Event(), asyncio.Event()

            async def collect() -> None:
                is_asked.set()
                await may_go.wait()
                assert "shop@127.0.0.1" == (await visitor.view.info()).name  # still answered

            visitor.collect = collect
            closing = asyncio.ensure_future(door.close())
            await is_asked.wait()
            assert not closing.done()
            may_go.set()
            await closing
            await visitor.gone()
            assert visitor.last_word is None

            # A visitor that does not come back delays the end for a moment only
            monkeypatch.setattr("otp.doors.visit.COLLECT_S", 0.01)
            door = await otp.observe(node, backend=None).open()
            other = await visits.enter_async_context(visitor_of(door))
            other.collect = asyncio.Event().wait
            await door.close()

    run(main)


def test_the_end_of_a_node_waits_for_what_the_visitors_of_its_doors_collect(folder: Path) -> None:
    async def main() -> None:
        async with asyncio.timeout(10), contextlib.AsyncExitStack() as visits:
            async with otp.Node("shop@127.0.0.1") as node:
                door = await otp.observe(node, backend=None).open()
                visitor = await visits.enter_async_context(visitor_of(door))

                async def collect() -> None:
                    await asyncio.sleep(0)
                    collected.append(visitor.last_word)

                visitor.collect = collect
            assert ["its node has ended"] == collected

    collected: list[str | None] = []
    run(main)


@pytest.mark.parametrize(
    ("way", "word"),
    [
        ("signal", "its program received SIGTERM"),
        ("return", "program returned"),
        ("error", "program raised ValueError('no coins')"),
        ("exit", "till called sys.exit(3) at test_last_words.py"),
        ("exit of a task", "quits called sys.exit(3) at test_last_words.py"),
        ("stop", "stops called loop.stop() at test_last_words.py"),
        ("stop by a handler", "its program called loop.stop()"),
    ],
)
def test_a_door_reports_the_reason_why_otp_run_ended(folder: Path, way: str, word: str) -> None:
    """Regression: it reported only that its node had ended; after `sys.exit`, the process was restarted first.

    After `sys.exit` in a task of asyncio, or `loop.stop()`, it reported nothing.
    """

    class QuittingTill(otp.GenServer[None]):
        @otp.impl
        def init(self, arg: Any) -> otp.Ok[None]:
            started.append(self.pid)
            return otp.Ok(None)

        @otp.impl
        def handle_cast(self, request: Any, state: None) -> otp.NoReply[None]:
            sys.exit(3)

    class TillShop(otp.Supervisor):
        @otp.impl
        def init(self, arg: Any) -> otp.Children:
            return otp.Children([QuittingTill.child_spec(None, id="till", name="till")])

    async def visit(door: otp.doors.Door, is_in: asyncio.Event) -> None:
        async with visitor_of(door) as visitor:

            async def collect() -> None:
                words.append(visitor.last_word)

            visitor.collect = collect
            is_in.set()
            await visitor.gone()

    async def program() -> None:
        await TillShop.start_link(None)
        door, is_in = await otp.observe(otp.node(), backend=None).open(), asyncio.Event()
        visiting.append(asyncio.create_task(visit(door, is_in), context=Context()))
        await is_in.wait()
        if way == "signal":
            os.kill(os.getpid(), signal.SIGTERM)
        elif way == "exit":
            otp.GenServer.cast("till", "quit")
        elif way == "error":
            raise ValueError("no coins")
        elif way == "exit of a task":
            quitting = asyncio.create_task(quits(), context=Context())
            quitting.add_done_callback(asyncio.Task.exception)
        elif way == "stop":
            asyncio.get_running_loop().call_soon(stops)
        elif way == "stop by a handler":
            loop = asyncio.get_running_loop()
            loop.call_soon(loop.stop)
        if way != "return":
            await waits_forever()

    async def quits() -> None:
        sys.exit(3)

    def stops() -> None:
        asyncio.get_running_loop().stop()

    program.__qualname__ = "program"
    words: list[str | None] = []
    started: list[otp.Pid] = []
    visiting: list[asyncio.Task[None]] = []
    with contextlib.suppress(ValueError, SystemExit, RuntimeError):
        otp.run(program)
    assert [word] == [re.sub(r"py:\d+$", "py", one or "") for one in words]
    assert 1 == len(started)


@pytest.mark.parametrize("again", ["exit", "stop"])
def test_a_node_closes_although_the_loop_is_stopped_meanwhile(again: str) -> None:
    """Regression: processes were abandoned, and the second status was that of the program."""

    async def closes() -> None:
        otp.process_flag("trap_exit", True)
        await otp.receive()
        loop = asyncio.get_running_loop()
        loop.call_soon(*((sys.exit, 9) if again == "exit" else (loop.stop,)))
        loop.call_soon((later := asyncio.Event()).set)
        await later.wait()
        closed.append(True)

    async def program() -> None:
        otp.spawn_link(closes)
        asyncio.get_running_loop().call_soon(sys.exit, 3)
        await waits_forever()

    closed: list[bool] = []
    with pytest.raises(SystemExit) as ended:
        otp.run(program)
    assert ([True], 3) == (closed, ended.value.code)
