"""The platform as a program under fire: kills, give-ups, a callback that never returns, the end of the root."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from superlearner.base.data_dir import DataDir
from superlearner.base.listening import Listener

pytestmark = pytest.mark.program

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

DEPOT = """\
import asyncio, otp
async def main():
    async with otp.Node("depot@127.0.0.1") as node, otp.observe(node):
        await node.start(otp.Agent, lambda: 0, name="shelf")
        print("ready", flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""


def kill(client: httpx.Client, name: str, by: Any = None) -> httpx.Response:
    """Kill a process; `by` is the program whose owner does it with force."""
    body = {"reason": "kill", "force": by is not None}
    return client.request("DELETE", f"/api/v1/processes/{name}", json=body, headers=None if by is None else by.owner)


def test_a_platform_for_attached_services_runs_no_tree(start: Callable[..., Any]) -> None:
    program = start("--empty")
    with program.client() as client:
        assert client.get("/health/ready").status_code == 200
        found = client.get("/api/v1/supervisors/playground/children/count").json()["data"]
    assert found["specs"] == 0


def test_the_only_service_of_a_platform_without_a_tree_is_its_default_node(
    start: Callable[..., Any], own_sockets: Path
) -> None:
    """The rule itself has its test beside the operations; here the option turns it on."""
    program = start("--empty", XDG_RUNTIME_DIR=str(own_sockets))
    command = (sys.executable, "-c", DEPOT)
    with (
        program.client() as client,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as depot,
    ):
        try:
            assert depot.stdout is not None and depot.stdout.readline() == "ready\n"
            attached = client.post("/api/v1/nodes/attached", json={"address": "depot"}, headers=program.owner)
            assert attached.status_code == 200, attached.text
            listed = client.get("/api/v1/processes").json()
            assert (["shelf"], "depot@127.0.0.1") == ([one["name"] for one in listed["data"]], listed["meta"]["node"])
        finally:
            depot.kill()


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
    gave_up = (
        "demo_one_for_one gave up: max_restarts=3 allows 3 restarts in 5 s, "
        "and a 4th was needed (last: counter_1 was killed)"
    )
    assert f"{gave_up}; playground restarts it in 1 s" in told
    assert f"{gave_up}; playground restarted it after 1 s" in told
    with program.client() as client:
        [line, *_] = client.get("/api/v1/restarts").json()["data"]
        facts = client.get(f"/api/v1/restarts/{line['ref']}").json()["data"]["facts"]
    assert re.search(r"; playground \(one_for_one\) restarted it after (0\.\d\d?|\d+(\.\d)?) s$", facts["supervisor"])


def test_the_web_server_can_be_killed_and_no_connection_is_refused(start: Callable[..., Any]) -> None:
    program = start()
    with program.client() as client:
        refused = kill(client, "web")
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "critical_process_protection")
        for _ in range(5):
            with program.client() as first:  # its connection ends with the server
                before = first.get("/api/v1/processes/web/info").json()["data"]["pid"]
                answer = kill(first, "web", program)
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
                kill(client, "playground", program)
    _, errors = program.process.communicate(timeout=30)
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
    begun = program.clock()
    line = program.process.stderr.readline()
    took = program.clock() - begun
    assert re.search(r"app\.py:(9|10) in handle_cast", line), line
    assert f"spinner <{pid}>" in line
    assert took < 2
    code, _, _, took = program.last_words(signal.SIGTERM)
    assert code == 0
    assert took < 5


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_callback_that_was_interrupted_did_not_crash(
    start: Callable[..., Any], tmp_path: Path, number: signal.Signals
) -> None:
    (tmp_path / "app.py").write_text(SPINNER)
    program = start("app.py:Top", "--in-process")
    with program.client() as client:
        client.post("/api/v1/processes/spinner/message", json={"message": "spin", "message_type": "cast"})
    assert "has held the event loop" in program.process.stderr.readline()
    program.process.send_signal(number)
    said, errors = program.process.communicate(timeout=30)
    assert (program.process.returncode, said, errors) == (0, "stopping … done\n", "")


