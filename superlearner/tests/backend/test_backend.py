"""The backend of a node: streams, names, settings, simulations, its end."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

import otp
from local_link import LocalLink, remote
from superlearner.backend import start
from superlearner.backend.headless import Headless
from superlearner.backend.history_buffer import HistoryBuffer
from superlearner.backend.observing import Observing
from superlearner.demo import DemoOneForOne
from superlearner.nodes.remote import NodeGone, RemoteNode
from superlearner.nodes.remote.protocol import PROTOCOL, Close, Done, Execute, Failed, Hello, More, Next, Sync, Tape
from superlearner.observing.watchdog import WATCHDOG
from superlearner.operations.builtin import events
from superlearner.operations.rights.users import OWNER as ADMIN
from superlearner.web.live import source_of

Inside = Callable[..., Any]
TILL = "till@127.0.0.1"
OWNER = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}
SECONDS = 5.0


async def tree(node: otp.Node) -> None:
    """Start the demo's tree on a node."""
    await node.start(DemoOneForOne, None, name="demo_one_for_one")


async def collected(running: Any, **query: Any) -> Any:
    answer = await running.client.get(
        "/api/v1/events", params={"node": TILL, **query}, headers={"accept": "application/json"}
    )
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


async def until(viewer: Any, wanted: Callable[[Any], bool]) -> Any:
    """Return the next frame that matches; None at the end."""
    async with asyncio.timeout(SECONDS):
        while True:
            frame = await viewer.next()
            if frame is None or wanted(json.loads(frame)):
                return None if frame is None else json.loads(frame)


def test_events_of_the_node_come_in_order_and_resume_after_an_id(inside: Inside) -> None:
    async def test(running: Any) -> None:
        async with otp.Node(TILL) as node, remote(running.platform, node):
            await tree(node)
            await running.client.delete("/api/v1/processes/counter_1", params={"node": TILL})
            await node.wait_registered("counter_1")
            found = await collected(running, types="exited,child_restarted", last=100, limit=2)
            assert [(one["type"], one["name"], one["node"]) for one in found["items"]] == [
                ("exited", "counter_1", TILL),
                ("child_restarted", "counter_1", TILL),
            ]
            behind = await collected(running, last_id=found["items"][0]["id"], types="child_restarted", limit=1)
            assert behind["items"] == found["items"][1:]

    inside(test)


def test_an_anomaly_of_the_node_is_an_event_with_the_words_of_the_list(inside: Inside) -> None:
    """Regression: only anomalies of the platform's own node were events."""

    async def test(running: Any) -> None:
        async with otp.Node(TILL) as node, remote(running.platform, node):
            await tree(node)
            counter = node.whereis("counter_1")
            await otp.sys.suspend(counter)
            for number in range(20):
                otp.send(counter, number)
            asked = {"types": "anomaly_raised,anomaly_ended", "pid": "counter_1", "limit": 1, "timeout_ms": 30_000}
            found = await collected(running, last=1, **asked)
            [raised] = found["items"]
            listed = await running.get("/api/v1/system/anomalies", params={"node": TILL})
            [anomaly] = listed["data"]["anomalies"]
            kind, severity = anomaly["type"].replace("_", " "), anomaly["severity"]
            assert raised["text"] == f"{kind} ({severity}): {anomaly['description']}"
            assert (raised["type"], raised["node"], raised["name"]) == ("anomaly_raised", TILL, "counter_1")
            await otp.sys.resume(counter)
            [ended] = (await collected(running, last_id=found["last_id"], **asked))["items"]
            assert ended["type"] == "anomaly_ended"
            assert ended["data"]["anomaly"] == raised["data"]["anomaly"]
            assert ended["text"].startswith(f"{kind} ({severity}) is over: ")

    inside(test, scan_interval=0.05, anomaly_mailbox=5)


def test_an_id_of_an_earlier_attachment_gets_a_gap_that_says_so(inside: Inside) -> None:
    """Regression: it said that the platform had been restarted."""

    async def test(running: Any) -> None:
        async with otp.Node(TILL) as node, remote(running.platform, node):
            [gap] = (await collected(running, last_id="e-1", types="crashed", limit=1))["items"]
            assert gap["data"] == {"lost": None, "reason": "attached"}
            assert gap["text"] == "some events are missing here: the node has been attached again since"

    inside(test)


