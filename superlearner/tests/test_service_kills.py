"""Kills of everything that can be killed: the platform answers throughout, and every view is right afterwards."""

from __future__ import annotations

import asyncio
import json
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

CRITICAL = ("services", "playground", "web")
"""Parts that are not services themselves; the root and what started it are the program's own end."""


def kill(program: Any, client: httpx.Client, name: str, reason: str = "kill") -> bool:
    """Kill a process by force, as the owner; whether it was there."""
    body = {"reason": reason, "force": True}
    answer = client.request("DELETE", f"/api/v1/processes/{name}", json=body, headers=program.owner)
    assert answer.status_code in (200, 404), answer.text
    return answer.status_code == 200


@contextmanager
def asking(program: Any, path: str) -> Iterator[Counter[int]]:
    """Ask again and again from another thread meanwhile; how often each status was answered."""
    answers: Counter[int] = Counter()
    enough = threading.Event()

    def ask() -> None:
        while not enough.is_set():
            with program.client() as client:  # a connection of its own each time: none is refused
                answers[client.get(path).status_code] += 1

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield answers
    finally:
        enough.set()
        thread.join()


def services(client: httpx.Client) -> dict[str, dict[str, Any]]:
    """Return the services that the running platform lists."""
    children = client.get("/api/v1/supervisors/services").json()["data"]["children"]
    return {child["id"]: child for child in children}


def services_that_run(program: Any, client: httpx.Client) -> dict[str, dict[str, Any]]:
    """The services, as soon as all of them run: one whose name was still taken rests for a moment first."""

    async def look() -> dict[str, dict[str, Any]]:
        async with websockets.connect(program.url.replace("http", "ws") + "/live/supervisors") as socket:
            while True:
                await socket.recv()  # a frame comes with each change
                found = services(client)
                if all(child["alive"] for child in found.values()):
                    return found

    return asyncio.run(look())


def pids_of_tree(part: dict[str, Any]) -> dict[str, str]:
    """Name and pid of each process of a drawn tree that has a name."""
    found = {part["name"]: part["pid"]} if part["name"] else {}
    for child in part.get("children") or ():
        found |= pids_of_tree(child)
    return found


def live_pids(url: str) -> dict[str, str]:
    """Name and pid of each process that somebody sees who opens the live page now."""

    async def look() -> Any:
        async with websockets.connect(url.replace("http", "ws") + "/live/supervisors") as socket:
            return json.loads(await socket.recv())

    return {node["name"]: node["pid"] for node in asyncio.run(look())["nodes"] if node["name"]}


def test_kills_of_every_service_leave_the_platform_ready_and_all_views_right(
    start: Callable[..., Any], superlearner: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """Twenty of each service that the platform has, by force."""
    program = start()
    with program.client() as client:
        before = services(client)
        with asking(program, "/health/ready") as answers:
            killed = {name: sum(kill(program, client, name) for _ in range(20)) for name in before}
        assert set(answers) == {200}
        assert killed == dict.fromkeys(before, 20)
        after = services_that_run(program, client)
        assert set(after) == set(before)
        assert [name for name, child in after.items() if child["pid"] == before[name]["pid"]] == []

        counted = client.get("/api/v1/supervisors/services/analytics?sync=true").json()["data"]
        assert counted["restarts_by_child"] == killed
        assert counted["restarts_by_reason"] == {"killed": 20 * len(before)}
        stored = client.get("/api/v1/analytics/history?supervisor=services&event_type=restarted&limit=1000").json()
        assert Counter(event["child_id"] for event in stored["data"]["events"]) == killed

        log = client.get("/api/v1/audit?per_page=1000", headers=program.owner).json()
        assert Counter(line["parameters"]["pid"] for line in log["data"]) == killed
        assert {(line["operation"], line["outcome"]) for line in log["data"]} == {("process.kill", "ok")}

        now = {name: child["pid"] for name, child in after.items()}
        drawn = json.loads(superlearner("tree", "--whose", "all", "--format", "json").stdout)["roots"][0]
        assert pids_of_tree(drawn).items() >= now.items()
        assert live_pids(program.url).items() >= now.items()
    assert program.end()[0] == 0


@pytest.mark.parametrize("name", CRITICAL)
def test_a_kill_of_a_critical_part_is_survived_and_shown(start: Callable[..., Any], name: str) -> None:
    program = start()
    with program.client() as client:
        refused = client.request("DELETE", f"/api/v1/processes/{name}", json={"reason": "kill"})
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "critical_process_protection")
        before = client.get(f"/api/v1/processes/{name}/info").json()["data"]["pid"]
        with asking(program, "/health/live") as answers:
            assert kill(program, client, name)
    with program.client() as client:
        assert set(answers) <= {200}
        assert client.get("/health/ready").status_code == 200
        now = client.get(f"/api/v1/processes/{name}/info").json()["data"]["pid"]
        assert now != before
        assert "watchdog" in services_that_run(program, client)
        assert live_pids(program.url)[name] == now
        counted = client.get("/api/v1/supervisors/superlearner/analytics?sync=true").json()["data"]
        assert (counted["restarts_by_child"], counted["restarts_by_reason"]) == ({name: 1}, {"killed": 1})
    assert program.end()[0] == 0


MANY = """\
from otp import Children, GenServer, Ok, Supervisor, impl

class Worker(GenServer):
    @impl
    def init(self, arg): return Ok(arg)

class Top(Supervisor):
    @impl
    def init(self, arg): return Children([Worker.child_spec(0, name="worker")], max_restarts=1000)
"""


def test_200_kills_in_a_burst_are_counted_with_reasons_and_in_order(start: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(MANY)
    program = start("app.py:Top", "--in-process")
    reasons = [f"burst {number}" for number in range(200)]
    with program.client() as client:
        top = client.get("/api/v1/processes/worker/info").json()["data"]["parent"]["pid"]
        with asking(program, "/health/ready") as answers:
            assert [reason for reason in reasons if not kill(program, client, "worker", reason)] == []
        assert set(answers) == {200}
        counted = client.get(f"/api/v1/supervisors/{top}/analytics?sync=true").json()["data"]
        assert counted["total_restarts"] == 200
        history = counted["restart_history"]
        assert [event["reason"] for event in reversed(history)] == reasons
        assert [event["old_pid"] for event in history[:-1]] == [event["child_pid"] for event in history[1:]]
        stored = client.get(f"/api/v1/analytics/history?supervisor={top}&event_type=restarted&limit=1000").json()
        assert [event["reason"] for event in stored["data"]["events"]] == [event["reason"] for event in history]
    assert program.end()[0] == 0
