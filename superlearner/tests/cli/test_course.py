"""The course on the command line: checks without a platform, and progress with one."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.program

Run = Callable[..., subprocess.CompletedProcess[str]]
RIGHT = "answer = {'confirmation', 'back-pressure', 'other reader'}"


def test_an_answer_is_checked_without_a_platform(superlearner: Run, tmp_path: Path) -> None:
    file = tmp_path / "answer.py"
    file.write_text(RIGHT)
    passed = superlearner("course", "check", "s12.remember", str(file), "--json")
    assert (0, "") == (passed.returncode, passed.stderr)
    assert json.loads(passed.stdout) == {
        "ok": True,
        "misconceptions": [],
        "checks": [{"step": "A call is needed where its sender has to know that it is done.", "ok": True, "say": ""}],
        "recorded_for": None,
        "why_not": f"no platform is running on the data directory {tmp_path / 'data'}; start one with "
        f"`superlearner run --data-dir {tmp_path / 'data'}`, or say where it is with --url or --data-dir",
    }
    file.write_text(RIGHT.replace("}", ", 'faster'}"))
    failed = superlearner("course", "check", "s12.remember", str(file))
    assert failed.returncode == 1
    assert "a call is slower for its sender, which waits for the answer" in failed.stdout
    assert "Note      A question waits until its answer is there" in failed.stdout
    assert "misconception" not in failed.stdout
    assert failed.stdout.count("\nnot recorded: no platform is running") == 1


STOPPED = """
import os, signal, sys
import otp, superlearner.course.engine.checking as checking
from superlearner.cli import main

async def check(self, *_):
    os.kill(os.getpid(), signal.SIGTERM)
    await otp.receive()

checking.Checker.check = check
main()
"""


def test_a_check_that_is_asked_to_stop_says_so(tmp_path: Path) -> None:
    """Regression: `timeout 40 superlearner course check …` ended with a traceback."""
    file = tmp_path / "answer.py"
    file.write_text(RIGHT)
    words = [sys.executable, "-c", STOPPED, "course", "check", "s12.remember", str(file)]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    said = "superlearner: it was not checked: the command was asked to stop before the check ended\n"
    assert (2, "", said) == (ended.returncode, ended.stdout, ended.stderr)


EARLY = """
import typer.main
from superlearner.cli import main

def interrupted(*_, **__):
    raise KeyboardInterrupt