def test_actions_of_the_platform_are_in_the_log_of_the_service(
    inside: Inside, caplog: pytest.LogCaptureFixture
) -> None:
    async def test(running: Any) -> None:
        async with otp.Node(TILL) as node, remote(running.platform, node):
            await tree(node)
            with caplog.at_level(logging.INFO):
                await running.client.get("/api/v1/processes/counter_1/info", params={"node": TILL})
                await running.client.delete("/api/v1/processes/counter_1", params={"node": TILL})
                await node.wait_registered("counter_1")
            told = [one.getMessage() for one in caplog.records if one.name.startswith(("superlearner.backend", "otp"))]
            assert len(told) == 2, told
            done, decided = sorted(told, key=lambda one: ") restarted " in one)
            assert done.startswith("process.kill of anonymous, through the door: ")
            assert "counter_1" in done
            assert " restarted counter_1 <" in decided
            assert " was killed; " in decided

    inside(test)


def test_a_page_shows_events_of_the_node(inside: Inside) -> None:
    async def test(running: Any) -> None:
        async with otp.Node(TILL) as node, remote(running.platform, node) as found:
            await tree(node)
            source = await source_of(running.platform, "supervisors", found, {}, ADMIN)
            first, second = source.attach(), source.attach()
            shown = json.loads(await first.next())
            assert (shown["k"], shown["epoch"], shown["node"]) == ("s", running.platform.epoch, TILL)
            assert {row["key"] for row in shown["nodes"]} >= {"demo_one_for_one", "demo_one_for_one/counter_1"}
            assert json.loads(await second.next())["k"] == "s"
            assert source is await source_of(running.platform, "supervisors", found, {}, ADMIN)
            before = str(node.whereis("counter_1")).strip("<>")
            await running.client.delete("/api/v1/processes/counter_1", params={"node": TILL})
            await until(first, lambda told: before in str(told) and "restarted" in str(told))
            first.want_snapshot()
            await until(first, lambda told: told["k"] == "s")
            source.detach(first)
            source.detach(second)
            assert len(running.platform.relays) == 0

    inside(test)


def test_the_list_of_processes_is_read_in_parts(inside: Inside) -> None:
    async def test(running: Any) -> None:
        async with otp.Node(TILL) as node, remote(running.platform, node) as found:
            await tree(node)
            source = await source_of(running.platform, "processes", found, {"count": "1"}, ADMIN)
            viewer = source.attach()
            assert len(json.loads(await viewer.next())["rows"]) == 1
            viewer.look({"count": "3"})
            told = await until(viewer, lambda told: told["k"] == "s")
            assert len(told["rows"]) == 3
            source.detach(viewer)

    inside(test)


def test_nothing_stays_in_a_service_after_a_lost_connection() -> None:
    """Regression: each attachment left a thread and eight readers of events, so one hold was counted several times."""

    def witnesses() -> set[threading.Thread]:
        return {one for one in threading.enumerate() if one.name == "superlearner-witness"}

    async def main() -> None:
        async with otp.Node(TILL) as node:
            await tree(node)
            before, readers = witnesses(), node.tracer.subscriptions
            async with otp.Node("door", hidden=True) as hidden:
                observing = Observing(hidden, node)
                await observing.answer(Hello(PROTOCOL, "epoch", "1", {}))
                await observing.answer(Tape(["exited"], 100, 100))
                left = witnesses() - before
                assert len(left) == 1
                assert len(node.tracer.subscriptions) > len(readers)
            assert node.tracer.subscriptions == readers
            for one in left:
                await asyncio.to_thread(one.join, SECONDS)
            assert not any(one.is_alive() for one in left)

    asyncio.run(main())


def test_states_and_requests_are_known_to_the_next_attachment() -> None:
    """Regression: a restart lost its requester, its sender and its states when the platform was attached again."""

    async def main() -> list[tuple[Any, ...]]:
        facts: list[tuple[Any, ...]] = []
        async with otp.Node(TILL) as node:
            await tree(node)
            for asked in ({"pid": "counter_1"}, None):
                async with otp.Node("door", hidden=True) as hidden:
                    observing = Observing(hidden, node)
                    await observing.answer(Hello(PROTOCOL, "epoch", "1", {}))

                    async def ask(name: str, given: Any, module: str, observing: Any = observing) -> Any:
                        request = Execute(
                            name, f"superlearner.operations.builtin.{module}", json.dumps(given).encode(), "ada",
                            ["read", "operate"], False, "cli", False,
                        )  # fmt: skip
                        return json.loads((await observing.answer(request)).data)

                    if asked is not None:
                        await ask("process.kill", asked, "processes")
                    lines = await ask("restart.list", {"process": "counter_1"}, "restart_lines")
                    shown = (await ask("restart.show", {"event": lines[0]["ref"]}, "restarts"))["facts"]
                    facts.append((shown["why"], shown["state_before"]))
        return facts

    first, again = asyncio.run(main())
    assert again == first and None not in first, first
    assert "by your request from the command line (process.kill)" in first[0]


