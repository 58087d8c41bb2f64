"""`superlearner cluster test`: members for tests, apart from those of the data directory; exit codes are the truth."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import psutil
import pytest
from typer.testing import CliRunner

from otp.locked_entries import LockedEntry
from superlearner.cli import cluster_tests
from superlearner.cli.entry import app
from superlearner.cluster import preflight, pytest_run, testbed
from superlearner.cluster.background import NotConnected
from superlearner.cluster.control import records
from superlearner.cluster.pytest_run import TestRun
from superlearner.cluster.testbed import Plan, Testbed

Run = Callable[..., subprocess.CompletedProcess[str]]


def cluster_test(folder: Path, verb: str, *words: str) -> Any:
    return CliRunner().invoke(app, ["cluster", "test", verb, "--data-dir", str(folder), *words])


@pytest.fixture
def members(tmp_path: Path) -> Path:
    """The folder of records and logs."""
    folder = Testbed(tmp_path).folder / "members"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def other(members: Path) -> Iterator[LockedEntry]:
    """A member that another command has started: this process."""
    record = {"name": "x@127.0.0.1", "os_pid": os.getpid(), "path": str(members / "x.sock")}
    entry = LockedEntry(members / "member-x.json", json.dumps(record).encode())
    yield entry
    entry.remove()


def test_preflight_writes_its_checks_and_exits_with_the_truth(tmp_path: Path) -> None:
    done = cluster_test(tmp_path, "preflight", "--json")
    found = json.loads(done.output)
    assert (0, "ok", 9) == (done.exit_code, found["status"], len(found["checks"]))
    (tmp_path / "file").write_text("")
    done = cluster_test(tmp_path / "file", "preflight")
    assert 1 == done.exit_code
    lines = done.output.splitlines()
    [place] = [number for number, line in enumerate(lines) if line.startswith("FAIL")]
    assert f"      problem: {tmp_path / 'file'} cannot be written" == lines[place + 1]
    assert 3 == sum(line.startswith("      try: ") for line in lines[place + 2 : place + 5])


@pytest.mark.parametrize(
    ("verb", "words", "code"),
    [
        ("status", (), 3), ("health", (), 3), ("logs", (), 3), ("restart", (), 3), ("stop", (), 0), ("clean", (), 0),
        ("start", ("--size", "0"), 2), ("start", ("--size", "11"), 2), ("run", ("--size", "11"), 2),
        ("restart", ("--size", "11"), 2), ("preflight", ("--port", "70000"), 2), ("logs", ("--lines", "0"), 2),
    ],
)  # fmt: skip
def test_without_members(tmp_path: Path, verb: str, words: tuple[str, ...], code: int) -> None:
    done = cluster_test(tmp_path, verb, *words)
    assert code == done.exit_code, done.output
    if code == 3:
        assert f"try `superlearner cluster test start --data-dir {tmp_path}`" in done.output


def test_logs_shows_the_last_lines_of_each_member(tmp_path: Path, members: Path) -> None:
    (members / "m1.log").write_text("first\nsecond\nthird\n")
    (members / "m2.log").write_text("")
    expected = [
        f"m1@127.0.0.1: {members}/m1.log", "  second", "  third",
        f"m2@127.0.0.1: {members}/m2.log", "  it printed nothing",
    ]  # fmt: skip
    assert expected == cluster_test(tmp_path, "logs", "--lines", "2").output.splitlines()
    [one] = json.loads(cluster_test(tmp_path, "logs", "m1", "--json").output)
    assert ("m1@127.0.0.1", ["first", "second", "third"]) == (one["node"], one["lines"])
    for name, words in (("m9", "expected one of m1@127.0.0.1, m2@127.0.0.1, got m9@127.0.0.1"), ("-", "try b")):
        done = cluster_test(tmp_path, "logs", "--", name)
        assert (1, True) == (done.exit_code, words in done.output)


def test_members_of_others_are_left_alone_and_named(tmp_path: Path, members: Path, other: LockedEntry) -> None:
    (members.parent / "cookie").write_text("theirs")
    line = f"x@127.0.0.1 (process {os.getpid()}) was started by another command, and is left alone"
    done = cluster_test(tmp_path, "stop")
    assert (0, ["no members to end", line]) == (done.exit_code, done.output.splitlines())
    (members / "m1.log").write_text("gone")
    done = cluster_test(tmp_path, "clean", "--json")
    found = json.loads(done.output)
    assert (1, [], [str(members / "m1.log")]) == (done.exit_code, found["ended"], found["removed"])
    assert [{"name": "x@127.0.0.1", "os_pid": os.getpid()}] == found["others"]
    assert (members.parent / "cookie").exists()
    assert other.path.exists()


@pytest.mark.parametrize("verb", ["start", "run"])
def test_a_start_that_fails_says_what_is_wrong_with_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    monkeypatch.setattr(Testbed, "start", Mock(side_effect=NotConnected("m1 ended with 1: it printed nothing")))
    monkeypatch.setattr(preflight, "descriptors", Mock(return_value=64))
    done = cluster_test(tmp_path, verb)
    first, problem, *solutions, last = done.output.splitlines()
    assert (1, "FAIL  files  64 open files") == (done.exit_code, first)
    assert "      problem: expected a limit of at least 72 open files, got 64" == problem
    assert [True] * 3 == [line.startswith("      try: ") for line in solutions]
    assert last.startswith(
        "superlearner: m1 ended with 1: it printed nothing; see `superlearner cluster test preflight"
    )


def test_health_of_members_that_do_not_answer_fails_each_check(tmp_path: Path, other: LockedEntry) -> None:
    done = cluster_test(tmp_path, "health", "--json")
    found = json.loads(done.output)
    assert (1, "failed", [False] * 6) == (done.exit_code, found["status"], [one["ok"] for one in found["checks"]])
    assert f"x@127.0.0.1 (process {os.getpid()}) cannot be asked" in found["checks"][0]["problem"]
    assert f"`superlearner --data-dir {tmp_path} cluster test restart`" in found["checks"][0]["solutions"][1]
    assert other.path.exists()


def test_clean_removes_what_was_made_here_and_nothing_else(tmp_path: Path, members: Path) -> None:
    folder = members.parent
    for name in ("cookie", "cluster.json", "report.xml", "thesis.txt"):
        (folder / name).write_text("")
    assert 0 == cluster_test(tmp_path, "clean").exit_code
    assert [folder / "thesis.txt"] == list(folder.iterdir())
    (folder / "thesis.txt").unlink()
    assert 0 == cluster_test(tmp_path, "clean").exit_code
    assert not folder.exists()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"size": "x", "options": [], "by_run": false}'])
def test_a_damaged_plan_is_none(tmp_path: Path, members: Path, text: str) -> None:
    bed = Testbed(tmp_path)
    bed.plan_file.write_text(text)
    assert members.is_dir()
    assert bed.plan() is None


def test_one_run_uses_a_folder_at_a_time(tmp_path: Path) -> None:
    with Testbed(tmp_path).lock():  # as a run that is under way
        done = cluster_test(tmp_path, "run")
    assert 1 == done.exit_code
    assert f"another run of tests uses {tmp_path}/test-cluster; wait for its end" in done.output


def test_a_larger_run_beside_running_members_leaves_their_plan(
    tmp_path: Path, members: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = {"m1": (1, 1.0)}

    def start(folder: Path, count: int, **_: Any) -> Any:
        names = [f"m{len(running) + number}" for number in range(1, count + 1)]
        running.update(dict.fromkeys(names, (2, 1.0)))
        return names, []

    def stop(folder: Path, names: Sequence[str]) -> list[str]:
        for name in names:
            del running[name.partition("@")[0]]
        return list(names)

    monkeypatch.setattr(testbed, "begun_members", lambda folder: dict(running))
    monkeypatch.setattr(testbed, "start_members", start)
    monkeypatch.setattr(testbed, "stop_members", stop)
    bed = Testbed(tmp_path)
    before = Plan(1, ("--teaching",))
    running.clear()
    bed.start(before, 1)
    with bed.running_tests(Plan(3), 1):
        assert (3, 3) == (len(running), bed.plan().size)  # type: ignore[union-attr]
    assert (["m1"], before) == (list(running), bed.plan())


@pytest.mark.program
def test_members_for_tests_from_start_to_clean(superlearner: Run, tmp_path: Path) -> None:
    begun = superlearner("cluster", "test", "start", "--empty", "--json")
    try:
        both = ["m1@127.0.0.1", "m2@127.0.0.1"]
        found = json.loads(begun.stdout)
        assert (0, both, both) == (begun.returncode, found["started"], found["members"]), begun.stderr
        assert [] == records(tmp_path / "data")  # the cluster of the data directory is another one
        healthy = superlearner("cluster", "test", "health", "--json")
        assert (0, 6) == (healthy.returncode, len(json.loads(healthy.stdout)["checks"])), healthy.stdout
        again = superlearner("cluster", "test", "start")
        assert (0, "all are running already: 2 members") == (again.returncode, again.stdout.splitlines()[0])
        differs = superlearner("cluster", "test", "start", "--teaching")
        assert (1, True) == (differs.returncode, "run with other options (--empty); end them first" in differs.stderr)
        state = json.loads(superlearner("cluster", "test", "status", "--json").stdout)
        os.kill(state["members"][1]["os_pid"], signal.SIGSTOP)  # it ends nevertheless
        done = superlearner("cluster", "test", "restart", "--size", "1", "--json")
        found = json.loads(done.stdout)
        assert (0, both, ["m1@127.0.0.1"]) == (done.returncode, found["ended"], found["started"])
    finally:
        cleaned = superlearner("cluster", "test", "clean")
    assert (0, "ended m1@127.0.0.1") == (cleaned.returncode, cleaned.stdout.splitlines()[0])
    assert not Testbed(tmp_path / "data").folder.exists()


EXAMPLE = Path(__file__).parents[3] / "examples" / "rooms"
TESTS = """
import pytest
from otp.cluster import MemberDown
from otp.testing import assert_receive

