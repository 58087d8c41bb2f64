"""kill -9 of a platform with ten sandboxes: all of them end, and the next platform lists them."""

from __future__ import annotations

import json
import os
import select
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from otp.peer.meter import descendants

COUNT = 10
SURVIVE_S = 2.0
API = "/api/v1"


def until_ended(processes: list[int], deadline: float) -> list[int]:
    """Return those of the processes, given by descriptors, that are alive at a time."""
    return [one for one in processes if not select.select([one], [], [], max(0, deadline - time.monotonic()))[0]]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="sandboxes need walls of Linux")
def test_no_sandbox_survives_a_killed_platform_and_the_next_one_lists_them(start: Callable[..., Any]) -> None:
    program = start("--weak-walls")
    ids = [f"s{number}" for number in range(COUNT)]

    with program.client() as client, ThreadPoolExecutor(COUNT) as at_once:

        def create(id: str) -> int:
            wanted = {"sandbox_id": id, "demo": "demo_one_for_one", "max_restarts": 9}
            made = client.post(f"{API}/sandboxes", json=wanted, timeout=120)
            assert made.status_code == 200, made.text
            return made.json()["data"]["os_pid"]

        pids = list(at_once.map(create, ids))
    folder = program.data_dir / "sandboxes"
    entries = [json.loads((folder / f"{id}.json").read_text()) for id in ids]
    assert pids == [entry["traces"]["os_pid"] for entry in entries]
    below = descendants(program.process.pid)[1:]
    assert set(pids) <= set(below)
    processes = [os.pidfd_open(pid) for pid in below]

    program.process.kill()
    assert until_ended(processes, time.monotonic() + SURVIVE_S) == []
    program.process.communicate()
    for descriptor in processes:
        os.close(descriptor)

    program = start("--weak-walls")
    with program.client() as client:
        listed = {one["id"]: one for one in client.get(f"{API}/sandboxes").json()["data"]}
        assert dict.fromkeys(ids, ("ended", "the platform ended")) == {
            id: (one["status"], one["reason"]) for id, one in listed.items()
        }
        plain = {"accept": "application/json"}
        told = client.get(f"{API}/events?types=sandbox&last={COUNT}&limit={COUNT}", headers=plain).json()["data"][
            "items"
        ]
        assert {f"sandbox {id} ended: the platform ended" for id in ids} == {one["text"] for one in told}
        assert not [entry["traces"]["folder"] for entry in entries if os.path.exists(entry["traces"]["folder"])]
        again = client.post(f"{API}/sandboxes/s0/restart", json={}, timeout=60).json()["data"]
        assert ("running", 1, 9) == (again["status"], again["restart_count"], again["configuration"]["max_restarts"])
        assert client.delete(f"{API}/sandboxes/s1").status_code == 200
    assert not (folder / "s1.json").exists()
    assert json.loads((folder / "s0.json").read_text())["traces"]["os_pid"] == again["os_pid"]