def test_pages_and_requests_end_with_the_node(inside: Inside) -> None:
    async def test(running: Any) -> None:
        async with otp.Node(TILL) as node, remote(running.platform, node) as found:
            source = await source_of(running.platform, "supervisors", found, {}, ADMIN)
            viewer = source.attach()
            await viewer.next()
            await node.close()
            with pytest.raises(NodeGone):
                await found.facts(SECONDS)
            answer = await running.client.get("/api/v1/processes", params={"node": TILL})
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "node_unavailable")
            assert await until(viewer, lambda _told: False) is None
            source.detach(viewer)

    inside(test)


@pytest.mark.operation("node.list")
def test_the_node_is_listed_with_its_owner_and_its_state(inside: Inside) -> None:
    async def test(running: Any) -> None:
        async with otp.Node(TILL) as node, remote(running.platform, node, owner="ada"):
            await tree(node)
            _, line = (await running.get("/api/v1/nodes"))["data"]
            assert (line["name"], line["remote"], line["own"], line["owner"]) == (TILL, True, False, "ada")
            assert (line["status"], line["life"], line["processes"], line["supervisors"]) == ("up", "open", 4, 1)
            frame = json.loads(running.platform.node_list.snapshot())
            assert frame["nodes"] == ["superlearner@127.0.0.1", TILL]

    inside(test)


def test_a_change_of_settings_reaches_the_node(inside: Inside) -> None:
    async def test(running: Any) -> None:
        async with otp.Node(TILL) as node, remote(running.platform, node):
            changed = await running.client.put("/api/v1/settings/scan_interval", json={"value": 0.5}, headers=OWNER)
            assert changed.status_code == 200, changed.text
            await running.platform.nodes.find(TILL).facts(SECONDS)  # sent before, so processed by then
            asked = await running.get("/api/v1/system/metrics", params={"node": TILL})
            assert asked["data"]["scan_interval_s"] == 0.5

    inside(test)


def test_a_missing_scope_is_refused_before_the_node_is_asked(inside: Inside) -> None:
    async def test(running: Any) -> None:
        async with otp.Node(TILL) as node, remote(running.platform, node):
            await tree(node)
            path, asked = "/api/v1/processes/counter_2/state", {"params": {"node": TILL}, "json": {"state": 7}}
            answer = await running.client.put(path, **asked)
            assert answer.json()["error"]["code"] == "missing_scope"
            assert (await running.client.put(path, **asked, headers=OWNER)).status_code == 200
            last = running.platform.audit.entries()[-1]
            assert (last.operation, last.user, last.outcome) == ("state.set", "owner", "ok")
            assert last.did is not None and "counter_2" in last.did

    inside(test)


def test_simulations_do_not_run_as_processes_of_the_node(inside: Inside) -> None:
    async def test(running: Any) -> None:
        async with otp.Node(TILL) as node, remote(running.platform, node):
            await tree(node)
            theirs = node.processes()
            asked = {"params": {"node": TILL}, "json": {"duration_ms": 60_000}}
            answer = await running.client.post("/api/v1/processes/counter_1/simulate/slow", **asked)
            assert answer.status_code == 200, answer.text
            (line,) = (await running.get("/api/v1/simulations", params={"node": TILL}))["data"]
            assert (line["kind"], line["name"]) == ("slow", "counter_1")
            assert node.processes() == theirs
            for path in ("processes", "supervisors", "system/process-tree"):
                assert "simul" not in str(await running.get(f"/api/v1/{path}", params={"node": TILL}))
            answer = await running.client.delete(f"/api/v1/simulations/{line['id']}", params={"node": TILL})
            assert answer.status_code == 200, answer.text

    inside(test)


def test_invalid_requests_are_refused_without_a_crash() -> None:
    async def main() -> None:
        async with otp.Node(TILL) as node:
            backend = (await start(node))["backend"]
            for request in (b"", b"\xc1", "text", None, ("a", 1), b"\x91" * 100_000):
                answer = await otp.GenServer.call(backend, request)
                assert b"malformed_request" in answer
            found = RemoteNode(TILL, LocalLink(backend))
            processes = "superlearner.operations.builtin.processes"
            early = Execute("process.list", processes, b"{}", "a", [], local=True, door="rest", dry_run=False)
            assert await failure(found, early) == "service_unavailable"
            await found.hello("e", "0", {}, SECONDS)
            for asked in (More(9, 1, 0.0), Next(9, 0.0), Sync(9)):
                assert await failure(found, asked) == "conflict"
            assert await found.ask(Close(9), Done, SECONDS) == Done()
            for module in ("os", "superlearner.operations.builtin", "superlearner.operations.builtin.nodes"):
                foreign = Execute("node.list", module, b"{}", "a", [], local=True, door="rest", dry_run=False)
                assert await failure(found, foreign) == "operation_not_found"
            assert otp.is_alive(backend)

    asyncio.run(main())