@pytest.mark.real_nodes
async def test_a_stopped_member_is_lost_until_it_resumes(cluster, cluster_members):
    cluster.monitor()
    cluster_members.stall("m1@127.0.0.1")
    assert "timeout" == (await assert_receive(MemberDown, timeout=20)).reason
    cluster_members.resume()
    await cluster.wait_size(3, timeout=20)

@pytest.mark.simulation
@pytest.mark.real_nodes
async def test_all_members_are_there_again(cluster_members):
    assert cluster_members.simulation is None
    assert ["m1@127.0.0.1", "m2@127.0.0.1"] == cluster_members.names

@pytest.mark.real_nodes(size=3)
async def test_three(cluster):
    raise AssertionError

def test_plain():
    raise AssertionError
"""
BLOCKING = """
import pytest

@pytest.mark.real_nodes(size=1)
def test_it():
    with open("here", "w") as here:
        here.write("x")
    with open("never") as never:
        never.read()
"""
PLUGINS = {
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    "PYTEST_ADDOPTS": "-p otp.testing.pytest_plugin -p no:cacheprovider -W error",
}


@pytest.mark.parametrize(
    ("result", "code", "words"),
    [
        (TestRun(0, 2, 0, 1), 0, "2 ran, 0 failed, 1 skipped on m1@127.0.0.1"),
        (TestRun(1, 2, 1, 0), 1, "2 ran, 1 failed, 0 skipped on m1@127.0.0.1; logs: `superlearner cluster test logs"),
        (TestRun(0, 0, 0, 3), 1, "no test ran on m1@127.0.0.1; mark one with @pytest.mark.real_nodes; logs: "),
        (TestRun(5, 0, 0, 0), 1, "no test ran on m1@127.0.0.1; mark one with @pytest.mark.real_nodes; logs: "),
        (TestRun(3, 0, 0, 0), 1, "pytest ended with 3 before a test ran; logs: "),
        (TestRun(4, 0, 0, 0), 2, "pytest ended with 4 before a test ran; logs: "),
    ],
)
def test_a_run_exits_with_0_only_if_a_test_ran_and_all_passed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, result: TestRun, code: int, words: str
) -> None:
    monkeypatch.setattr(Testbed, "running_tests", Mock(return_value=nullcontext()))
    monkeypatch.setattr(Testbed, "begun", Mock(return_value=["m1@127.0.0.1"]))
    monkeypatch.setattr(pytest_run, "run_pytest", Mock(return_value=result))
    done = cluster_test(tmp_path, "run")
    assert code == done.exit_code
    assert done.output.startswith(words)


@pytest.mark.program
def test_the_example_needs_pytest_alone(tmp_path: Path) -> None:
    """Regression: in what `make run` installs, it failed for lack of Hypothesis, then for an option of a plug-in."""
    (tmp_path / "hypothesis.py").write_text("raise ModuleNotFoundError('No module named hypothesis')")
    words = [sys.executable, "-m", "pytest", "test_rooms.py"]
    environment = {**os.environ, **PLUGINS, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(words, cwd=EXAMPLE, env=environment, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_a_run_without_pytest_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_tests, "find_spec", Mock(return_value=None))
    done = cluster_test(tmp_path, "run")
    assert 1 == done.exit_code
    assert f"this Python has no pytest; try `{sys.executable} -m pip install pytest`" in " ".join(done.output.split())


@pytest.mark.program
def test_a_run_counts_the_tests_that_are_marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    marked = "import pytest\npytestmark = pytest.mark.real_nodes\n"
    (tmp_path / "test_good.py").write_text(f"{marked}def test_a(): pass\n@pytest.mark.skip\ndef test_b(): pass\n")
    (tmp_path / "test_bad.py").write_text(f"{marked}def test_c(): raise OSError\n")
    (tmp_path / "test_plain.py").write_text("def test_d(): raise OSError\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    cluster_file = tmp_path / "cluster.json"
    cluster_file.write_text('{"size": 2, "cookie": "c", "members": "m", "start": []}')
    monkeypatch.chdir(tmp_path)
    for name, value in PLUGINS.items():
        monkeypatch.setenv(name, value)

    def run(*paths: str) -> TestRun:
        return pytest_run.run_pytest(paths, cluster_file, tmp_path / "report.xml", output=subprocess.DEVNULL)

    assert TestRun(1, 2, 1, 1) == run()
    assert TestRun(5, 0, 0, 0) == run("test_plain.py")
    assert TestRun(4, 0, 0, 0) == run("test_missing.py")


@pytest.mark.program
def test_a_run_uses_members_that_are_there_and_restarts_those_that_a_test_has_killed(
    superlearner: Run, command: Callable[..., Any], tmp_path: Path
) -> None:
    shutil.copytree(EXAMPLE, tmp_path, dirs_exist_ok=True)  # its test kills a member
    (tmp_path / "test_good.py").write_text(TESTS)

    def run(*words: str) -> tuple[int, str, str]:
        known = {"SUPERLEARNER_DATA_DIR": str(tmp_path / "data"), **PLUGINS}
        running = command("cluster", "test", "run", *words, cwd=tmp_path, env=os.environ | known)
        text, errors = running.communicate(timeout=100)
        return running.wait(), text, errors

    superlearner("cluster", "test", "start", "--app", "rooms.py:Rooms", "--allow", "rooms", "--teaching")
    try:
        code, text, errors = run("test_rooms.py", "test_good.py", "--json")
        found = json.loads(text)
        assert (0, "passed", 3, 0, 1) == (code, *(found[name] for name in ("status", "ran", "failed", "skipped"))), (
            errors
        )
        assert (
            "needs 3 real members, there are 2; try superlearner cluster test run --size 3"
            in Path(found["report"]).read_text()
        )
    finally:
        stopped = superlearner("cluster", "test", "stop")  # those of `start` stay until then
    assert "ended m1@127.0.0.1, m2@127.0.0.1\n" == stopped.stdout


@pytest.mark.program
def test_a_run_ends_its_members_when_it_is_terminated_and_those_of_a_killed_run(
    command: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "test_it.py").write_text(BLOCKING)
    for pipe in ("here", "never"):
        os.mkfifo(tmp_path / pipe)
    words = ("cluster", "test", "run", "--size", "1", "--empty", "--data-dir", str(tmp_path / "data"))
    bed = Testbed(tmp_path / "data")
    runs: list[Any] = []

    def run() -> psutil.Process:
        """Begin a run, and return the process of its member once the test runs."""
        runs.append(command(*words, cwd=tmp_path, env=os.environ | PLUGINS))
        here = os.open(tmp_path / "here", os.O_RDONLY | os.O_NONBLOCK)
        ended = os.pidfd_open(runs[-1].pid)
        try:
            ready, _, _ = select.select([here, ended], [], [], 60)
        finally:
            os.close(here)
            os.close(ended)
        assert ended not in ready, runs[-1].communicate()
        assert here in ready
        [member] = records(bed.folder)
        return psutil.Process(member.os_pid)

    try:
        left = run()
        [pytest_of_it] = [one for one in psutil.Process(runs[0].pid).children() if one != left]
        for process in (runs[0], pytest_of_it):
            process.kill()
            process.wait()
        member = run()
        assert member != left
        left.wait(30)  # whoever reaps it may be late
        runs[1].send_signal(signal.SIGTERM)
        assert 128 + signal.SIGTERM == runs[1].wait(30)
        member.wait(30)
        assert [] == bed.begun()
    finally:
        for process in runs:
            if process.poll() is None:
                process.terminate()  # it ends its tests, too
            process.wait()
        bed.stop()
        for process in runs:
            process.communicate()
