"""Hostile programs in sandboxes: the platform goes on, reports why they ended, and trusts none of their output.

The first line of each program in `hostile/` says what it tries. Below is how it `ends:`, as a pattern of the reason, or
the answer to a request to its node (`answers:`), an error code or `ok`. Attacks on the machine are tried in
`otp/tests/peer/hostile`.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

API = "/api/v1"
PROGRAMS = sorted(Path(__file__).with_name("hostile").glob("*.py"))
AT_ONCE = 3
PATIENCE_S = 60


def reason_of(client: httpx.Client, id: str) -> str:
    """Return the reason of its end, as soon as there is one."""
    asked = {"types": "sandbox", "last": 1000}
    with client.stream("GET", f"{API}/events", params=asked, headers={"accept": "text/event-stream"}) as stream:
        for line in stream.iter_lines():
            if line.startswith("data:") and f"sandbox {id} ended: " in line:
                return json.loads(line.removeprefix("data:"))["text"]
    raise AssertionError("the stream ended")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="walls are there on Linux only")
def test_programs_that_mean_harm_to_the_platform_are_contained(start: Callable[..., Any]) -> None:
    program = start()
    token = (program.data_dir / "token").read_text().strip()

    def client() -> httpx.Client:
        return httpx.Client(base_url=program.url, timeout=PATIENCE_S, headers={"authorization": f"Bearer {token}"})

    def create(id: str, source: str) -> httpx.Response:
        with client() as asks:
            return asks.post(f"{API}/sandboxes", json={"sandbox_id": id, "source": source})

    def contained(path: Path) -> str | None:
        """Return what differed from the expectation; None if nothing did."""
        id, source = path.stem, path.read_text()
        kind, expected = re.findall(r"^# (ends|answers): (.*)$", source, re.MULTILINE)[0]
        made = create(id, source)
        with client() as asks:
            if kind == "answers" and made.status_code == 200:
                answer = asks.get(f"{API}/processes", params={"node": made.json()["data"]["node"]})
                found = "ok" if answer.status_code == 200 else answer.json()["error"]["code"]
            elif made.status_code == 200:
                found = reason_of(asks, id)
            else:
                found = made.json()["error"]["message"]
            asks.delete(f"{API}/sandboxes/{id}", params={"force": "true"})
        if not found.isprintable() or not re.search(expected, found):
            return f"{id}: expected {expected}, got {found!r}"
        if made.status_code == 200 and os.path.exists(f"/proc/{made.json()['data']['os_pid']}"):
            return f"{id}: its process is still there"
        return None

    good = create("good", "from superlearner.demo import DemoOneForOne as Main")
    assert good.status_code == 200, good.text
    with ThreadPoolExecutor(AT_ONCE) as at_once:
        assert [] == [wrong for wrong in at_once.map(contained, PROGRAMS) if wrong is not None]
    with client() as asks:
        (left,) = asks.get(f"{API}/sandboxes").json()["data"]
        assert ("good", "running", good.json()["data"]["os_pid"]) == (left["id"], left["status"], left["os_pid"])
        assert asks.get("/health/ready").status_code == 200