async def failure(found: RemoteNode, request: Any) -> str:
    answer = await found.ask(request, Done, SECONDS)
    assert isinstance(answer, Failed)
    return answer.code


def test_the_backend_is_invisible_on_the_node_and_ends_with_it() -> None:
    async def main() -> None:
        async with otp.Node(TILL) as node:
            backend = (await start(node))["backend"]
            await RemoteNode(TILL, LocalLink(backend)).hello("e", "0", {}, SECONDS)
            assert node.processes() == []
        await otp.wait_down(backend)

    asyncio.run(main())


def test_a_node_imports_neither_web_server_nor_database() -> None:
    """Thirty of them run at once, so memory matters."""
    program = """
import asyncio, sys, otp
from superlearner.backend import start
from superlearner.backend.observing import Observing
from superlearner.nodes.remote import RemoteNode
from superlearner.nodes.remote.protocol import Execute, Executed
class LocalLink:
    async def ask(self, request):
        return await otp.GenServer.call(self.pid, request)
async def main():
    async with otp.Node("till@127.0.0.1") as node:
        line = LocalLink()
        line.pid = (await start(node))["backend"]
        found = RemoteNode("till@127.0.0.1", line)
        await found.hello("e", "0", {}, 10.0)
        module = "superlearner.operations.builtin.processes"
        asked = Execute("process.list", module, b"{}", "a", ["read"], True, "rest", False)
        assert isinstance(await found.ask(asked, Executed, 10.0), Executed)
asyncio.run(main())
print(*sorted({"fastapi", "starlette", "uvicorn", "sqlalchemy", "alembic", "typer", "rich"} & set(sys.modules)))
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout.split() == []


def test_invalid_answers_are_reported_to_telemetry(inside: Inside) -> None:
    async def test(running: Any) -> None:
        told: list[Any] = []
        running.platform.telemetry.attach(
            lambda event, _measured, about: told.append(about) if event == "node.fault" else None
        )
        async with otp.Node(TILL) as node, remote(running.platform, node) as found:

            async def nonsense(_request: bytes) -> object:
                return "nonsense"

            found.link.ask = nonsense
            await running.client.get("/api/v1/processes", params={"node": TILL})
        assert told == [{"node": TILL, "what": "expected bytes, got str"}]

    inside(test)


def test_an_earlier_version_is_not_asked_for_types_of_events_that_it_does_not_know(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {name: type for name, type in events.TYPES.items() if name not in ("start_failed", "placement_changed")}
    monkeypatch.setattr(events, "TYPES", known)

    async def test(running: Any) -> None:
        async with otp.Node(TILL) as node, remote(running.platform, node):
            await tree(node)
            found = await collected(running, types="start_failed,child_started,placement_changed", last=100, limit=3)
            assert {one["type"] for one in found["items"]} == {"child_started"}
            for refused in ("start_failed", "child_startd,child_started"):
                path = f"/api/v1/events?node={TILL}&types={refused}"
                answer = await running.client.get(path, headers={"accept": "application/json"})
                assert answer.json()["error"]["code"] == "validation_error", refused

    inside(test)


def test_a_node_has_one_watchdog_after_the_service_that_made_it_was_killed_and_none_when_it_is_left() -> None:
    """Regression: the thread of a killed service went on, beside that of the next one."""

    async def main() -> None:
        async with otp.Node(TILL) as node, otp.Node("hidden", hidden=True) as hidden:
            headless = Headless(hidden, node, "e", "0", {}, HistoryBuffer())
            await headless.start()
            (first,) = node.scheduler.watchdogs
            service = hidden.whereis(WATCHDOG)
            otp.exit(service, "kill")
            await otp.wait_down(service)
            await hidden.wait_registered(WATCHDOG)
            (second,) = node.scheduler.watchdogs
            headless.leave()
            assert node.scheduler.watchdogs == []
            for one in (first, second):
                await asyncio.to_thread(one._thread.join, SECONDS)
            assert not first._thread.is_alive() and not second._thread.is_alive()

    asyncio.run(main())
