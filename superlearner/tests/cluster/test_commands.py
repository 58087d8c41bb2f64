"""The commands of a cluster, with real programs: join, leave, kill, background members, and what is refused."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from other_user import NOBODY, needs_root
from superlearner.cluster.control import records
from superlearner.cluster.cookie import read_or_make_cookie

pytestmark = pytest.mark.program

Run = Callable[..., subprocess.CompletedProcess[str]]
Member = Callable[..., subprocess.Popen[str]]
WAITS = re.compile(r" waits for .*…$")
"""A line of progress, which depends on the load of the machine."""


def status(superlearner: Run, *arguments: str) -> tuple[int, dict[str, Any]]:
    done = superlearner("cluster", "status", "--json", *arguments)
    return done.returncode, json.loads(done.stdout)


def names(found: dict[str, Any]) -> set[str]:
    return {one["name"] for one in found["members"]}


def left(folder: Path) -> list[str]:
    """Return records, sockets and drafts of members."""
    return [path.name for path in (folder / "members").iterdir() if path.suffix not in (".log", ".json")] + [
        path.name for path in (folder / "members").glob("member-*")
    ]


def is_running(os_pid: int) -> bool:
    try:
        return psutil.Process(os_pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def end(process: subprocess.Popen[str], number: signal.Signals = signal.SIGTERM) -> int:
    process.send_signal(number)
    return process.wait(20)


def test_a_member_is_a_node_of_the_platform_until_it_leaves(
    start: Callable[..., Any], member: Member, superlearner: Run, tmp_path: Path
) -> None:
    platform = start()
    assert superlearner("cluster", "status", "--wait", "1").returncode == 0
    b = member("b")
    code, found = status(superlearner, "--wait", "2")
    assert (code, names(found)) == (0, {"superlearner@127.0.0.1", "b@127.0.0.1"})
    with platform.client() as client:
        answer = client.get("/api/v1/processes", params={"node": "b@127.0.0.1"}).json()
        assert "shop" in [one["name"] for one in answer["data"]]
        assert "b@127.0.0.1" in [one["name"] for one in client.get("/api/v1/nodes").json()["data"]]
        assert end(b) == 0
        code, found = status(superlearner)
        assert (code, names(found), found["missing"]) == (0, {"superlearner@127.0.0.1"}, [])
        assert ["superlearner@127.0.0.1"] == [one["name"] for one in client.get("/api/v1/nodes").json()["data"]]
    assert platform.end()[0] == 0
    assert not left(tmp_path / "data")


def test_members_without_a_platform_forget_and_disconnect_others(member: Member, superlearner: Run) -> None:
    a, b, c = member("a"), member("b"), member("c")
    status(superlearner, "--wait", "3")
    done = superlearner("cluster", "forget", "b")
    assert (1, "superlearner: b@127.0.0.1 is not lost; no member is\n") == (done.returncode, done.stderr)
    b.kill()
    b.wait()
    code, found = status(superlearner)
    assert (1, ["b@127.0.0.1"]) == (code, [one["name"] for one in found["missing"]])
    done = superlearner("cluster", "forget", "b", "--json")
    assert (0, {"name": "b@127.0.0.1", "forgotten": True}) == (done.returncode, json.loads(done.stdout))
    assert 0 == status(superlearner)[0]
    assert 0 == superlearner("cluster", "disconnect", "c").returncode
    code, found = status(superlearner)
    assert (1, 1) == (code, len(found["members"]))
    assert [("c@127.0.0.1", "disconnected")] == [(one["name"], one["reason"]) for one in found["missing"]]
    assert 0 == superlearner("cluster", "connect", "c").returncode  # whichever of them is asked first
    assert 2 == len(status(superlearner, "--wait", "2")[1]["members"])
    assert (0, 0) == (end(a), end(c))
    assert 3 == superlearner("cluster", "forget", "b").returncode


def test_a_killed_member_of_this_machine_is_lost_because_its_program_has_ended(
    start: Callable[..., Any], member: Member, superlearner: Run
) -> None:
    platform = start()
    b = member("b")
    status(superlearner, "--wait", "2")
    b.kill()
    b.wait()
    with platform.client() as client:
        changes = "/api/v1/events?types=cluster_changed&last=100&limit=2&timeout_ms=20000"  # it joins, and is lost
        found = client.get(changes, headers={"accept": "application/json"}).json()["data"]["items"]
        assert "lost" == found[-1]["data"]["what"]
        missing = client.get("/api/v1/cluster/health").json()["data"]["missing"]
    assert [{"node": "b@127.0.0.1", "reason": f"its program has ended (process {b.pid})"}] == missing
    assert platform.end()[0] == 0


def test_commands_have_the_view_of_the_platform_once_members_are_apart(
    start: Callable[..., Any], member: Member, superlearner: Run
) -> None:
    platform = start()
    for name in "abc":
        member(name)
    status(superlearner, "--wait", "4")
    for name in "abc":
        assert 0 == superlearner("cluster", "disconnect", name).returncode
        assert "superlearner@127.0.0.1" == status(superlearner)[1]["members"][0]["name"]
    assert platform.end()[0] == 0


def test_status_names_the_simulated_members_of_the_platform_and_the_failed_ones(
    start: Callable[..., Any], superlearner: Run
) -> None:
    """Regression: it said *1 member, healthy* while three were simulated, and one of them had failed."""
    platform = start()
    assert [] == status(superlearner)[1]["simulated"]
    superlearner("cluster", "simulate", "3")
    superlearner("cluster", "fail", "n2")
    simulated = [{"name": f"n{number}@simulated", "up": number != 2} for number in (1, 2, 3)]
    assert simulated == status(superlearner)[1]["simulated"]
    lines = superlearner("cluster", "status").stdout.splitlines()
    assert lines[0].startswith("1 member, ")
    assert lines[-1].startswith("3 simulated members (n2@simulated failed): see `superlearner ")
    assert platform.end()[0] == 0


def test_status_waits_for_the_first_member(superlearner: Run, tmp_path: Path) -> None:
    data = tmp_path / "data"
    waiting = subprocess.Popen(
        [sys.executable, "-m", "superlearner", "--data-dir", str(data), "cluster", "status", "--wait", "1"],
    )
    started = subprocess.Popen([sys.executable, "-m", "superlearner", "--data-dir", str(data), "node", "b", "--empty"])
    try:
        assert 0 == waiting.wait(30)
    finally:
        started.kill()
        started.wait()
        waiting.kill()
        waiting.wait()


@pytest.mark.parametrize("runtime", ["missing", "read-only"])
def test_members_of_a_long_data_directory_meet_without_a_runtime_folder(
    command: Callable[..., Any], tmp_path: Path, runtime: str
) -> None:
    data = tmp_path / ("x" * 150)
    kept = {key: value for key, value in os.environ.items() if not key.startswith("SUPERLEARNER_")}
    environment = {**kept, "PYTHONUNBUFFERED": "1", "XDG_RUNTIME_DIR": str(tmp_path / runtime)}
    if runtime == "read-only":
        environment["XDG_RUNTIME_DIR"] = "/sys"
    started = [
        command("node", name, "--data-dir", str(data), cwd=tmp_path, env=environment) for name in ("a", "b")
    ]  # at once
    try:
        for process in started:
            assert " ready, " in process.stdout.readline()
        found = command("cluster", "status", "--wait", "2", "--data-dir", str(data), cwd=tmp_path, env=environment)
        assert "2 members, healthy" in found.communicate(timeout=20)[0]
        assert [0, 0] == [end(process) for process in started]
        assert not left(data)
    finally:
        for process in started:
            if process.poll() is None:
                process.kill()
            process.communicate()


def test_a_member_with_another_data_directory_connects_at_a_port_and_gets_a_hint_without_one(
    member: Member, superlearner: Run, tmp_path: Path
) -> None:
    member("a", "--listen", "127.0.0.1:0")
    [a] = status(superlearner)[1]["members"]
    cookie = str(tmp_path / "data" / "cookie")
    b = member("b", "--cookie-file", cookie, "--connect", a["address"], data="other")
    assert a["address"].startswith("tcp/127.0.0.1:")
    assert {"a@127.0.0.1", "b@127.0.0.1"} == names(status(superlearner, "--wait", "2")[1])
    assert end(b) == 0
    code, line = refused(superlearner, "--connect", "unix/relative")
    assert (code, "try unix//run/user/1000/otp/NAME.sock" in line) == (2, True)


def test_a_killed_member_is_silent_or_lost(member: Member, superlearner: Run) -> None:
    member("a")
    b = member("b")
    code, found = status(superlearner, "--wait", "2")
    assert (code, found["size"]) == (0, 2)
    end(b, signal.SIGKILL)
    code, found = status(superlearner)
    assert (code, found["status"], found["partition"]) == (1, "degraded", "suspected")
    silent = {one["name"] for one in found["members"] if one["health"] == "silent"}
    assert silent | {one["name"] for one in found["missing"]} == {"b@127.0.0.1"}


def test_members_in_the_background(superlearner: Run, tmp_path: Path) -> None:
    assert status(superlearner)[0] == 3
    begun = superlearner("cluster", "start", "2", "--teaching")
    try:
        assert (begun.returncode, begun.stdout) == (0, "started m1@127.0.0.1, m2@127.0.0.1: 2 members\n"), begun.stderr
        here = records(tmp_path / "data")
        assert (0, {"m1@127.0.0.1", "m2@127.0.0.1"}) == ((found := status(superlearner))[0], names(found[1]))
        assert superlearner("cluster", "status", "--wait", "3", "--timeout", "0").returncode == 1
        assert superlearner("cluster", "stop", "m9").returncode == 1
        assert superlearner("cluster", "stop", "m1").stdout == "ended m1@127.0.0.1\n"
    finally:
        ended = superlearner("cluster", "stop")
    assert (ended.returncode, ended.stdout) == (0, "ended m2@127.0.0.1\n")
    assert not [record for record in here if is_running(record.os_pid) or Path(record.path).exists()]
    assert not left(tmp_path / "data")
    assert status(superlearner)[0] == 3


def test_a_stopped_member_does_not_keep_the_others_from_answering(member: Member, superlearner: Run) -> None:
    members = [member(name) for name in ("a", "b")]
    assert superlearner("cluster", "status", "--wait", "2").returncode == 0
    for one, other in (members, reversed(members)):
        one.send_signal(signal.SIGSTOP)
        code, found = status(superlearner)
        one.send_signal(signal.SIGCONT)
        assert (code, found["partition"]) == (1, "suspected")
        assert os_pids(found)[0] == other.pid
        assert superlearner("cluster", "status", "--wait", "2").returncode == 0


def os_pids(found: dict[str, Any]) -> list[int]:
    return [one["os_pid"] for one in found["members"]]


@needs_root
def test_a_list_of_members_that_another_user_has_planted_ends_nothing(superlearner: Run, tmp_path: Path) -> None:
    path = tmp_path / "data" / "members" / "begun.json"
    path.parent.mkdir(parents=True)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as chosen:
        started = Path(f"/proc/{chosen.pid}/stat").read_text().rpartition(")")[2].split()[19]
        path.write_text(json.dumps({"m1": [chosen.pid, started]}))
        os.chown(path, NOBODY, NOBODY)
        for words in (("stop",), ("start", "1")):
            done = superlearner("cluster", *words)
            assert (done.returncode, done.stdout) == (1, "")
            assert f"{path} belongs to user {NOBODY}: expected a file of this user" in done.stderr
        assert chosen.poll() is None
        chosen.communicate()


def test_the_log_of_a_member_replaces_no_file_that_a_planted_link_names(superlearner: Run, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "members"
    folder.mkdir(parents=True)
    (tmp_path / "thesis.txt").write_text("all of it")
    (folder / "m1.log").symlink_to(tmp_path / "thesis.txt")
    try:
        assert superlearner("cluster", "start", "1").returncode == 0
    finally:
        superlearner("cluster", "stop")
    assert "all of it" == (tmp_path / "thesis.txt").read_text()


@pytest.mark.parametrize("text", ["x", "[]", '{"m1": 5}'])
def test_a_damaged_list_of_what_start_began_is_named(superlearner: Run, tmp_path: Path, text: str) -> None:
    path = tmp_path / "data" / "members" / "begun.json"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    for command in ("stop", "start"):
        done = superlearner("cluster", command, *(["1"] if command == "start" else []))
        assert (done.returncode, done.stdout) == (1, "")
        assert f"{path} has the members that `cluster start` began, and cannot be read: it is damaged" in done.stderr
    assert path.read_text() == text


def test_a_killed_member_leaves_no_socket_when_its_name_starts_again(member: Member, tmp_path: Path) -> None:
    first = member("b")
    [before] = records(tmp_path / "data")
    end(first, signal.SIGKILL)
    second = member("b")
    assert not Path(before.path).exists()
    [after] = records(tmp_path / "data")
    assert (after.os_pid, Path(after.path).exists()) == (second.pid, True)


def test_a_member_that_joins_leaves_when_asked(command: Callable[..., Any], tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"tcp/127.0.0.1:{silent.getsockname()[1]}"
        process = command(
            "node", "b", "--data-dir", str(tmp_path), "--discovery", "none", "--connect", address,
            cwd=tmp_path, env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        accepted, _ = silent.accept()
        with accepted:
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0  # not 3, as when nobody answers
        assert process.communicate() == ("", "")


def test_a_member_is_also_named_without_its_host(start: Callable[..., Any], member: Member, superlearner: Run) -> None:
    start()
    member("b")
    assert superlearner("cluster", "status", "--wait", "2").returncode == 0
    assert "shop" in superlearner("process", "list", "--node", "b").stdout
    assert superlearner("cluster", "ping", "b").returncode == 0


BANK = """
from otp import Children, GenServer, Ok, Supervisor