def test_without_a_watchdog_the_second_interrupt_is_raised_where_the_code_is(
    start: Callable[..., Any], tmp_path: Path
) -> None:
    """Ctrl-C had no effect, however often it was pressed."""
    spins = SPINNER.replace("while request", "print('spins', file=sys.stderr, flush=True)\n        while request")
    (tmp_path / "app.py").write_text(f"import sys\n{spins}")
    program = start("app.py:Top", "--in-process", SUPERLEARNER_WATCHDOG_AFTER="0")
    with program.client() as client:
        client.post("/api/v1/processes/spinner/message", json={"message": "spin", "message_type": "cast"})
    assert program.process.stderr.readline() == "spins\n"
    program.process.send_signal(signal.SIGINT)
    assert program.process.stderr.readline() == "superlearner: stopping; press Ctrl-C again to interrupt\n"
    program.process.send_signal(signal.SIGINT)
    said, errors = program.process.communicate(timeout=30)
    assert (program.process.returncode, said, errors) == (0, "stopping … done\n", "")


LEAVER = SPINNER.replace('while request == "spin":', "if True:").replace("state += 1", "raise SystemExit(3)")


def test_a_callback_that_ends_the_program_is_named(start: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(LEAVER)
    program = start("app.py:Top", "--in-process")
    with program.client() as client:
        client.post("/api/v1/processes/spinner/message", json={"message": "go", "message_type": "cast"})
    said, errors = program.process.communicate(timeout=30)
    place = f"{tmp_path / 'app.py'}:10 in handle_cast"
    assert errors == f"superlearner: the platform ends because of SystemExit: 3: {place}\n"
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
    process = begin("app.py:Top", "--in-process")
    assert re.search(r"app\.py:[67] in init", process.stderr.readline())  # type: ignore[union-attr]
    process.send_signal(number)
    said, errors = process.communicate(timeout=30)
    assert (process.returncode, said, errors) == (0, "stopping … done\n", "")


def test_an_async_init_that_waits_for_ever_is_named_while_the_page_is_up_and_can_be_ended(
    begin: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "app.py").write_text(HANGS.format(init="async def init(self, arg): await asyncio.Event().wait()"))
    process = begin("app.py:Top")
    said = re.search(r"(http://[^\s?]+)/\S* .*; still starting: Top$", process.stdout.readline())
    assert said is not None
    assert httpx.get(f"{said[1]}/supervisors").status_code == 200
    line = process.stderr.readline()
    found = re.search(r"Hangs\.init has been running for (\S+) s at (.*)app\.py:6 ", line)
    assert found is not None, line
    assert float(found[1]) < 2
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 0


def test_an_application_that_did_not_start_gets_no_stop_callbacks(
    begin: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    (tmp_path / "app.py").write_text(
        "from otp import Application, impl\n\n"
        "class Books(Application):\n"
        "    @impl\n    def start(self, kind, args): raise ValueError('no')\n"
        "    @impl\n    def stop(self, state): print('stop called')\n"
    )
    said, errors = begin("app.py:Books").communicate(timeout=30)
    assert "stop called" not in said  # a slow start prints the address before it fails
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
        with open(file, "w") as found:
            found.write(str(child))
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
    program = start("forks.py:Top", "--in-process", "--arg", json.dumps(str(told)))
    child = int(told.read_text())
    try:
        program.process.kill()
        program.process.wait(10)
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{program.url}/health/live")
        assert start().end()[0] == 0
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_lock_whose_platform_does_not_answer_is_not_trusted(
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


def test_the_file_of_the_settings_is_read_while_the_platform_runs(start: Callable[..., Any], tmp_path: Path) -> None:
    """A change is announced on the terminal and applied, the log level too; a typo is refused with its line."""
    program = start()
    file = tmp_path / "superlearner.toml"
    file.write_text("kill_wait = 1\n")
    assert program.process.stdout.readline() == "kill_wait is 1.0 (was 5.0; superlearner.toml, line 1)\n"
    file.write_text('kill_wait = 1\nlog_level = "info"\n')
    while "log_level is 'info' (was 'warning'; superlearner.toml, line 2)" not in program.process.stderr.readline():
        pass
    with program.client() as client:
        kill(client, "counter_1")
    while " restarted counter_1 <" not in program.process.stderr.readline():
        pass
    file.write_text('log_level = "inof"\nport = 1\n')
    while "superlearner.toml, line 1: log_level: expected 'debug', " not in (line := program.process.stderr.readline()):
        pass
    assert "got 'inof'; the settings are unchanged" in line
    assert program.end()[0] == 0


def test_events_are_watched_from_the_command_line_across_a_restart_of_the_web_server(
    start: Callable[..., Any], tmp_path: Path
) -> None:
    """Nothing is missing and nothing comes twice; an open stream holds up no end, and Ctrl-C ends the command."""
    program = start()
    command = [sys.executable, "-m", "superlearner", "events", "stream", "--json", "--last", "1"]
    own = {**os.environ, "SUPERLEARNER_DATA_DIR": str(program.data_dir)}
    watching = subprocess.Popen(
        command, env=own, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        seen = [json.loads(watching.stdout.readline())]  # type: ignore[union-attr]
        for name in ("counter_1", "web", "counter_2", "web", "printer_1"):
            with program.client() as client:  # a new one: a connection to the web server that was killed may be lost
                kill(client, name, program)
                while (seen[-1]["type"], seen[-1]["name"]) != ("child_restarted", name):
                    seen.append(json.loads(watching.stdout.readline()))  # type: ignore[union-attr]
        numbers = [int(one["id"].rpartition("-")[2]) for one in seen]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        watching.send_signal(signal.SIGINT)
        assert watching.communicate(timeout=10)[1] == ""
        assert watching.returncode == 0
        with httpx.Client(base_url=program.url) as client, client.stream("GET", "/api/v1/events") as stream:
            next(stream.iter_bytes())
            code, _, errors, took = program.last_words(signal.SIGTERM)
        reported = [line for line in errors.splitlines() if "held the event loop" not in line]  # on a busy machine
        told = [" was killed; " in line for line in reported]
        assert (code, told) == (0, [True] * 5), errors  # each kill once
        assert took < 2  # the web server waits so long for answers in progress
    finally:
        watching.kill()
        watching.communicate()


def test_no_credential_is_ever_in_the_log(start: Callable[..., Any], tmp_path: Path) -> None:
    """Each line is JSON; the token and the link's code appear only in the readiness line."""
    program = start(
        "--auth", "all", "--log-level", "debug", "--log-format", "json", SUPERLEARNER_ACCESS_LOG="true"
    )  # fmt: skip
    url, _, code = program.link.partition("/?token=")
    token = (program.data_dir / "token").read_text().strip()
    bearer = {"authorization": f"Bearer {token}"}
    with httpx.Client(base_url=url, timeout=10) as client:
        client.get("/supervisors", params={"token": code})
        client.get(f"/sign-in/{code}")
        client.get(f"/supervisors/{token}", headers=bearer)
        client.post("/api/v1/tokens", json={"token": token}, headers=bearer)
        message = {"message": ["add", f"so much as {token}"], "message_type": "cast"}
        assert client.post("/api/v1/processes/counter_1/message", json=message, headers=bearer).status_code == 200
        log = client.get("/api/v1/log", params={"process": "counter_1"}, headers=bearer).text
    code_, _, errors, _ = program.last_words(signal.SIGTERM)
    assert code_ == 0
    lines = [json.loads(line) for line in errors.splitlines() if line.startswith("{")]
    assert [line for line in lines if line["logger"] == "superlearner.access"]
    assert [line for line in lines if line.get("report") == "crash"]
    for secret in (token, code):
        assert [line for text in (errors, log) for line in text.splitlines() if secret in line] == []
