"""Sandboxes that a platform starts on a member of its cluster, with real programs."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import psutil
import pytest

from superlearner.cli.console.calls import Caller
from superlearner.cli.console.names import namespace
from superlearner.cli.remote import Remote

pytestmark = [pytest.mark.program, pytest.mark.skipif(sys.platform != "linux", reason="walls are there on Linux only")]

M2 = "m2@127.0.0.1"
SOURCE = """
from otp import Agent, Children, Supervisor

print("hello from", __name__, flush=True)


class Main(Supervisor):
    def init(self, arg):
        return Children([Agent.child_spec(lambda: {start}, id="tally", name="tally")])
"""


class Client:
    """The API of a platform, as its owner."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def __call__(self, method: str, path: str, status: int = 200, **body: Any) -> Any:
        answer = self._http.request(method, f"/api/v1{path}", **({"json": body} if body else {}))
        assert status == answer.status_code, answer.text
        return answer.json()["data" if status == 200 else "error"]

    def await_event(self, words: str, since: str) -> dict[str, Any]:
        """Return the next event of a sandbox with these words after the one with that id."""
        asked = {"types": "sandbox", "last_id": since, "timeout_ms": 30_000}
        with self._http.stream("GET", "/api/v1/events", params=asked) as lines:
            found = next((line for line in lines.iter_lines() if line.startswith("data:") and words in line), None)
        assert found is not None, f"expected an event with {words!r}"
        return found

    def last_event(self) -> str:
        answer = self._http.get("/api/v1/events?last=1&limit=1", headers={"accept": "application/json"})
        return answer.json()["data"]["last_id"]


@pytest.fixture
def together(start: Callable[..., Any], member: Callable[..., Any], superlearner: Callable[..., Any]) -> Iterator[Any]:
    """Start a platform and a member; return the program, a client and the process of the member."""
    program = start()
    m2 = member("m2", "--empty")
    assert 0 == superlearner("cluster", "status", "--wait", "2").returncode
    with httpx.Client(base_url=program.url, timeout=60, headers=program.owner) as http:
        yield program, Client(http), m2


def test_a_sandbox_runs_on_the_chosen_member_and_all_operations_reach_it(
    together: Any, superlearner: Callable[..., Any]
) -> None:
    program, client, m2 = together
    made = client("POST", "/sandboxes", sandbox_id="demo", node="m2", source=SOURCE.format(start=1))
    assert (M2, "running") == (made["member"], made["status"])
    assert m2.pid in [one.pid for one in psutil.Process(made["os_pid"]).parents()]
    assert all(one["up"] for one in made["walls"] if one["required"])
    client("POST", "/sandboxes", sandbox_id="here", template="counter")
    listed = {one["id"]: one for one in client("GET", "/sandboxes")}
    assert (M2, None) == (listed["demo"]["member"], listed["here"].get("member"))
    assert listed["demo"]["memory_bytes"] > 1_000_000
    assert "hello from main\n" == client("GET", "/sandboxes/demo/output")["text"]
    client("DELETE", "/processes/tally?node=demo")
    assert "1" == client("GET", "/processes/tally/state?node=demo")["state"]
    changed = client("POST", "/sandboxes/demo/hot-reload", source=SOURCE.format(start=2))
    assert ("hot_swapped", 2) == (changed["status"], changed["version"])
    again = client("POST", "/sandboxes/demo/restart")
    assert (M2, "running", 1) == (again["member"], again["status"], again["restart_count"])
    assert "2" == client("GET", "/processes/tally/state?node=demo")["state"]
    process = psutil.Process(again["os_pid"])
    assert client("DELETE", "/sandboxes/demo")["destroyed"]
    assert not process.is_running()
    assert ["here"] == [one["id"] for one in client("GET", "/sandboxes")]
    done = superlearner("sandbox", "create", "typed", "--template", "counter", "--node", "m2", "--json")
    assert M2 == json.loads(done.stdout)["member"], done.stderr
    console = Remote("console", data_dir=program.data_dir)
    prompt = namespace(Caller(console, {line["name"]: line for line in console.operations()}))
    original = prompt["SandboxManager"].create_sandbox("original", prompt["TestDemoSupervisor"], node="m2")
    assert M2 == original.member


def test_a_sandbox_is_lost_with_its_member_and_the_platform_says_so(together: Any) -> None:
    _, client, m2 = together
    made = client("POST", "/sandboxes", sandbox_id="demo", node="m2", source=SOURCE.format(start=1))
    client("GET", "/sandboxes/demo/output")
    process, since = psutil.Process(made["os_pid"]), client.last_event()
    m2.send_signal(signal.SIGKILL)
    words = f"{M2} was lost, and demo with it"
    client.await_event(words, since)
    process.wait(30)
    [ended] = client("GET", "/sandboxes")
    assert ("ended", words, M2) == (ended["status"], ended["reason"], ended["member"])
    assert "hello from main\n" == client("GET", "/sandboxes/demo/output")["text"]
    error = client("GET", "/processes?node=demo", 404)
    assert f"the sandbox demo has ended: {words}" == error["message"]
    for path, body in (("/demo/restart", {}), ("", {"sandbox_id": "b", "node": "m2", "template": "counter"})):
        error = client("POST", f"/sandboxes{path}", 503, **body)
        assert ("node_unavailable", True) == (error["code"], f"{M2} has been lost since" in error["message"])


def test_limits_hold_on_a_member_and_their_reasons_are_told(together: Any) -> None:
    _, client, _ = together
    loud = SOURCE.format(start=1) + "\nprint('.' * 3000, flush=True)\n"
    asked = {"node": "m2", "source": loud, "limits": {"output_kb": 1}}
    assert "wrote more than 1 KiB of output" in client("POST", "/sandboxes", 409, sandbox_id="loud", **asked)["message"]
    client("POST", "/sandboxes", sandbox_id="busy", node="m2", template="counter", limits={"held_s": 0.5})
    since = client.last_event()
    client("POST", "/processes/counter/message?node=busy", message="spin", message_type="cast")
    client.await_event("held the loop for 0.5 s", since)
    assert "running" == client("GET", "/sandboxes/busy")["status"]


def test_a_sandbox_ends_with_a_member_that_leaves(together: Any) -> None:
    _, client, m2 = together
    client("POST", "/sandboxes", sandbox_id="demo", node="m2", template="counter")
    since = client.last_event()
    m2.send_signal(signal.SIGTERM)
    client.await_event(f"{M2} left the cluster, and demo with it", since)
    assert 0 == m2.wait(20)
    assert "node_not_found" == client("POST", "/sandboxes/demo/restart", 404)["code"]


def test_a_sandbox_ends_with_the_platform_that_started_it(together: Any) -> None:
    program, client, _ = together
    made = client("POST", "/sandboxes", sandbox_id="demo", node="m2", template="counter")
    process = psutil.Process(made["os_pid"])
    program.end(signal.SIGKILL)
    process.wait(30)
    kept = json.loads((program.data_dir / "sandboxes" / "demo.json").read_text())
    assert (M2, None) == (kept["configuration"]["member"], kept["traces"])  # its process is not one of this machine