class Account(GenServer):
    def init(self, arg): return Ok(arg)

class Bank(Supervisor):
    def init(self, arg): return Children([(Account, 1)])
"""


def test_a_member_has_a_shop_or_the_tree_that_one_names_or_none(
    start: Callable[..., Any], member: Member, superlearner: Run, tmp_path: Path
) -> None:
    (tmp_path / "app.py").write_text(BANK)
    start()
    b, c = member("b"), member("c", "--app", "app.py:Bank")
    member("d", "--empty")
    assert superlearner("cluster", "status", "--wait", "4").returncode == 0

    def tops(node: str) -> list[str]:
        listed = json.loads(superlearner("process", "list", "--node", node, "--json").stdout)
        return [one["name"] for one in listed if not one["supervisor"]]

    assert (["playground"], ["Bank"], []) == tuple(tops(node) for node in "bcd")
    superlearner("process", "kill", "shop", "--node", "b")
    assert ["playground"] == tops("b")  # it restarts the shop
    superlearner("process", "kill", "Bank", "--node", "c")
    assert (1, 0) == (c.wait(20), end(b, signal.SIGINT))
    of_b, of_c = b.communicate()[1], c.communicate()[1]
    assert "superlearner: c@127.0.0.1 ends: its tree ended (killed)" == of_c.splitlines()[-1]
    assert "Traceback" not in of_b + of_c


def test_a_member_has_one_tree_or_none(superlearner: Run) -> None:
    done = superlearner("node", "b", "--empty", "--app", "app.py:Bank")
    assert (2, True) == (done.returncode, "expected --app or --empty, got both" in done.stderr)


def test_stop_ends_only_what_start_began(member: Member, superlearner: Run) -> None:
    a = member("a")
    done = superlearner("cluster", "stop")
    assert (done.returncode, done.stdout, a.poll()) == (0, "no members to end\n", None)


@pytest.mark.parametrize("typed", ["list", "lst", "atach", "self", "Connect", "lisp", "lsit"])
def test_a_verb_of_node_is_no_name(superlearner: Run, typed: str) -> None:
    done = superlearner("cluster", "node", typed)
    assert done.returncode == 2
    assert re.search("did you mean `superlearner (node|cluster) ", done.stderr)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def refused(superlearner: Run, *arguments: str) -> tuple[int, str]:
    done = superlearner("node", "b", *arguments)
    lines = [line for line in done.stderr.strip().splitlines() if not WAITS.search(line)]
    assert (done.stdout, len(lines)) == ("", 1), done
    return done.returncode, lines[0]


def test_a_missing_cookie_file(superlearner: Run) -> None:
    code, line = refused(superlearner, "--cookie-file", "missing")
    assert code == 1
    assert "expected a file with the cookie of the cluster, got no file missing; try a copy" in line


def test_a_cookie_that_others_can_read(superlearner: Run, tmp_path: Path) -> None:
    read_or_make_cookie(tmp_path / "data")
    (tmp_path / "data" / "cookie").chmod(0o644)
    code, line = refused(superlearner)
    assert code == 1
    assert "can be read by others (mode 0644)" in line


def test_another_cookie_at_the_address(member: Member, superlearner: Run, tmp_path: Path) -> None:
    member("a")
    [a] = status(superlearner)[1]["members"]
    read_or_make_cookie(tmp_path / "other")
    wrong = str(tmp_path / "other" / "cookie")
    code, line = refused(superlearner, "--cookie-file", wrong, "--connect", a["address"])
    assert code == 1
    assert "cookie" in line


def test_an_address_in_use(superlearner: Run) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        code, line = refused(superlearner, "--listen", f"tcp/127.0.0.1:{port}")
    assert code == 1
    assert str(port) in line


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--connect", "127.0.0.1"), "got '127.0.0.1'; try adding the port"),
        (("--connect", "http://127.0.0.1:4000"), "got 'http://127.0.0.1:4000'"),
        (("--listen", "0.0.0.0"), "0.0.0.0: expected TLS beyond this machine; try certificates"),
    ],
)
def test_an_address_that_is_typed_wrongly(superlearner: Run, arguments: tuple[str, ...], said: str) -> None:
    code, line = refused(superlearner, *arguments)
    assert code == 2
    assert said in line


def test_a_damaged_file_of_incarnations(superlearner: Run, tmp_path: Path) -> None:
    path = tmp_path / "data" / "incarnations" / "b@127.0.0.1"
    path.parent.mkdir(parents=True)
    path.write_text("xx!")
    code, line = refused(superlearner)
    assert code == 1
    assert f"{path}: expected the number of the last incarnation" in line


def test_an_allowed_module_without_a_name(superlearner: Run) -> None:
    assert "expected a module or 'module:name', got ''" in refused(superlearner, "--allow", "")[1]


def test_an_address_where_nobody_answers(superlearner: Run) -> None:
    address = f"tcp/127.0.0.1:{free_port()}"
    done = superlearner("node", "b", "--connect", address)
    waits, line = done.stderr.strip().splitlines()
    assert (3, f"superlearner: b@127.0.0.1 waits for an answer from {address} …") == (done.returncode, waits)
    assert address in line


def test_a_name_that_no_other_machine_can_reach_is_named(superlearner: Run) -> None:
    done = superlearner("node", "b@10.0.0.5", "--cookie-file", "missing")
    assert "warning: no other machine can reach b@10.0.0.5: expected --listen 10.0.0.5 and --tls-ca" in done.stderr


@pytest.mark.parametrize(
    "words", [("node", "b", "--listen", "127.0.0.1:0"), ("cluster", "start", "1"), ("attach", "--list")]
)
def test_a_runtime_folder_that_others_can_write_is_refused_in_a_sentence(
    superlearner: Run, tmp_path_factory: pytest.TempPathFactory, words: tuple[str, ...]
) -> None:
    """Regression: it was a traceback where the links of the member need no folder."""
    folder = tmp_path_factory.mktemp("d") / "otp"  # a short path
    folder.mkdir()
    folder.chmod(0o777)
    done = superlearner(*words, XDG_RUNTIME_DIR=str(folder.parent))
    [line] = done.stderr.splitlines()
    assert (1, "") == (done.returncode, done.stdout)
    assert f"expected {folder} to be a folder of this user alone; try" in line


def test_a_name_that_a_living_member_has(member: Member, superlearner: Run) -> None:
    member("b")
    done = superlearner("node", "b")
    assert done.returncode == 1
    assert "the name 'b@127.0.0.1' belongs to a living member" in done.stderr.splitlines()[-1]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_thirty_data_directories_never_meet(member: Member, superlearner: Run, tmp_path: Path) -> None:
    places = [f"d{place}" for place in range(30)]
    for place in places:
        member("a", data=place)
    member("b", data=places[7])  # it finds the other member of its directory, so discovery works beside 29 others
    for place in places:
        found = status(superlearner, "--data-dir", str(tmp_path / place))[1]
        assert (2 if place == places[7] else 1) == found["size"], place


def sockets_of(os_pid: int) -> set[tuple[int, int]]:
    """Return kind and port of what a process listens to, and of its UDP sockets."""
    found = psutil.Process(os_pid).net_connections("inet")
    return {(one.type, one.laddr.port) for one in found if one.status == "LISTEN" or one.type == socket.SOCK_DGRAM}


def test_without_discovery_only_the_page_listens(start: Callable[..., Any], superlearner: Run) -> None:
    program = start("--discovery", "none")
    port = int(program.url.rpartition(":")[2])
    assert sockets_of(program.process.pid) == {(socket.SOCK_STREAM, port)}
    assert status(superlearner)[0] == 3


def test_the_socket_for_commands_is_its_owners(member: Member, tmp_path: Path) -> None:
    member("a")
    [record] = records(tmp_path / "data")
    assert stat.S_IMODE(Path(record.path).stat().st_mode) == 0o600


@pytest.mark.parametrize("way", [("--listen", "127.0.0.1:0"), ("--connect", "tcp/127.0.0.1:9")])
def test_a_cookie_file_that_strangers_could_guess_takes_no_port(
    superlearner: Run, tmp_path: Path, way: tuple[str, str]
) -> None:
    cookie = tmp_path / "guessable"
    cookie.write_text("sixteen letters!\n")
    cookie.chmod(0o600)
    code, line = refused(superlearner, "--cookie-file", str(cookie), *way)
    assert code == 1
    assert f"{way[1]}: expected a random cookie of at least 32 characters" in line
