"""Every operation is a command: arguments, output and exit codes."""

from __future__ import annotations

import json
import os
import pty
import socket
import subprocess
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from tools.commands import differing
from typer.testing import CliRunner

from superlearner.cli import app, manifest
from superlearner.cli.manifest import verb_of
from superlearner.operations.declaration import Operation
from superlearner.operations.engine.registry import all_operations

pytestmark = pytest.mark.program

Run = Callable[..., subprocess.CompletedProcess[str]]
OPERATIONS = list(all_operations())
# pydantic is needed: typer validates arguments with it.
HEAVY = {
    "superlearner.operations.declaration",
    "superlearner.settings.settings",
    "fastapi",
    "uvicorn",
    "starlette",
    "sqlalchemy",
    "jinja2",
    "rich",
    "otp",
    "asyncio",
}


def test_the_commands_match_the_declared_operations() -> None:
    assert [] == differing(), "run make commands"


OWN_COMMANDS = {"course.check"}
"""Operations whose command works without a platform, and has other parameters."""


@pytest.mark.parametrize(
    "operation", [one for one in OPERATIONS if one.name not in OWN_COMMANDS], ids=lambda one: one.name
)
def test_every_operation_has_a_command_with_all_its_parameters(operation: Operation) -> None:
    category, verb = operation.name.partition(".")[0], verb_of(operation.name)
    shown = CliRunner().invoke(app, [category, verb, "--help"], terminal_width=200)
    assert (0, "") == (shown.exit_code, shown.stderr)
    wanted = [
        one.name.upper() if one.place == "path" else f"--{one.name.replace('_', '-')}" for one in operation.parameters
    ]
    wanted += ["--dry-run"] if operation.changes else []
    assert [] == [word for word in [*wanted, "--json", "--url"] if word not in shown.stdout]


def test_each_option_has_a_help_text() -> None:
    """Regression: `--registered-name` and `--max-seconds` had no help text."""
    verbs = [(name, verb) for name in manifest.categories() for verb in manifest.verbs(name)]
    found = {(name, verb): manifest.entry_of_verb(name, verb) for name, verb in verbs}
    assert [] == [
        (*of, one["name"]) for of, entry in found.items() if entry is not None for one in entry["parameters"]
        if not one["help"].strip()
    ]  # fmt: skip


def test_no_parameter_has_the_name_of_a_common_option() -> None:
    ours = {"url", "data_dir", "as_json", "json", "help", "ctx", "bare"}
    assert [] == [one.name for one in OPERATIONS if ours & {parameter.name for parameter in one.parameters}]


