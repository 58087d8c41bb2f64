"""The platform as a program under fire: kills, give-ups, a callback that never returns, the end of the root."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from superlearner.data_dir import DataDir
from superlearner.listening import Listener

JSON = {"content-type": "application/json"}

SPINNER = """\
from otp import Children, GenServer, NoReply, Ok, Supervisor, impl

class Spinner(GenServer):
    @impl
    def init(self, arg): return Ok(arg)

    @impl
    def handle_cast(self, request, state):
        while request == "spin":
            state += 1
        return NoReply(state)

class Top(Supervisor):
    @impl
    def init(self, arg): return Children([Spinner.child_spec(0, name="spinner")])
"""


def kill(client: httpx.Client, name: str, *, force: bool = False) -> httpx.Response:
    return client.request("DELETE", f"/api/v1/processes/{name}", json={"reason": "kill", "force": force})


def test_200_kills_leave_the_platform_ready(start: Callable[..., Any]) -> None:
    program = start()
    with program.client() as client:
        for _ in range(200):
            assert kill(client, "counter_1").status_code in (200, 404)
            assert client.get("/health/ready").status_code == 200
        for service, force in (("caretaker", False), ("watchdog", False), ("analytics", False), ("store", True)):
            for _ in range(20):
                assert kill(client, service, force=force).status_code in (200, 404)
                assert client.get("/health/ready").status_code == 200
        children = client.get("/api/v1/supervisors/services").json()["data"]["children"]
        assert {child["id"]: child["alive"] for child in children} == {
            "caretaker": True, "store": True, "analytics": True, "watchdog": True, "live": True,
        }  # fmt: skip
    assert program.end()[0] == 0


def test_a_tree_that_gave_up_starts_again_by_itself(start: Callable[..., Any]) -> None:
    """Read from the live feed: the fourth kill in 5 s is one too many, and a second later the tree is back."""
    program = start()

    async def watch() -> tuple[list[str], list[str]]:
        live = program.url.replace("http", "ws") + "/live/supervisors"
        states: list[str] = []
        told: list[str] = []
        async with websockets.connect(live) as socket, httpx.AsyncClient(base_url=program.url) as client:
            await socket.recv()
            for _ in range(4):
                await client.request("DELETE", "/api/v1/processes/counter_1", json={})
            async with asyncio.timeout(10):
                while states[-1:] != ["running"]:
                    frame = json.loads(await socket.recv())
                    for key, fields in frame.get("p", ()):
                        if key.endswith("/demo_one_for_one") and "state" in fields:
                            states.append(fields["state"])
                    told += [entry["text"] for entry in frame.get("e", ())]
        return states, told

    states, told = asyncio.run(watch())
    assert states == ["gave_up", "running"]
    gave_up = "demo_one_for_one gave up: 4 restarts in 5 s, allowed are 3 (last: counter_1, killed)"
    assert f"{gave_up}; playground starts it again in 1 s" in told
    assert f"{gave_up}; playground started it again" in told


def test_the_web_server_can_be_killed_and_no_connection_is_refused(start: Callable[..., Any]) -> None:
    program = start()
    with program.client() as client:
        refused = kill(client, "web")
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "critical_process_protection")
        for _ in range(5):
            before = client.get("/api/v1/processes/web/info").json()["data"]["pid"]
            answer = kill(client, "web", force=True)
            assert answer.json()["data"]["terminated"] is True
            with program.client() as fresh:
                assert fresh.get("/health/ready").status_code == 200
                assert fresh.get("/api/v1/processes/web/info").json()["data"]["pid"] != before
    assert program.end()[0] == 0


def test_the_end_of_the_root_is_reported_and_exits_with_70(start: Callable[..., Any]) -> None:
    program = start()
    with pytest.raises(httpx.TransportError):
        for _ in range(100):
            with program.client() as client:
                kill(client, "playground", force=True)
    _, errors = program.process.communicate(timeout=10)
    assert program.process.returncode == 70
    report = re.search(r"crash report is (\S+)", errors)
    assert report is not None
    assert "root supervisor gave up" in Path(report[1]).read_text()


def test_a_callback_that_never_returns_is_named_on_the_terminal(start: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(SPINNER)
    program = start("app.py:Top")
    with program.client() as client:
        pid = client.get("/api/v1/processes/spinner/info").json()["data"]["pid"]
        client.post("/api/v1/processes/spinner/message", json={"message": "spin", "message_type": "cast"})
    begun = time.monotonic()
    line = program.process.stderr.readline()
    took = time.monotonic() - begun
    assert re.search(r"app\.py, line (9|10), in Spinner\.handle_cast", line), line
    assert f"spinner <{pid}>" in line
    assert took < 2
    begun = time.monotonic()
    code, _ = program.end()
    assert code == 0
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_callback_that_was_interrupted_did_not_crash(
    start: Callable[..., Any], tmp_path: Path, number: signal.Signals
) -> None:
    (tmp_path / "app.py").write_text(SPINNER)
    program = start("app.py:Top")
    with program.client() as client:
        client.post("/api/v1/processes/spinner/message", json={"message": "spin", "message_type": "cast"})
    assert "has held the event loop" in program.process.stderr.readline()
    program.process.send_signal(number)
    said, errors = program.process.communicate(timeout=10)
    assert (program.process.returncode, said, errors) == (0, "stopping … done\n", "")


LEAVER = SPINNER.replace('while request == "spin":', "if True:").replace("state += 1", "raise SystemExit(3)")


def test_a_callback_that_ends_the_program_is_named(start: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(LEAVER)
    program = start("app.py:Top")
    with program.client() as client:
        client.post("/api/v1/processes/spinner/message", json={"message": "go", "message_type": "cast"})
    said, errors = program.process.communicate(timeout=10)
    place = f"{tmp_path / 'app.py'}, line 10, in Spinner.handle_cast"
    assert errors == f"superlearner: the platform ends because of SystemExit(3): {place}\n"
    assert (program.process.returncode, said) == (3, "stopping … done\n")


HANGS = """\
import asyncio, time
from otp import Children, GenServer, Ok, Supervisor, impl

