"""`superlearner run FILE:Name`: the tree runs in a separate program, and the platform reports its end."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets.sync.client

from otp import sentences
from otp.peer.meter import descendants
from stopped_programs import continue_all, pass_time, stop_all

pytestmark = [
    pytest.mark.program,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]

SHOP_NODE = "Shop@127.0.0.1"
OWN = "superlearner@127.0.0.1"

SHOP = """\
import os, sys
from otp import Children, GenServer, NoReply, Ok, Reply, Supervisor, impl

print("imported in", os.getcwd(), "with", os.environ["SHOP"], file=sys.stderr)

class Till(GenServer):
    @impl
    def init(self, arg):
        return Ok(arg)

    @impl
    def handle_call(self, request, caller, state):
        return Reply(state, state)

    @impl
    def handle_cast(self, request, state):
        match request:
            case "spin":
                open(os.environ["SPINS"], "w").close()  # the reader at the other end gets EOF
                while True:
                    pass
            case "breakpoint":
                breakpoint()
            case "exit":
                os._exit(3)
        raise ValueError("no till")

class Shop(Supervisor):
    @impl
    def init(self, arg):
        return Children([Till.child_spec(arg, name="till")], max_restarts=1)
"""


@pytest.fixture
def shop(tmp_path: Path, start: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("SHOP", "cheese")
    monkeypatch.setenv("SPINS", str(tmp_path / "spins"))
    os.mkfifo(tmp_path / "spins")
    file = tmp_path / "shop.py"
    file.write_text(SHOP)
    return start(f"{file}:Shop", "--arg", "[1, 2]")


def follow_frames(program: Any, *, rests: bool) -> Iterator[dict[str, Any]]:
    """Yield the frames of the node list until the tree's node is gone, or is there."""
    with websockets.sync.client.connect(program.url.replace("http", "ws") + "/live/platform") as live:
        while True:
            frame = json.loads(live.recv(30))
            yield frame
            if frame["rests"] is rests:
                return


def tree_of(program: Any) -> dict[str, Any]:
    """The tree when it runs: its node is there a moment before."""
    with websockets.sync.client.connect(program.url.replace("http", "ws") + "/live/supervisors") as live:
        while True:
            rows = json.loads(live.recv(30)).get("nodes", [])
            if any(row.get("name") == "till" and row.get("pid") for row in rows):
                break
    with program.client() as client:
        return client.get("/api/v1/supervisors").json()["data"][0]


def cast(client: httpx.Client, word: str) -> None:
    client.post("/api/v1/processes/till/message", json={"message": word, "message_type": "cast"})


@pytest.mark.operation("code.modules", "code.reload")
def test_its_tree_is_on_a_node_of_its_own_with_argument_folder_environment_and_new_code_as_before(
    shop: Any, tmp_path: Path
) -> None:
    with shop.client() as client:
        found = client.get("/api/v1/supervisors").json()["data"]
        assert ["Shop"] == [one["name"] for one in found]
        assert found == client.get("/api/v1/supervisors", params={"node": SHOP_NODE}).json()["data"]
        names = [
            one["name"]
            for one in client.get("/api/v1/supervisors", params={"node": OWN, "whose": "all"}).json()["data"]
        ]
        assert "playground" in names
        message = {"message": "how much", "message_type": "call"}
        answer = client.post("/api/v1/processes/till/message", json=message).json()
        assert [1, 2] == answer["data"]["reply"]
        nodes = client.get("/api/v1/nodes").json()["data"]
        assert len({one["os_pid"] for one in nodes}) == 2
        modules = client.get("/api/v1/code/modules").json()["data"]
        assert [("shop", 2)] == [(one["module"], one["servers"]) for one in modules]
        (tmp_path / "shop.py").write_text(SHOP.replace("Reply(state, state)", 'Reply(["new", *state], state)'))
        owner = {"authorization": f"Bearer {(shop.data_dir / 'token').read_text().strip()}"}
        reloaded = client.post("/api/v1/code/modules/shop/reload", headers=owner).json()["data"]
        assert (True, 2) == (reloaded["done"], reloaded["servers_count"])
        assert ["new", 1, 2] == client.post("/api/v1/processes/till/message", json=message).json()["data"]["reply"]
    _, errors = shop.end()
    assert f"imported in {shop.data_dir.parent} with cheese" in errors