typer.main.get_command = interrupted
main()
"""


def test_ctrl_c_before_a_command_begins_prints_no_traceback() -> None:
    """Regression: a busy machine takes seconds to start a command, and Ctrl-C ended it with a traceback."""
    words = [sys.executable, "-c", EARLY, "course", "check", "s12.remember", "answer.py"]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert (130, "", "") == (ended.returncode, ended.stdout, ended.stderr)


def test_a_watched_file_is_checked_after_each_save(tmp_path: Path) -> None:
    file = tmp_path / "answer.py"
    words = [sys.executable, "-m", "superlearner", "course", "check", "s12.remember", str(file), "--watch", "--json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        assert watching.stderr is not None
        try:
            assert watching.stderr.readline().endswith("answer.py is checked as soon as it is there (Ctrl-C ends)\n")
            file.write_text("answer = None")
            assert json.loads(watching.stdout.readline())["ok"] is False
            saved = tmp_path / "saved.py"
            saved.write_text(RIGHT)
            saved.replace(file)  # as editors save
            assert json.loads(watching.stdout.readline())["ok"] is True
            file.write_bytes(b"\xff")
            assert "it is not in UTF-8" in json.loads(watching.stdout.readline())["checks"][0]["say"]
            watching.send_signal(signal.SIGINT)
            assert watching.communicate(timeout=30) == ("", "stopping; press Ctrl-C again to interrupt\n")
        finally:
            watching.kill()
    assert watching.returncode == 0


@pytest.mark.parametrize(
    ("exercise", "content", "said"),
    [
        ("s12.minmal", b"", "there is no exercise s12.minmal; did you mean s12.minimal?\n"),
        ("s12.minimal", b"\xff", "answer.py: expected a Python file in UTF-8, got other bytes\n"),
        ("s12.minimal", None, "answer.py: there is no such file\n"),
        ("s12.minmal", None, "did you mean s12.minimal?\n  {folder}/answer.py: there is no such file\n"),
    ],
)
def test_what_cannot_be_checked_ends_with_2(
    superlearner: Run, tmp_path: Path, exercise: str, content: bytes | None, said: str
) -> None:
    if content is not None:
        (tmp_path / "answer.py").write_bytes(content)
    done = superlearner("course", "check", exercise, str(tmp_path / "answer.py"), "--json")
    assert (2, "") == (done.returncode, done.stdout)
    assert said.format(folder=tmp_path) in done.stderr


def test_a_file_that_is_missing_is_told_with_one_beside_it(superlearner: Run, tmp_path: Path) -> None:
    (tmp_path / "counter.py").write_text(RIGHT)
    for name, said in (
        ("conter.py", f"there is no such file; did you mean {tmp_path}/counter.py?"),
        (".", "expected a Python file, got a directory"),
        ("work/counter.py", f"there is no folder {tmp_path}/work"),
    ):
        done = superlearner("course", "check", "s12.remember", str(tmp_path / name))
        assert (2, "") == (done.returncode, done.stdout)
        assert done.stderr == f"superlearner: {tmp_path / name}: {said}\n"


def test_with_a_platform_a_session_goes_on_at_the_command_line(
    start: Callable[..., Any], superlearner: Run, tmp_path: Path
) -> None:
    start()
    sessions = json.loads(superlearner("course", "sessions", "--json").stdout)
    assert [one["number"] for one in sessions] == list(range(1, 21))
    session = sessions[11]
    assert ("What is OTP?", "untouched") == (session["title"], session["state"])
    lesson = superlearner("course", "lesson", "12").stdout
    assert "[exercise s12.minimal] MinimalServer, 10 minutes" in lesson
    assert "Check: `superlearner course check s12.minimal FILE.py`" in lesson
    assert "Answer: `superlearner course predict s12.p1 NUMBER`" in lesson
    assert "</p>" not in lesson
    assert max(len(line) for line in lesson.splitlines() if not line.startswith("    ")) <= 80
    asked = superlearner("course", "predict", "s12.p1", "1")
    assert asked.returncode == 0
    assert "one_for_one: B; rest_for_one: B, C; one_for_all: A, B, C" in asked.stdout
    hint = superlearner("course", "hint", "s12.minimal").stdout
    assert hint.startswith("Hint 1 of 4 to s12.minimal:\n\n")
    assert "<p>" not in hint
    assert json.loads(superlearner("course", "hint", "s12.minimal", "--json").stdout)["text"].startswith("<p>")
    assert "Read:   `superlearner course lesson 12`" in superlearner("course", "next").stdout
    assert superlearner("course", "review").stdout == "Nothing is due today.\n"
    (tmp_path / "answer.py").write_text(RIGHT)
    checked = superlearner("course", "check", "s12.remember", str(tmp_path / "answer.py"))
    assert checked.returncode == 0
    assert "\nWhy       A call confirms, slows its sender down" in checked.stdout
    assert re.search(r"\npassed\n\nrecorded for owner at http://127\S+\n$", checked.stdout)
    progress = {one["id"]: one for one in json.loads(superlearner("course", "progress", "--json").stdout)}
    assert (progress["s12.remember"]["passed"], progress["s12.remember"]["answer"]) == (True, RIGHT)
    early = superlearner("course", "solution", "s12.minimal")
    assert early.returncode == 1
    assert "the solution opens when your answer has passed, or after hint 4" in early.stderr
    assert "in work" in superlearner("course", "sessions").stdout
    assert superlearner("course", "list").stdout == superlearner("course", "sessions").stdout
    assert json.loads(superlearner("course", "review", "--json").stdout)["due"] == []


def test_an_answer_is_recorded_on_the_platform_of_a_url_for_the_holder_of_the_token(
    start: Callable[..., Any], superlearner: Run, tmp_path: Path
) -> None:
    """Regression: a learner's pass in a terminal counted only on the platform of the same data directory."""
    platform = start()
    superlearner("user", "links", "Ada Lovelace")
    made = superlearner("token", "create", "--name", "ada", "--user", "Ada.Lovelace", "--scopes", "own", "--json")
    file = tmp_path / "answer.py"
    file.write_text(RIGHT)
    ada = {"SUPERLEARNER_TOKEN": json.loads(made.stdout)["secret"], "SUPERLEARNER_DATA_DIR": str(tmp_path / "none")}

    def check(*words: str, **env: str) -> str:
        done = superlearner(*words, "course", "check", "s12.remember", str(file), **env)
        assert (0, "") == (done.returncode, done.stderr)
        return done.stdout.rpartition("\npassed\n\n")[2]

    assert check("--url", platform.url, **ada) == f"recorded for Ada.Lovelace at {platform.url}\n"
    assert check(SUPERLEARNER_URL=platform.url, **ada) == f"recorded for Ada.Lovelace at {platform.url}\n"
    (progress,) = json.loads(superlearner("--url", platform.url, "course", "progress", "--json", **ada).stdout)
    assert (progress["id"], progress["passed"], progress["attempts"]) == ("s12.remember", True, 1)
    wrong = check("--url", platform.url, **ada | {"SUPERLEARNER_TOKEN": "sl_wrong"})
    assert wrong.startswith("not recorded: the token is not valid on this platform")
    nowhere = check("--url", "http://127.0.0.1:9", **ada)
    assert nowhere.startswith("not recorded: no platform answers at http://127.0.0.1:9")
    refused = superlearner("course", "check", "s12.remember", str(file), "--url", "there")
    assert (2, "") == (refused.returncode, refused.stdout)
    assert "expected an address such as http://127.0.0.1:4000, got 'there'" in refused.stderr


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ({"data": {"added": 1, "known": 0}}, "recorded for you at "),
        ({"ok": True}, "not recorded: the server at "),
        ([], "not recorded: the server at "),
    ],
    ids=["an older platform", "another server", "another one"],
)
def test_a_verdict_is_printed_whatever_the_server_answers(
    superlearner: Run, tmp_path: Path, body: object, outcome: str
) -> None:
    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *arguments: Any) -> None: ...

    file = tmp_path / "answer.py"
    file.write_text(RIGHT)
    with HTTPServer(("127.0.0.1", 0), Answering) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        done = superlearner("course", "check", "s12.remember", str(file), "--url", url)
        server.shutdown()
    assert (0, "") == (done.returncode, done.stderr)
    assert f"\npassed\n\n{outcome}{url}" in done.stdout