class Hangs(GenServer):
    @impl
    {init}

class Top(Supervisor):
    @impl
    def init(self, arg): return Children([Hangs])
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(
    "init", ["def init(self, arg):\n        while True: pass", "def init(self, arg): time.sleep(60)"]
)
def test_an_init_that_holds_the_loop_is_named_and_can_be_ended(
    begin: Callable[..., subprocess.Popen[str]], tmp_path: Path, init: str, number: signal.Signals
) -> None:
    (tmp_path / "app.py").write_text(HANGS.format(init=init))
    process = begin("app.py:Top")
    assert re.search(r"app\.py, line [67], in Hangs\.init", process.stderr.readline())  # type: ignore[union-attr]
    process.send_signal(number)
    said, errors = process.communicate(timeout=10)
    assert (process.returncode, said, errors) == (0, "stopping … done\n", "")


def test_an_async_init_that_waits_for_ever_is_named_while_the_page_is_up_and_can_be_ended(
    start: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "app.py").write_text(HANGS.format(init="async def init(self, arg): await asyncio.Event().wait()"))
    program = start("app.py:Top")
    with program.client() as client:
        assert client.get("/supervisors").status_code == 200
    line = program.process.stderr.readline()
    found = re.search(r"waiting for Hangs\.init since (\S+) s: (.*)app\.py, line 6, in Hangs\.init", line)
    assert found is not None, line
    assert float(found[1]) < 2
    code, _ = program.end()
    assert code == 0


def test_an_application_that_did_not_start_is_not_told_to_stop(
    begin: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    (tmp_path / "app.py").write_text(
        "from otp import Application, impl\n\n"
        "class Books(Application):\n"
        "    @impl\n    def start(self, kind, args): raise ValueError('no')\n"
        "    @impl\n    def stop(self, state): print('told to stop')\n"
    )
    said, errors = begin("app.py:Books").communicate(timeout=10)
    assert said == ""
    assert "Books does not start" in errors


FORKS = """\
import os, signal
from otp import Children, GenServer, Ok, Supervisor, impl

class Pool(GenServer):
    @impl
    def init(self, file):
        child = os.fork()
        if child == 0:
            signal.pause()
        with open(file, "w") as told:
            told.write(str(child))
        return Ok(child)

class Top(Supervisor):
    @impl
    def init(self, file): return Children([Pool.child_spec(file, name="pool")])
"""


def test_a_child_that_outlives_a_killed_platform_holds_neither_its_lock_nor_its_port(
    start: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "forks.py").write_text(FORKS)
    told = tmp_path / "child"
    program = start("forks.py:Top", "--arg", json.dumps(str(told)))
    child = int(told.read_text())
    try:
        program.process.kill()
        program.process.wait(10)
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{program.url}/health/live")
        assert start().end()[0] == 0
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_lock_whose_platform_does_not_answer_is_not_believed(
    superlearner: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    data = DataDir(tmp_path / "data")
    data.acquire()
    free = Listener.bind("127.0.0.1", 0)
    data.announce(free.url())
    free.close()
    done = superlearner("run")
    data.close()
    assert (done.returncode, done.stdout) == (1, "")
    assert f"nothing answers at {free.url()}" in done.stderr
