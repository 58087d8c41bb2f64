"""The command line as users see it: real programs, output, exit codes."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from typer.main import get_command

from superlearner.base.interfaces import machine_addresses
from superlearner.cli import app

pytestmark = pytest.mark.program

IN_BACKTICKS = re.compile(r"`(superlearner [^`]+)`")
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


@pytest.mark.cold
def test_version_is_printed(superlearner: Run) -> None:
    done = superlearner("--version")
    assert (done.returncode, done.stdout.split()[0]) == (0, "superlearner")


def test_the_help_begins_with_the_most_common_commands(superlearner: Run) -> None:
    words = superlearner("--help").stdout
    at = [words.index(f"\n  {name} ") for name in ("run", "console", "top", "tree", "doctor", "process", "supervisor")]
    assert at == sorted(at)
    assert "kill" in words.partition("\n  process ")[2].partition("\n")[0]
    assert "terminate-tree, ties" in words  # none of them is truncated
    assert "…" not in words
    assert "superlearner run" in words
    assert "--data-dir" in words


def test_usage_errors_end_with_2(superlearner: Run) -> None:
    assert superlearner("run", "--port", "many").returncode == 2
    assert superlearner("run", "--no-such-flag").returncode == 2
    assert superlearner("fly").returncode == 2


@pytest.mark.cold
def test_the_error_for_an_invalid_environment_names_the_variable(superlearner: Run) -> None:
    done = superlearner("run", SUPERLEARNER_PORT="many")
    assert done.returncode == 2
    assert "SUPERLEARNER_PORT" in done.stderr
    assert "many" in done.stderr


def test_a_misspelt_variable_is_reported_and_those_of_commands_are_not(superlearner: Run) -> None:
    """Regression: it was ignored silently, and the default applied."""
    known = {"SUPERLEARNER_URL": "http://127.0.0.1:1", "SUPERLEARNER_TOKEN": "t", "superlearner_port": "0"}
    done = superlearner("run", "nothing.py:Here", SUPERLEARNER_DATADIR="/tmp", SUPERLEARNER_X="1", **known)
    said = [line for line in done.stderr.splitlines() if "not a known variable" in line]
    assert said == [
        "superlearner: SUPERLEARNER_DATADIR is not a known variable; did you mean SUPERLEARNER_DATA_DIR?",
        "superlearner: SUPERLEARNER_X is not a known variable; see `superlearner config` and docs/command-line.md",
    ]
    assert said == superlearner("config", SUPERLEARNER_DATADIR="/tmp", SUPERLEARNER_X="1").stderr.splitlines()


@pytest.mark.cold
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly_within_5_s(start: Callable[..., Any], number: signal.Signals) -> None:
    program = start()
    with program.client() as client:
        assert client.get("/health/ready").status_code == 200
        code, said, errors, took = program.last_words(number)
    assert (code, said, errors) == (0, "stopping … done\n", "")
    assert took < 5


@pytest.mark.cold
def test_it_is_ready_within_2_s_of_its_start(start: Callable[..., Any]) -> None:
    """On a machine that imports its libraries in 0.56 s, as a quiet one did; a slower one may take as much longer."""
    times: list[float] = []
    imports: list[float] = []
    for attempt in range(3):
        imports.append(seconds_of_imports())
        begun = time.monotonic()
        program = start(data_dir=f"data-{attempt}")
        assert httpx.get(f"{program.url}/health/ready").status_code == 200
        times.append(program.clock() - begun)
        program.end()
    assert min(times) < 2 * max(1, min(imports) / 0.56)


def seconds_of_imports() -> float:
    """Return how long a new Python imports the libraries of a start, without its waits for a core."""
    waited = "open('/proc/self/schedstat').read().split()[1]" if Path("/proc/self/schedstat").exists() else "0"
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", f"import fastapi, jinja2, pydantic_settings, typer, uvicorn; print({waited})"],
        capture_output=True,
        text=True,
        check=True,
    )
    return time.monotonic() - begun - int(done.stdout) / 1e9


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


def test_a_tree_that_cannot_run_beside_the_first_platform_is_not_mistaken_for_it(
    start: Callable[..., Any], superlearner: Run, tmp_path: Path
) -> None:
    (tmp_path / "app.py").write_text(BANK)
    program = start()
    second = superlearner("run", "app.py:Bank")
    said = f"Bank was not started: SuperLearner is already running at {program.url} for this data directory"
    assert (second.returncode, second.stdout) == (1, "")
    assert said in second.stderr
    assert "--data-dir" in second.stderr


SHOWS_ITS_ARGUMENT = BANK.replace("def init(self, arg): return Ch", "def init(self, arg): print(repr(arg)); return Ch")


@pytest.mark.parametrize(
    ("given", "got"), [((), "None"), (("--arg", '["a", {"n": [1, 2.5]}, null]'), "('a', {'n': (1, 2.5)}, None)")]
)
def test_a_user_tree_gets_the_argument_of_the_command_line(
    superlearner: Run, tmp_path: Path, given: tuple[str, ...], got: str
) -> None:
    (tmp_path / "app.py").write_text(SHOWS_ITS_ARGUMENT.replace("return Ok(arg)", "raise SystemExit(7)"))
    done = superlearner("run", "app.py:Bank", "--in-process", "--port", "0", *given)
    assert done.stdout.splitlines()[0] == got
    assert done.returncode == 7


def test_a_user_application_gets_the_argument_of_the_command_line(superlearner: Run, tmp_path: Path) -> None:
    source = APPLICATION.replace(
        "def start(self, kind, args): return", "def start(self, kind, args): print(args); raise SystemExit(7); return"
    )
    (tmp_path / "app.py").write_text(source)
    done = superlearner("run", "app.py:Books", "--in-process", "--port", "0", "--arg", "[1]")
    assert done.stdout.splitlines()[0] == "(1,)"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("app.py:Bank", "--arg", "foo"), ["--arg", "expected JSON", "'foo'"]),
        (("app.py:Bank", "--arg", "NaN"), ["--arg", "expected JSON", "NaN"]),
        (("--arg", "1"), ["--arg is for a tree of yours"]),
        (("app.py:Bank", "--empty"), ["expected FILE.py:Name or --empty, got both"]),
    ],
)
def test_an_argument_that_is_not_json_or_contradicts_another_is_refused(
    superlearner: Run, arguments: tuple[str, ...], said: list[str]
) -> None:
    done = superlearner("run", *arguments)
    assert done.returncode == 2
    assert [words for words in said if words not in done.stderr] == []


@pytest.mark.parametrize(
    "words",
    [
        ("run", "app.py:Account", "--in-process", "--port", "0"),
        ("run", "--peer"),
        ("node", "b", "--app", "app.py:Account"),
        ("attach",),
    ],
)
def test_hints_of_refused_commands_keep_the_data_directory(superlearner: Run, tmp_path: Path, words: Any) -> None:
    (tmp_path / "app.py").write_text(BANK)
    done = superlearner(*words, "--data-dir", str(tmp_path / "class a"))
    assert 0 != done.returncode
    printed = IN_BACKTICKS.findall(done.stderr)
    assert printed, done.stderr
    assert [] == [one for one in printed if f"--data-dir {shlex.quote(str(tmp_path / 'class a'))}" not in one]


def test_usage_lines_have_the_notation_of_manuals() -> None:
    """Regression: they contained `[[FILE.py:Name]]` and `{PID}`."""

    def lines(found: Any, name: str) -> Iterator[str]:
        context = found.context_class(found, info_name=name)
        yield " ".join(found.collect_usage_pieces(context))
        for below, one in dict(getattr(found, "commands", {})).items():
            yield from lines(one, below)

    usages = list(lines(get_command(app), "superlearner"))
    assert len(usages) > 100
    assert {"[OPTIONS] [FILE.py:Name]", "[OPTIONS] PID", "[OPTIONS] HOST..."} <= set(usages)
    assert [] == [usage for usage in usages if re.search(r"[{}]|\[\[", usage)]


ROOMS = "from otp import DynamicSupervisor\n\nclass Rooms(DynamicSupervisor): pass\n"


def test_a_dynamic_supervisor_has_no_argument(superlearner: Run, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(ROOMS)
    done = superlearner("run", "app.py:Rooms", "--in-process", "--arg", "1", "--port", "0")
    assert done.returncode == 1
    assert "takes no argument" in done.stderr


@pytest.mark.parametrize(
    ("file", "target", "said"),
    [
        ("import nowhere_to_be\n", "app.py:Bank", ["app.py", "line 1", "import nowhere_to_be", "No module"]),
        ("def broken(:\n    pass\n", "app.py:Bank", ["app.py", "line 1", "def broken(:", "SyntaxError"]),
        (BANK, "app.py:Bnak", ["no name 'Bnak'", "did you mean", "Bank"]),
        (BANK, "app.py:Account", ["expected a Supervisor or an Application", "Account", "Bank"]),
        (BANK, "nowhere.py:Bank", ["there is no file nowhere.py"]),
        (BANK, "ap.py:Bank", ["there is no file ap.py", "did you mean", "app.py"]),
        (BANK, "apps.py", ["there is no file apps.py", "did you mean", "app.py"]),
        (BANK, "nofile.py:Bank", ["there is no file nofile.py\nthe folder searched is"]),
        ("x = 1\n", "app.py", ["no Supervisor and no Application"]),
        (BANK.replace("(Account, 10)", '{"id": "a", "start": (Account.start_link, 1), "restrat": "permanent"}'),
         "app.py:Bank", ["restrat", "restart"]),
        (BANK.replace("return Ok(arg)", "return Ok(arg / 0)"), "app.py:Bank", ["Bank does not start", "ZeroDivision"]),
    ],
)  # fmt: skip
def test_the_error_explains_why_a_program_cannot_be_run(
    superlearner: Run, tmp_path: Path, file: str, target: str, said: list[str]
) -> None:
    (tmp_path / "app.py").write_text(file)
    done = superlearner("run", target, "--in-process", "--port", "0")
    assert done.returncode == 1, done.stderr
    assert [words for words in said if words not in done.stderr] == [], done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("words", [("run", "--port", "0"), ("node", "b")])
def test_too_few_descriptors_are_refused_before_the_start(tmp_path: Path, words: tuple[str, ...]) -> None:
    """Regression: imports failed halfway, with a traceback of the store or of the event loop."""
    program = shlex.join([sys.executable, "-m", "superlearner", *words, "--data-dir", str(tmp_path)])
    done = subprocess.run(["sh", "-c", f"ulimit -n 24; exec {program}"], capture_output=True, text=True, check=False)
    expected = "superlearner: expected a limit of at least 64 open files, got 24; try `ulimit -n 4096` first\n"
    assert (1, "", expected) == (done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("words", [("process", "list"), ("tree", "--watch")])
def test_an_address_that_refuses_is_named_without_the_number_of_the_error(superlearner: Run, words: Any) -> None:
    done = superlearner(*words, "--url", "http://127.0.0.1:9")
    assert 3 == done.returncode
    assert "no platform answers at http://127.0.0.1:9 (Connection refused)" in done.stderr


def test_a_user_tree_runs_in_the_playground(start: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(BANK)
    program = start("app.py:Bank", "--in-process")
    with program.client() as client:
        children = client.get("/api/v1/supervisors/playground").json()["data"]["children"]
    assert [(child["id"], child["what"], child["alive"]) for child in children] == [("Bank", "Bank", True)]


def test_the_error_explains_why_a_data_directory_cannot_be_created(superlearner: Run, tmp_path: Path) -> None:
    """Regression: `File exists`, `Not a directory`, or "no platform is running", which suggested to start one there."""
    file = tmp_path / "file"
    file.write_text("")
    commands = (("run",), ("db", "status"), ("db", "upgrade"), ("token",), ("system", "health"), ("node", "b"))
    for folder, why in ((file, "it is a file"), (file / "below", f"{file} is a file")):
        for words in commands:
            done = superlearner(*words, "--data-dir", str(folder))
            assert (done.stdout, done.stderr.count("\n")) == ("", 1)
            unusable = f"the data directory {folder} cannot be used: {why}"
            assert (f"{file} is a file, not a folder" if words[0] == "node" else unusable) in done.stderr
            assert "; try --data-dir" in done.stderr


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


def test_a_user_application_is_notified_when_the_platform_stops(start: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APPLICATION)
    program = start("app.py:Books", "--in-process")
    with program.client() as client:
        children = client.get("/api/v1/supervisors/playground").json()["data"]["children"]
    assert [(child["id"], child["what"]) for child in children] == [("Books", "Bank")]
    assert program.end()[0] == 0
    assert (tmp_path / "stopped").read_text() == "open, closing"


BEYOND = ("--host", "0.0.0.0")
UNENCRYPTED = (
    "superlearner: warning: credentials travel unencrypted; "
    "use a network you trust, --certfile, or a proxy with TLS in front"
)


def test_beyond_loopback_all_requests_need_a_credential(start: Callable[..., Any], superlearner: Run) -> None:
    program = start(*BEYOND)
    link = httpx.URL(program.link)
    assert (link.scheme, link.host, link.path, set(link.params)) == ("http", "127.0.0.1", "/", {"token"})
    token = superlearner("token").stdout.strip()
    assert token != link.params["token"]
    api = link.copy_with(path="/api/v1/supervisors", query=None)
    live = str(link.copy_with(scheme="ws", path="/live/supervisors", query=None))

    refused = httpx.get(api)
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "unauthorized")
    assert httpx.get(link.copy_with(path="/health/ready", query=None)).status_code == 200
    assert httpx.get(api, headers={"authorization": f"Bearer {token}"}).status_code == 200

    with httpx.Client() as client:
        page = client.get(link, follow_redirects=True)
        assert (page.status_code, page.url.path, page.url.query) == (200, "/", b"")
        assert client.get(api).status_code == 200
        cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    assert httpx.get(link).status_code == 401
    assert first_frames(live, {}, {"authorization": f"Bearer {token}"}, {"cookie": cookie}) == [401, "s", "s"]
    code, errors = program.end()
    assert (code, errors.splitlines()) == (0, [UNENCRYPTED])


def test_the_addresses_that_others_can_open_are_printed_and_allowed_and_no_others(
    start: Callable[..., Any], superlearner: Run
) -> None:
    addresses = machine_addresses()
    if not addresses:
        pytest.skip("this machine has no address besides loopback")
    program = start(*BEYOND)
    port = httpx.URL(program.url).port
    others, tls, how = (program.process.stdout.readline() for _ in range(3))
    assert others == f"others open {' or '.join(f'http://{one}:{port}' for one in addresses)} and sign in\n"
    assert "--certfile FILE" in tls
    assert f"{addresses[0]}:{port}/class, or " in how
    assert how.endswith("user links @names.txt\n")
    health = {
        host: httpx.get(f"{program.url}/sign-in", headers={"host": host}) for host in (*addresses, "evil.example")
    }
    assert [health[one].status_code for one in addresses] == [200] * len(addresses)
    assert health["evil.example"].json()["error"]["code"] == "host_not_allowed"
    page = httpx.get(f"{program.url}/sign-in", headers={"host": "evil.example", "accept": "text/html,*/*;q=0.8"})
    assert (page.status_code, page.headers["content-type"]) == (403, "text/html; charset=utf-8")
    assert "--allow-host evil.example" in page.text
    added = superlearner("user", "add", "ada", "--role", "viewer")
    assert (added.returncode, added.stderr) == (0, "")
    made = superlearner("user", "link", "ada", "--qr")
    assert f"http://{addresses[0]}:{port}/sign-in/" in made.stdout
    assert "█▀" in made.stdout


def first_frames(url: str, *visits: dict[str, str]) -> list[Any]:
    """Return the first frame's kind, or the status of a refusal, for each visit."""

    async def first(headers: dict[str, str]) -> Any:
        try:
            async with websockets.connect(url, additional_headers=headers, proxy=None) as socket:
                return json.loads(await socket.recv())["k"]
        except websockets.InvalidStatus as refusal:
            return refusal.response.status_code

    async def main() -> list[Any]:
        return [await first(headers) for headers in visits]

    return asyncio.run(main())


