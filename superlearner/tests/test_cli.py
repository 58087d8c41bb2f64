"""The command line, as people use it: real programs, their output, their exit codes."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]

BANK = """\
from otp import Children, GenServer, Ok, Supervisor, impl

class Account(GenServer):
    @impl
    def init(self, arg): return Ok(arg)

class Bank(Supervisor):
    @impl
    def init(self, arg): return Children([(Account, 10)])
"""


def test_version_is_told(superlearner: Run) -> None:
    done = superlearner("--version")
    assert (done.returncode, done.stdout.split()[0]) == (0, "superlearner")


def test_usage_errors_end_with_2(superlearner: Run) -> None:
    assert superlearner("run", "--port", "many").returncode == 2
    assert superlearner("run", "--no-such-flag").returncode == 2
    assert superlearner("fly").returncode == 2


def test_a_wrong_environment_names_the_variable(superlearner: Run) -> None:
    done = superlearner("run", SUPERLEARNER_PORT="many")
    assert done.returncode == 2
    assert "SUPERLEARNER_PORT" in done.stderr
    assert "many" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order_within_5_s(start: Callable[..., Any], number: signal.Signals) -> None:
    program = start()
    with program.client() as client:
        assert client.get("/health/ready").status_code == 200
        begun = time.monotonic()
        code, errors = program.end(number)
    assert (code, errors) == (0, "")
    assert time.monotonic() - begun < 5


def test_it_is_ready_within_2_s_of_its_start(start: Callable[..., Any]) -> None:
    """The best of three, so that a busy machine does not judge the program."""
    times: list[float] = []
    for attempt in range(3):
        begun = time.monotonic()
        program = start(data_dir=f"data-{attempt}")
        assert httpx.get(f"{program.url}/health/ready").status_code == 200
        times.append(time.monotonic() - begun)
        program.end()
    assert min(times) < 2


def test_a_port_in_use_names_port_and_flag(superlearner: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = superlearner("run", "--port", str(port))
    assert done.returncode == 1
    assert f"port {port}" in done.stderr
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_second_run_on_the_same_data_opens_the_first(start: Callable[..., Any], superlearner: Run) -> None:
    program = start()
    second = superlearner("run")
    assert second.returncode == 0
    assert program.url in second.stdout
    program.end()
    third = start()
    assert third.url != ""


@pytest.mark.parametrize(
    ("file", "target", "said"),
    [
        ("import nowhere_to_be\n", "app.py:Bank", ["app.py", "line 1", "import nowhere_to_be", "No module"]),
        ("def broken(:\n    pass\n", "app.py:Bank", ["app.py", "line 1", "def broken(:", "SyntaxError"]),
        (BANK, "app.py:Bnak", ["no name 'Bnak'", "did you mean", "Bank"]),
        (BANK, "app.py:Account", ["expected a Supervisor or an Application", "Account", "Bank"]),
        (BANK, "nowhere.py:Bank", ["there is no file nowhere.py"]),
        (BANK, "ap.py:Bank", ["there is no file ap.py", "did you mean", "app.py"]),
        ("x = 1\n", "app.py", ["no Supervisor and no Application"]),
        (BANK.replace("(Account, 10)", '{"id": "a", "start": (Account.start_link, 1), "restrat": "permanent"}'),
         "app.py:Bank", ["restrat", "restart"]),
        (BANK.replace("return Ok(arg)", "return Ok(arg / 0)"), "app.py:Bank", ["Bank does not start", "ZeroDivision"]),
    ],
)  # fmt: skip
def test_what_cannot_be_run_is_explained(
    superlearner: Run, tmp_path: Path, file: str, target: str, said: list[str]
) -> None:
    (tmp_path / "app.py").write_text(file)
    done = superlearner("run", target, "--port", "0")
    assert done.returncode == 1, done.stderr
    assert [words for words in said if words not in done.stderr] == [], done.stderr
    assert done.stdout == ""


def test_a_tree_of_ones_own_lives_in_the_playground(start: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(BANK)
    program = start("app.py:Bank")
    with program.client() as client:
        children = client.get("/api/v1/supervisors/playground").json()["data"]["children"]
    assert [(child["id"], child["what"], child["alive"]) for child in children] == [("Bank", "Bank", True)]


def test_a_data_directory_that_cannot_be_made_is_explained(superlearner: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = superlearner("run", "--data-dir", str(tmp_path / "file" / "below"))
    assert done.returncode == 1
    assert "--data-dir" in done.stderr


APPLICATION = (
    BANK
    + """
from pathlib import Path
from otp import Application

class Books(Application):
    @impl
    async def start(self, kind, args): return await Bank.start_link(None), "open"

    @impl
    def prep_stop(self, state): return state + ", closing"

    @impl
    def stop(self, state): Path("stopped").write_text(state)
"""
)


def test_an_application_of_ones_own_is_told_when_the_platform_stops(start: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APPLICATION)
    program = start("app.py:Books")
    with program.client() as client:
        children = client.get("/api/v1/supervisors/playground").json()["data"]["children"]
    assert [(child["id"], child["what"]) for child in children] == [("Books", "Bank")]
    assert program.end()[0] == 0
    assert (tmp_path / "stopped").read_text() == "open, closing"