@pytest.mark.parametrize(
    ("word", "casts", "why"),
    [("exit", 1, "ended the interpreter with os._exit(3)"), ("crash", 2, "gave up")],
    ids=["os._exit", "gave up"],
)
def test_its_end_is_reported_in_words_and_it_restarts(
    shop: Any, start: Callable[..., Any], word: str, casts: int, why: str
) -> None:
    with shop.client() as client:
        for _ in range(casts):
            cast(client, word)
        frames = list(follow_frames(shop, rests=True)) + list(follow_frames(shop, rests=False))
        assert {f"{why}; the playground restarts it"} == {one["left"][SHOP_NODE] for one in frames if one["left"]}
        assert tree_of(shop)["restarts_used"] == 0
        reason = f"Shop {why}" if word == "crash" else why
        line = client.get("/api/v1/restarts").json()["data"][0]
        assert (True, True, "Shop", reason, "playground", 1) == tuple(
            line[key] for key in ("program", "kept", "name", "reason", "supervisor", "started")
        )
        ended = f"Shop's program ended: {reason}; playground restarted it after "
        assert re.fullmatch(rf"{re.escape(ended)}(0\.\d\d?|\d+(\.\d)?) s", line["line"])
        moment = client.get(f"/api/v1/restarts/{line['ref']}").json()["data"]
        assert line["line"] == moment["summary"]
        assert ["crash", "signal", "decide", "start"] == [one["kind"] for one in moment["events"]]
        if word == "crash":  # the give-up has a line of its own, and tells what came of it
            gave_up = next(one for one in client.get("/api/v1/restarts").json()["data"] if one["gave_up"])
            facts = client.get(f"/api/v1/restarts/{gave_up['ref']}").json()["data"]["facts"]
            assert facts["supervisor"].endswith(f"; playground restarted it after {sentences.elapsed(moment['took'])}")
        with websockets.sync.client.connect(shop.url.replace("http", "ws") + "/live/supervisors") as live:
            told = {one["text"]: one["at"] for one in json.loads(live.recv(30))["feed"]}
        at = told[f"Shop's program ended: {reason}; playground starts it again"]
        assert at == pytest.approx(line["at"], abs=0.001)  # one end, one time
    _, errors = shop.end()
    with start().client() as client:  # also after a restart of the platform
        assert moment == client.get(f"/api/v1/restarts/{line['ref']}").json()["data"]
    assert 1 == errors.count("ended the interpreter") + errors.count("Shop gave up; playground")
    assert f"Shop {why}; playground restarts it in 1 s" in errors


def test_a_breakpoint_names_the_command_that_has_a_terminal_with_the_data_directory(shop: Any) -> None:
    with shop.client() as client:
        cast(client, "breakpoint")
        restarted = {"supervisor": "Shop", "event_type": "restarted"}
        [event] = client.get("/api/v1/analytics/history", params=restarted).json()["data"]["events"]
    assert f"try `superlearner --data-dir {shop.data_dir} run FILE.py:Name --in-process`" in event["reason"]


def test_its_history_and_log_survive_a_kill_of_its_program_and_a_restart_of_the_platform(
    shop: Any, start: Callable[..., Any]
) -> None:
    with shop.client() as client:
        cast(client, "crash")
        restarted = {"supervisor": "Shop", "event_type": "restarted"}
        stored = client.get("/api/v1/analytics/history", params=restarted).json()["data"]["events"]
        assert ["ValueError('no till')"] == [one["reason"] for one in stored]
        line = client.get("/api/v1/log", params={"process": "till", "level": "error"}).json()["data"][0]
        assert (SHOP_NODE, "crash", "Shop") == (line["node"], line["report"], line["supervisor"])
        os_pid = next(one["os_pid"] for one in client.get("/api/v1/nodes").json()["data"] if one["default"])
        os.kill(os_pid, signal.SIGKILL)
        frames = list(follow_frames(shop, rests=True))
        assert frames[-1]["left"][SHOP_NODE] == "killed by SIGKILL; the playground restarts it"
        list(follow_frames(shop, rests=False))
        assert tree_of(shop)["restarts_used"] == 0
        did = client.get("/api/v1/supervisors/Shop/analytics").json()["data"]
        assert (1, {"Till": 1}) == (did["total_restarts"], did["restarts_by_child"])
    assert shop.end()[0] == 0
    with start().client() as client:
        assert stored == client.get("/api/v1/analytics/history", params=restarted).json()["data"]["events"]


