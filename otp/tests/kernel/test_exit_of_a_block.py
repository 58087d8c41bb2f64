"""`sys.exit` in a process of `async with otp.Node` ends the block and the program, as in a `TaskGroup`."""

from __future__ import annotations

import asyncio
import logging
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import otp
from otp import Children, GenServer, NoReply, Ok, Supervisor, impl


class Gps(GenServer[Any]):
    @impl
    def init(self, error: Any) -> Any:
        return Ok(error)

    @impl
    def handle_cast(self, request: Any, error: Any) -> Any:
        if request == "quit":
            raise error
        return NoReply(error)


class Depot(Supervisor):
    @impl
    def init(self, arg: Any) -> Any:
        return Children([Gps.child_spec(arg, name="gps")])


class Yard(otp.DynamicSupervisor):
    pass


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), SystemExit(0)])
def test_it_cancels_the_block_and_is_raised_at_its_end(error: BaseException, caplog: Any) -> None:
    """Regression: the node closed, and the block waited for ever: a program without its processes."""
    seen: list[Any] = []
    caplog.set_level(logging.INFO, "otp")

    async def main() -> None:
        node = otp.Node("n")
        try:
            async with node:
                await node.start(Depot, error)
                try:
                    GenServer.cast("gps", "quit")
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    seen.append("cancelled")
                    raise
        finally:
            task = asyncio.current_task()
            seen.extend([node.life, node.restart_count, task is not None and task.cancelling()])

    with pytest.raises(type(error)) as ended:
        asyncio.run(main())
    assert ended.value is error
    assert seen == ["cancelled", "closed", 0, 0]
    did = f"called sys.exit({error.code})" if isinstance(error, SystemExit) else "raised KeyboardInterrupt"
    [line] = [record.getMessage() for record in caplog.records]  # no restart is told
    assert re.fullmatch(re.escape(f"node n shuts down: gps {did} at {Path(__file__).name}:") + r"\d+", line)


def test_no_child_of_a_dynamic_supervisor_is_restarted_either(caplog: Any) -> None:
    caplog.set_level(logging.INFO, "otp")

    async def main() -> None:
        async with otp.Node("n") as node:
            yard = await node.start(Yard)
            await Yard.start_child(yard, Gps.child_spec(SystemExit(3), name="gps"))
            GenServer.cast("gps", "quit")
            await asyncio.Event().wait()

    with pytest.raises(SystemExit):
        asyncio.run(main())
    assert len(caplog.records) == 1


def test_whoever_waits_for_the_tree_acts_before_the_block_is_cancelled() -> None:
    """Regression: a lifespan that ends uvicorn when its tree is down cancelled that; uvicorn ran on with no tree."""
    seen: list[str] = []

    async def main() -> None:
        async def end_with(tree: Any) -> None:
            seen.append(await otp.wait_down(tree))

        async with otp.Node("n") as node:
            ending = asyncio.create_task(end_with(await node.start(Depot, SystemExit(3))))
            GenServer.cast("gps", "quit")
            try:
                await asyncio.Event().wait()
            finally:
                ending.cancel()

    with pytest.raises(SystemExit):
        asyncio.run(main())
    assert seen == ["shutdown"]


def test_a_block_that_ends_by_itself_raises_it_too() -> None:
    async def main() -> Any:
        async with otp.Node("n") as node:
            gone = node.spawn(otp.receive)
            await node.start(Depot, SystemExit(3))
            GenServer.cast("gps", "quit")
            try:
                await otp.wait_down(gone)
            except asyncio.CancelledError:
                pass

    with pytest.raises(SystemExit):
        asyncio.run(main())


def test_a_block_that_waits_for_nothing_before_its_end_raises_it_at_once() -> None:

    async def main() -> Any:
        async with otp.Node("n") as node:
            node.request_shutdown(SystemExit(3))

    with pytest.raises(SystemExit):
        asyncio.run(main())