def test_a_command_imports_no_heavy_module(untouched: Any) -> None:
    typed = ["superlearner", "process", "info", "counter_1", "--json", "--data-dir", str(untouched.data_dir)]
    code = (
        f"import sys\nfrom superlearner.cli import main\nsys.argv = {typed!r}\n"
        "try:\n    main()\nfinally:\n    print(*sys.modules, file=sys.stderr)\n"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=untouched.environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["name"] == "counter_1"
    assert set() == HEAVY & set(done.stderr.split())


def test_a_kill_is_seen_in_the_tree(start: Callable[..., Any], superlearner: Run) -> None:
    start()
    before = json.loads(superlearner("process", "info", "counter_1", "--json").stdout)
    tried = superlearner("process", "kill", "counter_1", "--reason", "shutdown", "--dry-run", "--json")
    assert json.loads(tried.stdout)["would"].startswith("send the exit signal shutdown to counter_1")
    assert json.loads(superlearner("process", "info", "counter_1", "--json").stdout)["pid"] == before["pid"]
    killed = superlearner("process", "kill", "counter_1", "--reason", "shutdown")
    assert (killed.returncode, killed.stderr) == (0, "")
    assert ["name", "counter_1"] in [line.split() for line in killed.stdout.splitlines()]
    counter, *_ = json.loads(superlearner("supervisor", "info", "demo_one_for_one", "--json").stdout)["children"]
    assert (counter["id"], counter["alive"], counter["restarts"]) == ("counter_1", True, 1)
    assert counter["pid"] != before["pid"]


def test_json_is_the_data_of_the_api(untouched: Any, look: Run) -> None:
    with untouched.client() as client:
        api = client.get("/api/v1/processes", params={"per_page": 3, "search": "demo"}).json()["data"]
    assert api == json.loads(look("process", "list", "--per-page", "3", "--search", "demo", "--json").stdout)


def test_a_file_is_written_where_to_says(untouched: Any, look: Run, tmp_path: Path) -> None:
    file = tmp_path / "answer.html"
    saved = look("game", "export", "3", "--seed", "7", "--to", str(file))
    assert (saved.returncode, saved.stdout.split()[:2]) == (0, ["saved", str(file)])
    assert file.read_text(encoding="utf-8").startswith("<!doctype html>")
    look("game", "export", "3", "--seed", "7", "--to", str(tmp_path))
    assert len(list(tmp_path.glob("Predict-level-3-*.html"))) == 1
    here = look("game", "export", "2")
    assert here.stdout.split()[:2] == ["saved", next(tmp_path.glob("Predict-level-2-*.html")).name]
    assert look("game", "export", "2", "--to", "-").stdout.startswith("<!doctype html>")
    nowhere = look("game", "export", "3", "--to", str(tmp_path / "none" / "a.html"))
    assert (nowhere.returncode, "cannot write" in nowhere.stderr) == (1, True)


def test_complex_values_are_json_and_a_bare_word_is_text(start: Callable[..., Any], superlearner: Run) -> None:
    start()
    message = ("process", "message", "counter_2", "--message")
    for typed in ("increment", '"increment"', '["add", 40]'):
        assert superlearner(*message, typed, "--message-type", "cast").returncode == 0
    answer = superlearner(*message, "get_value", "--message-type", "call", "--json")
    assert json.loads(answer.stdout)["reply"] == 142
    done = superlearner("process", "bulk", "--action", "kill", "--pids", "counter_1", "--pids", "nobody", "--json")
    assert [one["ok"] for one in json.loads(done.stdout)["results"]] == [True, False]


def test_the_only_required_value_may_be_typed_without_its_option(start: Callable[..., Any], superlearner: Run) -> None:
    start()
    for typed in (('["add", 41]',), ("--message", '["add", 1]')):
        assert superlearner("process", "message", "counter_1", *typed, "--message-type", "cast").returncode == 0
    done = superlearner("process", "message", "counter_1", "get_value", "--message-type", "call", "--json")
    assert json.loads(done.stdout)["reply"] == 42
    assert "/docs/" in superlearner("docs", "search", "restart").stdout
    neither = superlearner("docs", "search")
    assert (2, True) == (neither.returncode, "Q: expected a value, here or after --q, got none" in neither.stderr)
    both = superlearner("docs", "search", "kill", "--q", "restart")
    assert (2, True) == (both.returncode, "expected one value, got both 'kill' and --q 'restart'" in both.stderr)


def test_a_list_is_a_table_whose_columns_are_aligned(look: Run) -> None:
    done = look("process", "list", "--search", "counter", "--sort", "name")
    head, *rows = done.stdout.splitlines()
    at = head.index("name")
    assert ["counter_1", "counter_2"] == [row[at:].split()[0] for row in rows]
    paged = look("process", "list", "--per-page", "2")
    assert "page 1 of" in paged.stderr


def test_the_owner_ends_a_service_with_force(start: Callable[..., Any], superlearner: Run) -> None:
    start()
    tried = superlearner("process", "kill", "watchdog", "--dry-run")
    assert "it needs force and the scope admin: watchdog" in tried.stdout
    assert superlearner("process", "kill", "watchdog", "--force").returncode == 0


def test_in_a_pipe_nothing_is_truncated(start: Callable[..., Any], superlearner: Run) -> None:
    """Regression: cells were truncated to 80 characters even in a pipe."""
    start()
    label = "why " * 45
    for _ in range(2):
        assert superlearner("state", "backup", "counter_1", "--label", label).returncode == 0
    done = superlearner("state", "backups", "counter_1")
    assert 2 == done.stdout.count(label.strip())
    assert "…" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("process", "kill", "counter_11"), 1, ["there is no process 'counter_11'; did you mean counter_1?"]),
        (("supervisor", "info", "demo_one_for_on"), 1, ["did you mean demo_one_for_one?"]),
        (("process", "kill", "nobody"), 1, ["process_not_found", "nobody", "`superlearner process list`"]),
        (("process", "kill", "web"), 1, ["critical_process_protection", "--force"]),
        (("process", "kill", "<<"), 1, ["malformed_pid"]),
        (("process", "kill", ""), 2, ["expected a pid"]),
        (("process", "kil", "x"), 2, ["Did you mean 'kill'"]),
        (("error", "last"), 2, ["Missing argument 'PID'. To list the newest failures: `superlearner error list`"]),
        (("process", "show", "x"), 2, ["No such command 'show'. Did you mean 'info'?"]),
        (("error", "show", "x"), 2, ["'show'. Did you mean 'why'? error has history, last, list, patterns and why"]),
        (("process", "why", "x"), 2, ["No such command 'why'. Did you mean 'error why'?"]),
        (("process", "log", "x"), 2, ["No such command 'log'. Did you mean 'log list'?"]),
        (("mailbox", "list"), 2, ["No such command 'list'. Did you mean 'stats'?"]),
        (("config", "lst"), 2, ["No such command 'lst'. config has show"]),
        (("tree", "why", "x"), 2, ["tree takes only ROOT, but also got 'x'. No such command 'why'. Did you mean"]),
        (("system", "anomalies", "--type", "x"), 2, ["No such option: --type. Options: --ended, "]),
        (("system", "health", "--node", "x"), 2, ["system metrics and system topology take it. Options: --url, "]),
        (("restart", "list", "--name", "x"), 2, ["No such option: --name. Did you mean '--process'?"]),
        (("mailbox", "stats", "x"), 2, ["no arguments, but got 'x'. Commands with one argument: mailbox count PID"]),
        (("restart", "list", "x"), 2, ["restart list takes no arguments, but got 'x'. Use --process 'x' to filter."]),
        (("error", "why", "x", "y"), 2, ["error why takes only PID, but also got 'y'."]),
        (("supervisor", "restart", "front", "till"), 2, ["also got 'till'. Did you mean 'supervisor restart-child'?"]),
        (("system", "anomalies", "--node", "--data-dir", "x"), 2, ["Option '--node' requires an argument."]),
        (("doctor", "--cacert", "x"), 2, ["No such option: --cacert. Write it before the command. Options: --json"]),
        (("process", "--limit", "3"), 2, ["No such option: --limit. Write it after a command: process has "]),
        (("config", "path", "--bogus"), 2, ["No such option: --bogus. It takes no options"]),
        (("timeline",), 2, ["No such command 'timeline'. Did you mean 'restart list'?"]),
        (("show", "ledger"), 2, ["No such command 'show'. Did you mean 'process info'?"]),
        (("proces",), 2, ["No such command 'proces'. Did you mean 'process'?"]),
        (("restart", "list", "--limit", "3"), 2, ["No such option: --limit. Did you mean '--per-page'?"]),
        (("proces", "kill", "x"), 2, ["Did you mean 'process'"]),
        (("process", "list", "--per-page", "1001"), 2, ["--per-page", "1000"]),
        (("process", "list", "--type", "servre"), 2, ["servre", "genserver"]),
        (
            ("process", "message", "counter_1", "x", "--message-type", "kast"),
            2,
            ["'--message-type': 'kast' is not one of 'send', 'cast', 'call'; did you mean cast?"],
        ),
        (("process", "list", "--per-page", "0"), 2, ["'--per-page': expected at least 1, got 0"]),
        (("system", "metrics", "--window-s", "nan"), 2, ["'--window-s': expected a finite number, got nan"]),
        (("top", "--sort", "mailbxo"), 2, ["'--sort': 'mailbxo' is not one of", "did you mean mailbox?"]),
        (("process", "list", "--pge", "1"), 2, ["--page"]),
        (("process", "list", "--sort", "taste"), 2, ["--sort", "taste", "-mailbox"]),
        (("process", "item", "counter_1", "taste"), 1, ["validation_error", "item"]),
        (("process", "message", "counter_1", "--message", "[1"), 2, ["--message", "expected JSON", "[1"]),
        (("process", "message", "counter_1"), 2, ["--message"]),
        (("process", "message", "counter_1", "1e400"), 2, ["the number 1e400 is too large, the largest is 1.8e+308"]),
        (("process", "message", "counter_1", "[1e400]"), 2, ["the number 1e400 is too large"]),
        (("process", "message", "counter_1", "-1e400"), 2, ["the number -1e400 is too large"]),
        (("system", "metrics", "--window-s", "-1e400"), 2, ["'--window-s': expected"]),
        (("settings", "set", "port", "-x"), 2, ["No such option: -x. Write -- before a value that begins with -"]),
        (("settings", "set", "anomaly_mailbox", "-5"), 1, ["anomaly_mailbox", "expected at least", "got -5"]),
        (("process", "kill", "counter_1", "--reason", ""), 1, ["reason: expected at least 1 character, got none"]),
        (
            ("supervisor", "change-strategy", "demo_one_for_one", "one_for_one", "--max-restarts", "NaN"),
            1,
            ["max_restarts: expected a whole number or 'infinity', got 'NaN'"],
        ),
        (("process", "list", "--url", "localhost:4000"), 2, ["http://127.0.0.1:4000", "localhost:4000"]),
    ],
)
def test_the_exit_code_tells_the_kind_of_failure(
    look: Run, arguments: tuple[str, ...], code: int, said: list[str]
) -> None:
    done = look(*arguments)
    assert (code, "") == (done.returncode, done.stdout)
    assert [] == [words for words in said if words not in done.stderr], done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_platform_it_ends_with_3(superlearner: Run, start: Callable[..., Any]) -> None:
    never = superlearner("process", "list")
    assert (never.returncode, never.stdout) == (3, "")
    assert "superlearner run" in never.stderr
    killed = start()
    killed.process.kill()
    killed.process.wait()
    late = superlearner("process", "list")
    assert (late.returncode, "has ended" in late.stderr) == (3, True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        assert superlearner("process", "list", "--url", url).returncode == 3


class Stranger(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(404)
        self.end_headers()
        self.wfile.write(b"<h1>not here</h1>")

    def log_message(self, *arguments: Any) -> None: ...


def test_another_server_is_not_mistaken_for_a_platform(superlearner: Run) -> None:
    with HTTPServer(("127.0.0.1", 0), Stranger) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        done = superlearner("process", "list", "--url", f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
    assert (done.returncode, "is not a SuperLearner platform" in done.stderr) == (3, True)


def test_a_platform_is_found_by_url_environment_and_data_directory(
    start: Callable[..., Any], superlearner: Run, tmp_path: Path
) -> None:
    program = start(data_dir=str(tmp_path / "first"))
    there = ("system", "health", "--json")
    assert superlearner(*there).returncode == 3
    assert superlearner(*there, "--url", program.url).returncode == 0
    assert superlearner("--url", program.url, *there).returncode == 0
    assert superlearner(*there, SUPERLEARNER_URL=program.url).returncode == 0
    assert superlearner(*there, "--data-dir", str(program.data_dir)).returncode == 0
    assert superlearner("--data-dir", str(program.data_dir), *there).returncode == 0
    wins = superlearner("--data-dir", str(tmp_path), *there, "--data-dir", str(program.data_dir))
    assert wins.returncode == 0
    elsewhere = superlearner("--data-dir", str(tmp_path), *there, SUPERLEARNER_URL=program.url)
    assert (elsewhere.returncode, str(tmp_path) in elsewhere.stderr) == (3, True)
    (tmp_path / "superlearner.toml").write_text(f'data_dir = "{program.data_dir}"')
    assert superlearner(*there, SUPERLEARNER_DATA_DIR="").returncode == 0


def test_the_owners_token_is_used_where_one_is_required(
    start: Callable[..., Any], superlearner: Run, tmp_path: Path
) -> None:
    program = start("--auth", "all")
    assert superlearner("process", "list").returncode == 0
    address = program.url.partition("?")[0]
    assert superlearner("process", "list", "--url", address).returncode == 0
    elsewhere = superlearner("process", "list", "--url", address, "--data-dir", str(tmp_path / "other"))
    assert (elsewhere.returncode, "unauthorized" in elsewhere.stderr) == (1, True)
    assert "SUPERLEARNER_TOKEN" in elsewhere.stderr
    (tmp_path / "third").mkdir()
    (tmp_path / "third" / "token").write_text("t" * 43)
    (tmp_path / "third" / "token").chmod(0o600)
    assert (
        "no token was found" in superlearner("process", "list", "--url", address, SUPERLEARNER_DATA_DIR="third").stderr
    )
    of_another = superlearner("process", "list", "--url", address, SUPERLEARNER_TOKEN="t" * 43)
    assert (1, True) == (of_another.returncode, "the token that was found is not its" in of_another.stderr)


HOSTILE = ["<b>bold</b>", "two\nlines", "\x1b[31mred\x1b]0;title\x07", "\u202eright to left", "\x9b2J", "n" * 10_000]
TREE = f"""\
from otp import Children, GenServer, Ok, Supervisor, impl

class Account(GenServer):
    @impl
    def init(self, arg): return Ok(arg)

class Bank(Supervisor):
    @impl
    def init(self, arg): return Children([Account.child_spec(1, id=name, name=name) for name in {HOSTILE!r}])
"""


def at_a_terminal(program: Any, *arguments: str) -> str:
    """Return the output of a command on a terminal without colours."""
    ours, theirs = pty.openpty()
    environment = {**program.environment, "TERM": "dumb", "COLUMNS": "200"}
    command = [sys.executable, "-m", "superlearner", *arguments]
    with subprocess.Popen(command, cwd=program.data_dir, env=environment, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        written = b""
        try:
            while part := os.read(ours, 65536):
                written += part
        except OSError:
            pass  # Linux reports a closed other side like this
        os.close(ours)
        assert process.wait() == 0, written
    return written.decode().replace("\r\n", "\n")


@pytest.fixture(scope="module")
def hostile(start_for_all: Callable[..., Any]) -> Any:
    return start_for_all("app.py:Bank", files={"app.py": TREE})


@pytest.mark.parametrize(
    "arguments",
    [
        ("process", "list"),
        ("process", "list", "--json"),
        ("supervisor", "list", "--include-children", "--json"),
        ("process", "info", "\x9b2J"),
    ],
)
def test_no_name_can_control_the_terminal(hostile: Any, superlearner: Run, arguments: tuple[str, ...]) -> None:
    there = (*arguments, "--url", hostile.url)
    for text in (superlearner(*there).stdout, at_a_terminal(hostile, *there)):
        assert "2J" in text
        assert set() == {one for one in text if not one.isprintable()} - {"\n"}