def test_while_it_spins_the_platform_answers_and_ctrl_c_ends_both_in_time(shop: Any, tmp_path: Path) -> None:
    with shop.client() as client:
        below = descendants(shop.process.pid)
        asking = threading.Thread(target=cast_without_answer, args=(shop,))
        asking.start()
        (tmp_path / "spins").read_text()
        begun = shop.clock()
        assert client.get("/api/v1/supervisors", params={"node": OWN}).status_code == 200
        assert shop.clock() - begun < 2
        assert ["Shop"] == client.get("/health/ready").json()["missing"]
    code, _, errors, took = shop.last_words(signal.SIGINT)
    asking.join()
    assert (0, False) == (code, "Traceback" in errors), errors
    assert took < 5
    assert [] == [pid for pid in below if os.path.exists(f"/proc/{pid}")]


def test_an_init_that_holds_its_loop_is_named_and_ctrl_c_ends_both_without_another_word(
    begin: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "shop.py").write_text("from otp import Supervisor, impl\nclass Shop(Supervisor):\n    @impl\n"
                                      "    def init(self, arg):\n        while True: pass\n")  # fmt: skip
    process = begin("shop.py:Shop")
    assert "shop.py:5 in init" in process.stderr.readline()
    below = descendants(process.pid)
    process.send_signal(signal.SIGINT)
    said, errors = process.communicate(timeout=30)
    assert (0, "") == (process.returncode, errors)
    assert said.endswith("stopping … done\n")
    assert [] == [pid for pid in below if os.path.exists(f"/proc/{pid}")]


def test_a_tree_that_takes_its_time_is_waited_for_in_words(begin: Callable[..., Any], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "go")
    source = "from otp import Children, Supervisor, impl\nclass Shop(Supervisor):\n    @impl\n"
    (tmp_path / "shop.py").write_text(f"{source}    def init(self, arg): return Children([*open('go').read()])\n")
    process = begin("shop.py:Shop")
    line = process.stdout.readline()
    assert line.endswith("; Ctrl-C ends it); still starting: Shop\n")
    ready = f"{re.findall('http://[^ /]+', line)[0]}/health/ready"
    early = httpx.get(ready)
    assert (503, {"status": "not ready", "missing": ["Shop"]}) == (early.status_code, early.json())
    (tmp_path / "go").write_text("")
    assert "started: Shop\n" == process.stdout.readline()
    assert 200 == httpx.get(ready).status_code


def cast_without_answer(program: Any) -> None:
    with program.client() as client, contextlib.suppress(httpx.TransportError):
        cast(client, "spin")