def test_credentials_can_be_required_on_loopback_too(start: Callable[..., Any]) -> None:
    program = start("--auth", "all")
    url = httpx.URL(program.link)
    assert httpx.get(url.copy_with(path="/api/v1/supervisors", query=None)).status_code == 401
    assert httpx.get(url).status_code == 303
    assert program.end() == (0, "")


def test_beyond_loopback_without_credentials_is_a_usage_error(superlearner: Run, tmp_path: Path) -> None:
    done = superlearner("run", *BEYOND, "--auth", "none")
    assert done.returncode == 2
    assert "--auth: expected 'all', or the host 127.0.0.1" in done.stderr
    assert "0.0.0.0" in done.stderr
    assert superlearner("run", *BEYOND, SUPERLEARNER_AUTH="none").returncode == 2
    assert superlearner("run", "--auth", "maybe").returncode == 2
    assert not (tmp_path / "data").exists()


def test_loopback_needs_no_credential_and_the_token_is_created_anyway(
    start: Callable[..., Any], superlearner: Run
) -> None:
    early = superlearner("token")
    assert (early.returncode, early.stdout) == (1, "")
    assert "--data-dir" in early.stderr
    program = start()
    with program.client() as client:
        assert client.get("/api/v1/supervisors").status_code == 200
        assert client.get(program.link, follow_redirects=True).status_code == 200
        assert client.get("/api/v1/arsenal/whoami").json()["data"]["user"] == "owner"
    shown = superlearner("token", "--data-dir", str(program.data_dir), SUPERLEARNER_DATA_DIR="elsewhere")
    assert shown.stdout == (program.data_dir / "token").read_text()
    assert program.end() == (0, "")


