"""A service whose event loop is held: its watchdog writes who holds it, and the platform reads that."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from attached_service import ATTACHED, NODE, attach, killed
from otp.distribution import Settings
from otp.doors import visit
from otp.doors.holds import Hold
from stopped_programs import continue_all, stop_all
from superlearner.nodes.attaching.held_loop import describe_hold
from superlearner.nodes.remote import NodeSilent

Run = Callable[..., Any]
PROGRAM = """
import asyncio, json, sys, time
import otp
from otp import GenServer, NoReply, Ok, impl
from otp.distribution import Settings
from otp.doors import visit

class Ledger(GenServer):
    @impl
    def init(self, arg):
        return Ok(arg)
    @impl
    def handle_cast(self, seconds, state):
        time.sleep(seconds)
        return NoReply(state)

async def main():
    visit.SETTINGS = Settings(heartbeat=1.0, dead=60.0)  # it waits for visitors that it does not hear
    async with otp.Node("shop@127.0.0.1") as node:
        ledger = await node.start(Ledger, None, name="ledger")
        async with otp.observe(node) as door:
            print(door.record.os_pid, flush=True)
            while line := await asyncio.to_thread(sys.stdin.readline):
                GenServer.cast(ledger, float(line))

asyncio.run(main())
"""
HELD = r"ledger has held the event loop since ([0-9:]{8}): holder\.py:14 in handle_cast"
ADVICE = r"; if it never returns, end its process with `kill -9 [0-9]+`"


@asynccontextmanager
async def holder(folder: Path) -> AsyncIterator[Any]:
    """A service whose server holds the event loop for as many seconds as its standard input says."""
    (folder / "holder.py").write_text(PROGRAM)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, folder / "holder.py", stdin=pipe, stdout=pipe)
    assert process.stdin is not None and process.stdout is not None
    try:
        os_pid = int(await process.stdout.readline())
        yield SimpleNamespace(process=process, os_pid=os_pid, stdin=process.stdin)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def until(platform: Any, wanted: Callable[[], bool]) -> None:
    """Wait for a change of the list of nodes after which it is as wanted."""
    reached = asyncio.Event()

    def look(_nodes: Any) -> None:
        if wanted():
            reached.set()

    platform.platform.nodes.listen(look)
    look(None)
    await reached.wait()


async def hold(platform: Any, shop: Any, seconds: float) -> str:
    """Let it hold its loop; return what the platform says of that."""
    nodes = platform.platform.nodes
    shop.stdin.write(f"{seconds}\n".encode())
    await until(platform, lambda: NODE in nodes.holds)
    return nodes.holds[NODE]


@pytest.mark.program
def test_while_a_service_holds_its_loop_everything_says_who_and_where(
    inside: Run, own_sockets: Path, tmp_path: Path
) -> None:
    """Regression: only its own log said it."""

    async def test(platform: Any) -> None:
        nodes, folder = platform.platform.nodes, own_sockets / "otp"
        async with holder(tmp_path) as shop:
            await attach(platform)
            assert not list(folder.glob("*.hold*"))
            said = await hold(platform, shop, 6.0)
            assert re.fullmatch(HELD + ADVICE, said)
            assert json.loads(platform.platform.node_list.snapshot())["held"] == {NODE: said}
            [line] = (await platform.get(ATTACHED))["data"]
            assert ("attached", said) == (line["state"], line["why"])
            found = (await platform.get("/api/v1/system/anomalies", params={"node": NODE}))["data"]
            assert (found["unreachable"], found["summary"]) == (f"{NODE} does not answer: {said}", None)
            everywhere = (await platform.get("/api/v1/cluster/anomalies"))["data"]["missing"]
            assert [{"node": NODE, "reason": said}] == everywhere
            with pytest.raises(NodeSilent, match=f"has not answered for 0.01 s: {said}"):
                await nodes.find(NODE).facts(0.01)
            await until(platform, lambda: NODE not in nodes.holds)
            assert not list(folder.glob("*.hold*"))
            [line] = (await platform.get(ATTACHED))["data"]
            assert ("attached", None) == (line["state"], line["why"])
            shop.stdin.close()
            await shop.process.wait()
            assert not list(folder.iterdir())

    inside(test)


@pytest.mark.program
@pytest.mark.usefixtures("own_sockets")
@pytest.mark.parametrize("is_silent", [True, False])
def test_a_service_that_is_killed_while_its_loop_is_held_leaves_who_held_it(
    inside: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_silent: bool
) -> None:
    """Regression: no surface said it afterwards, and its process was said to run."""
    monkeypatch.setattr(visit, "SETTINGS", Settings(heartbeat=1.0, dead=3.0 if is_silent else 60.0))

    async def test(platform: Any) -> None:
        stored, nodes = platform.platform.moments._rows, platform.platform.nodes

        async def rows(count: int) -> list[Any]:
            """Wait for this many rows of the service in the history."""
            while len(found := [row for row in stored.values() if row.node == NODE][1:]) < count:  # first: attached
                await platform.platform.moments.wait_for_news(next(reversed(stored), 0), 60.0)
            return found

        async with holder(tmp_path) as shop:
            await attach(platform)
            said = await hold(platform, shop, 600.0)
            if is_silent:
                await rows(1)
                [line] = (await platform.get(ATTACHED))["data"]
                assert ("looked_for", said) == (line["state"], line["why"])
                assert nodes.left[NODE] == said
                asked = (await platform.client.get("/api/v1/processes", params={"node": NODE})).json()["error"]
                since = said.partition(" since ")[2].partition(": ")[0]
                lost = f"{NODE} has not been reachable since {since}"
                assert asked["message"] == f"{lost}, and is being looked for: {said}"
            shop.process.kill()
            *silent, held, over = await rows(2 + is_silent)
            gone = killed(shop.os_pid)
            [line] = (await platform.get(ATTACHED))["data"]
            assert line["why"] == gone
            assert nodes.left[NODE] == gone and NODE not in nodes.holds
            [one] = platform.platform.attachments
            assert one._closed_words("no open service") == gone  # regression: later, only that
        held_then = said.partition("; ")[0]  # the advice is for now, and not for what is stored
        assert [one.line for one in silent] == [f"{NODE} is silent: {held_then}"] * is_silent
        who = r"ledger held the event loop for at least \d+ s, at holder\.py:14 in handle_cast, until its process ended"
        assert re.fullmatch(who, held.line) and over.line.startswith(f"{NODE} is gone: {gone}")
        assert held.until == over.at
        assert {one.at for one in silent} <= {held.at}
        async with holder(tmp_path):
            await rows(3 + is_silent)
            shown = (await platform.get("/api/v1/restarts", params={"node": NODE}))["data"]
            back = (await platform.get(f"/api/v1/restarts/{shown[0]['ref']}", params={"node": NODE}))["data"]
            away = int(back["summary"].removesuffix(" s").rpartition(" ")[2])
            assert away >= int(over.at - held.at)  # since it fell silent
            if is_silent:
                assert back["facts"]["away"].startswith(f"{away} s, since")
            [ref] = [one["ref"] for one in shown if one["line"] == over.line]
            facts = (await platform.get(f"/api/v1/restarts/{ref}", params={"node": NODE}))["data"]["facts"]
            assert facts["why"] == f"{over.line.partition(': ')[2]}; {held.line}"

    inside(test)


def test_what_a_service_says_of_its_loop_is_untrusted() -> None:
    said = describe_hold(Hold(7, 0.0, "\ud800\x1b[31m", "postgres://ada:hunter2@db", 1, "token=hunter2\u202e\n" * 9))
    assert said.isprintable() and "hunter2" not in said
    assert len(said) <= 300


@pytest.mark.program
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the system does not tell that a process is stopped")
@pytest.mark.usefixtures("own_sockets")
def test_a_service_that_a_signal_stopped_is_named_so_before_its_connection_is_lost(inside: Run, tmp_path: Path) -> None:
    """Regression: pages said that a callback probably holds it up, and questions to it waited for 14 s."""

    async def test(platform: Any) -> None:
        nodes = platform.platform.nodes
        async with holder(tmp_path) as shop:
            await attach(platform)
            stop_all([shop.os_pid])
            try:
                paths = "/api/v1/system/anomalies", "/api/v1/processes/ledger/errors/why", "/api/v1/processes"
                asking = [asyncio.ensure_future(platform.client.get(one, params={"node": NODE})) for one in paths]
                os_pid = shop.os_pid
                said = f"its process {os_pid} has been stopped by a signal; continue it with `kill -CONT {os_pid}`"
                await until(platform, lambda: NODE in nodes.holds)
                assert said == nodes.holds[NODE]
                [line] = (await platform.get(ATTACHED))["data"]
                assert ("attached", said) == (line["state"], line["why"])
                anomalies, *others = [one.json() for one in await asyncio.gather(*asking)]
                silent = f"{NODE} has not answered for 2 s: {said}"
                assert silent == anomalies["data"]["unreachable"]
                assert [("timeout", silent)] * 2 == [(one["error"]["code"], one["error"]["message"]) for one in others]
            finally:
                continue_all([shop.os_pid])
            await until(platform, lambda: NODE not in nodes.holds)
            assert (await platform.get("/api/v1/processes", params={"node": NODE}))["data"]

    inside(test)