def test_a_session_is_opened_with_a_link_that_signs_in_and_another_is_printed(
    start: Callable[..., Any], superlearner: Run, tmp_path: Path
) -> None:
    platform = start()
    opened = superlearner("course", "open", "12", "--no-browser")
    assert (0, "") == (opened.returncode, opened.stderr)
    address = opened.stdout.strip()
    assert address.startswith(f"{platform.url}/learn/12?token=")
    with httpx.Client(follow_redirects=True) as client:
        page = client.get(address)
        assert (200, f"{platform.url}/learn/12") == (page.status_code, str(page.url))
        assert "data-no-code" not in page.text
    browser = tmp_path / "browser.py"
    browser.write_text("import pathlib, sys; pathlib.Path('opened').write_text(sys.argv[1])")
    printed = superlearner("course", "open", "12", BROWSER=f"{sys.executable} {browser} %s").stdout.strip()
    with httpx.Client(follow_redirects=True) as one, httpx.Client(follow_redirects=True) as other:
        for client, link in ((one, (tmp_path / "opened").read_text()), (other, printed)):
            assert "data-no-code" not in client.get(link).text
    with httpx.Client(base_url=platform.url, headers=platform.owner) as owner:
        owner.post("/api/v1/users", json={"name": "ada", "role": "learner"}).raise_for_status()
        token = owner.post("/api/v1/tokens", json={"name": "t", "user": "ada", "scopes": ["own"]}).json()["data"][
            "secret"
        ]
    with_token = {"SUPERLEARNER_URL": platform.url, "SUPERLEARNER_TOKEN": token}
    plain = superlearner("course", "open", "12", "--no-browser", **with_token)
    assert (plain.stdout, plain.stderr) == (f"{platform.url}/learn/12\n", "")
    described = re.sub(r"\s+", " ", superlearner("course", "open", "--help").stdout)
    assert "print a sign-in link to it that works once" in described
    assert "For a platform that you reach by its URL, it prints the address of the page" in described
    missing = superlearner("course", "open", "99", "--no-browser")
    assert (1, "") == (missing.returncode, missing.stdout)
    assert "there is no session 99; expected one of 3, 4" in missing.stderr