def test_the_cancellation_of_the_block_by_others_is_kept() -> None:
    async def main() -> Any:
        async def block() -> None:
            async with otp.Node("n") as node:
                node.request_shutdown(SystemExit(3))
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
                await asyncio.Event().wait()

        try:
            await block()
        except SystemExit:
            task = asyncio.current_task()
            return task is not None and task.cancelling()

    assert asyncio.run(main()) == 1


def test_a_block_in_a_process_of_another_node_ends_its_program() -> None:
    async def main() -> None:
        async with otp.Node("inner") as node:
            await node.start(Depot, SystemExit(3))
            gps = node.whereis("gps")
            assert gps is not None
            GenServer.cast(gps, "quit")
            await otp.receive()

    with pytest.raises(SystemExit) as ended:
        otp.run(main)
    assert ended.value.code == 3


def test_the_outer_of_two_blocks_ends_the_inner_one() -> None:
    seen: list[str] = []

    async def main() -> None:
        async with otp.Node("outer") as outer:
            try:
                async with otp.Node("inner"):
                    outer.request_shutdown(SystemExit(3))
                    await asyncio.Event().wait()
            except asyncio.CancelledError:
                seen.append("inner")
                raise

    with pytest.raises(SystemExit):
        asyncio.run(main())
    assert seen == ["inner"]


def test_the_block_of_a_door_that_has_made_its_node_ends_too() -> None:
    pytest.importorskip("msgspec")

    async def main() -> None:
        async with otp.observe(backend=None):
            await otp.node().start(Depot, SystemExit(3))
            GenServer.cast("gps", "quit")
            await asyncio.Event().wait()

    with pytest.raises(SystemExit):
        asyncio.run(main())


def test_the_block_of_such_a_door_that_waits_for_nothing_raises_it_too() -> None:
    """Regression: it raised the cancellation of the block."""
    pytest.importorskip("msgspec")

    async def main() -> None:
        async with otp.observe(backend=None):
            otp.node().request_shutdown(SystemExit(3))

    with pytest.raises(SystemExit):
        asyncio.run(main())


@pytest.mark.parametrize("way", ["hidden", "on_shutdown", "no block"])
def test_a_node_without_such_a_block_closes_only(way: str) -> None:
    async def main() -> Any:
        node = otp.Node("n", hidden=way == "hidden")
        if way == "on_shutdown":
            node.on_shutdown = lambda _error: node.begin_close() and None
        if way == "no block":
            await asyncio.create_task(node.__aenter__())  # as in a cell of a notebook
            node.request_shutdown(SystemExit(3))
            await node.close()
        else:
            async with node:
                bystander = node.spawn(otp.receive)
                node.request_shutdown(SystemExit(3))
                assert "shutdown" == await otp.wait_down(bystander)
        return node.life

    assert asyncio.run(main()) == "closed"


PROGRAM = """import asyncio, sys
import otp
from otp import GenServer, Ok, impl

class Gps(GenServer):
    @impl
    def init(self, arg): return Ok(arg)
    @impl
    def handle_cast(self, request, state):
        sys.exit(3)

async def service():
    async with otp.Node("shop@127.0.0.1") as node, otp.observe(node):
        await node.start(otp.DynamicSupervisor, name="shop")
        await otp.DynamicSupervisor.start_child("shop", Gps.child_spec(name="gps"))
        GenServer.cast("gps", "quit")
        await asyncio.Event().wait()

"""


@pytest.mark.program
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_program_of_its_own_loop_ends_with_that_status(loop: str, tmp_path: Path) -> None:
    """Regression: it ran on without its processes."""
    pytest.importorskip(loop)
    file = tmp_path / "parcels.py"
    file.write_text(f"{PROGRAM}import {loop}\n{loop}.run(service())\n")
    done = subprocess.run([sys.executable, file], capture_output=True, text=True, check=False, timeout=60)
    assert (3, "") == (done.returncode, done.stdout)
    assert "node shop@127.0.0.1 shuts down: gps called sys.exit(3) at parcels.py:10" in done.stderr
    assert "Traceback" not in done.stderr