@pytest.mark.parametrize(
    ("source", "more"),
    [
        ("def shop(:", []),
        ("1 / 0", []),
        ("raise SystemExit(4)", []),
        ("class Shop: pass", []),
        ("from otp import DynamicSupervisor\nclass Shop(DynamicSupervisor): pass", ["--arg", "1"]),
        (SHOP.replace("return Ok(arg)", "raise ValueError(arg)"), []),
    ],
    ids=["syntax", "import", "exit", "no supervisor", "no argument", "init"],
)
def test_a_tree_that_does_not_start_is_explained_as_in_the_platforms_own_process(
    source: str, more: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP", "cheese")
    monkeypatch.setenv("SUPERLEARNER_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "shop.py").write_text(source)
    program = [str(Path(sys.executable).parent / "superlearner"), "run", "--no-browser", "--port", "0", "shop.py:Shop"]
    ran = [
        subprocess.run([*program, *more, where], cwd=tmp_path, capture_output=True, text=True, timeout=60)
        for where in ("--in-process", "--peer")  # which is the default
    ]
    assert ran[0].returncode == ran[1].returncode == 1
    assert ran[0].stderr == ran[1].stderr
    assert ran[0].stderr


def test_an_end_during_the_import_is_reported_and_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPERLEARNER_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "shop.py").write_text("import os; os._exit(4)")
    program = [str(Path(sys.executable).parent / "superlearner"), "run", "--no-browser", "--port", "0"]
    ran = subprocess.run([*program, "shop.py:Shop"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    expected = "superlearner: Shop does not start\n  ended the interpreter with os._exit(4)\n"
    assert (1, expected) == (ran.returncode, ran.stderr)


def test_the_demo_has_no_program_of_its_own() -> None:
    program = [str(Path(sys.executable).parent / "superlearner"), "run", "--no-browser", "--peer"]
    ran = subprocess.run(program, capture_output=True, text=True, timeout=60)
    assert (2, True) == (ran.returncode, "--peer is for a tree of yours" in ran.stderr)


APPLICATION = """\
from otp import Application, Children, Supervisor, impl

class Top(Supervisor):
    @impl
    def init(self, arg):
        return Children([])

class Shop(Application):
    name = "shop"

    @impl
    async def start(self, kind, args):
        print("opens with", args, file=__import__("sys").stderr)
        return await Top.start_link(None, name="top")

    @impl
    def stop(self, state):
        print("closed", file=__import__("sys").stderr)
"""


def test_an_application_gets_its_argument_and_is_stopped_in_order(start: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(APPLICATION)
    program = start(f"{tmp_path / 'shop.py'}:Shop", "--arg", '{"till": 1}')
    with program.client() as client:
        found = client.get("/api/v1/supervisors").json()["data"]
        assert ["top"] == [one["name"] for one in found]
    code, errors = program.end()
    assert code == 0
    assert ["opens with {'till': 1}", "closed"] == [
        line for line in errors.splitlines() if "opens" in line or "closed" in line
    ]


def test_a_tree_keeps_its_state_when_the_whole_machine_stood_still(
    tmp_path: Path, start: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: after a pause of all its programs, the platform ended the tree as one that does not answer."""
    monkeypatch.setenv("SHOP", "cheese")
    file = tmp_path / "shop.py"
    file.write_text(SHOP)
    hold = 3.0
    program = start(f"{file}:Shop", "--arg", "[1, 2]", SUPERLEARNER_PLAYGROUND_HOLD=str(hold))
    with program.client() as client:
        before = client.get("/api/v1/processes/till/info", params={"node": SHOP_NODE}).json()["data"]
        family = descendants(program.process.pid)
        stop_all(reversed(family))
        pass_time(1.5 * hold)
        continue_all(family[:1])
        assert 200 == client.get("/health/live").status_code  # it has turned, and its tree is still stopped
        continue_all(family)
        message = {"message": "how much", "message_type": "call"}
        assert [1, 2] == client.post("/api/v1/processes/till/message", json=message).json()["data"]["reply"]
        after = client.get("/api/v1/processes/till/info", params={"node": SHOP_NODE}).json()["data"]
    assert before["pid"] == after["pid"]
    status, errors = program.end()
    assert (0, ["imported"]) == (status, [line.partition(" ")[0] for line in errors.splitlines()])


STARTS = """\
import asyncio, otp
from otp import Children, GenServer, Ok, Supervisor

class Till(GenServer):
    def init(self, arg):
        otp.process_flag("trap_exit", True)
        return Ok(arg)

    def terminate(self, reason, state):
        print("terminate:", reason, flush=True)

class Slow(GenServer):
    async def init(self, arg):
        print("init", flush=True)
        await asyncio.sleep(0.1)  # the signal has to arrive during the start, and the start to end soon after it
        return Ok(arg)

class Shop(Supervisor):
    def init(self, arg):
        return Children([Till, Slow])
"""


def test_sigterm_in_the_last_moment_of_its_start_stops_the_tree_in_order(
    begin: Callable[..., Any], tmp_path: Path
) -> None:
    """Regression: the program was killed, and `terminate` of a server that had started did not run."""
    (tmp_path / "shop.py").write_text(STARTS)
    process = begin("shop.py:Shop")
    assert any(line == "init\n" for line in process.stdout)
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=30)
    assert (0, True) == (process.returncode, "terminate: shutdown\n" in said)