def test_commands_for_another_terminal_include_the_data_directory(
    start: Callable[..., Any], superlearner: Run, tmp_path: Path
) -> None:
    folder = tmp_path / "of mine"
    program = start("--data-dir", str(folder))
    line = program.process.stdout.readline()
    assert line.startswith("commands in another terminal: superlearner ")
    assert superlearner(*shlex.split(line.partition(": superlearner ")[2])).returncode == 0
    before = superlearner("--data-dir", str(folder), "token")
    assert before.stdout == (folder / "token").read_text()
    assert superlearner("--data-dir", str(folder), "run").stdout.startswith("SuperLearner is already running")


def test_the_token_stays_the_same_from_start_to_start(start: Callable[..., Any], superlearner: Run) -> None:
    first = start(*BEYOND)
    token = superlearner("token").stdout
    first.end()
    second = start(*BEYOND)
    assert superlearner("token").stdout == token
    assert second.link.partition("?")[2] != first.link.partition("?")[2]
    url = httpx.URL(second.link)
    assert httpx.get(url.copy_with(query=first.link.partition("?")[2].encode())).status_code == 401


def test_a_second_run_gets_a_link_of_its_own(start: Callable[..., Any], superlearner: Run) -> None:
    program = start(*BEYOND)
    second = superlearner("run")
    assert second.returncode == 0
    (link,) = [word for word in second.stdout.split() if word.startswith("http")]
    assert link.partition("=")[0] == program.link.partition("=")[0]
    assert link != program.link
    assert [httpx.get(one).status_code for one in (link, program.link, link)] == [303, 303, 401]


def test_a_token_that_others_can_read_stops_a_start_that_needs_it(
    start: Callable[..., Any], superlearner: Run, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir(mode=0o700)
    (tmp_path / "data" / "token").write_text("t" * 43)
    (tmp_path / "data" / "token").chmod(0o644)
    refused = superlearner("run", *BEYOND, "--port", "0")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "expected the mode 0600, got 0644" in refused.stderr
    assert superlearner("token").returncode == 1
    code, errors = start().end()
    assert code == 0
    assert "warning: others can read the token" in errors


@pytest.mark.cold
def test_a_command_runs_in_a_folder_that_was_deleted(tmp_path: Path) -> None:
    (tmp_path / "left").mkdir()
    command = 'cd left && rmdir ../left && exec "$0" -m superlearner config'
    done = subprocess.run(
        ["sh", "-c", command, sys.executable], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    words = "superlearner: the current folder has been deleted; relative paths begin at /\n"
    assert (0, words) == (done.returncode, done.stderr)
