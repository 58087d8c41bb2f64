"""Another user of the machine, without the cookie, who knows all formats: what they can read and send."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from other_user import OtherUser, needs_root

pytestmark = [pytest.mark.program, needs_root]

ATTACK = '''
import os, socket, zenoh
from pathlib import Path
from otp.distribution import NodeId
from otp.distribution.frames import Beat, Data, decode, encode
from otp.distribution.signals import ExitTo
from otp.distribution.wire import encode as encode_signal

open_ = []

def attack(what, *words):
    return {"open": opened, "send": sent, "look": looked}[what](*words)

def opened(ports):
    """Take part in what goes over each port as Zenoh does; return at how many that is possible."""
    for port in ports:
        config = zenoh.Config()
        for key, value in {
            "mode": '"peer"', "connect/endpoints": f'["tcp/127.0.0.1:{port}"]', "connect/timeout_ms": "1000",
            "connect/exit_on_failure": "true", "listen/endpoints": "[]", "scouting/multicast/enabled": "false",
        }.items():
            config.insert_json5(key, value)
        try:
            session = zenoh.open(config)
        except zenoh.ZError:
            continue
        open_.append((session, session.declare_subscriber("otp/**", zenoh.handlers.RingChannel(100))))
    return len(open_)

def sent():
    """End processes with the frames received; return the number of frames of connections among them."""
    heard = 0
    for session, subscriber in open_:
        samples = [sample for _ in range(100) if (sample := subscriber.try_recv()) is not None]
        for sample in samples:
            try:
                frame = decode(NodeId("x", 1), sample.payload.to_bytes(), 100_000)
            except ValueError:
                continue
            heard += 1
            if isinstance(frame, (Beat, Data)):
                for number in range(1, 30):
                    kill = encode_signal(ExitTo(0, number, False, "kill"))
                    forged = Data(frame.connection, frame.sent + number, frame.received, kill, False)
                    session.put(str(sample.key_expr), encode(forged), attachment=sample.attachment)
    return heard

def looked(paths, files):
    """Connect with each socket, and read each file."""
    return [error_of(connected, path) for path in paths], [error_of(read, file) for file in files]

def connected(path):
    with socket.socket(socket.AF_UNIX) as one:
        one.connect(path)
        return one.recv(10).hex()

def read(file):
    return Path(file).read_bytes().hex()

def error_of(function, *words):
    try:
        return function(*words)
    except OSError as error:
        return type(error).__name__
'''


def ports_of(*os_pids: int) -> set[int]:
    """Return the ports of processes that listen, UDP included."""
    found = [one for os_pid in os_pids for one in psutil.Process(os_pid).net_connections("inet")]
    return {one.laddr.port for one in found if one.status == "LISTEN" or one.type == socket.SOCK_DGRAM}


def paths_of(*os_pids: int) -> list[str]:
    """Return the Unix sockets of processes that have a path."""
    found = [one for os_pid in os_pids for one in psutil.Process(os_pid).net_connections("unix")]
    return sorted({str(one.laddr) for one in found if one.laddr})


def files_of(folder: Path) -> list[str]:
    return [str(path) for path in (folder, *folder.rglob("*")) if path.is_file() and path.name != "platform.log"]


def test_another_user_reads_and_sends_no_frame(
    start: Callable[..., Any], command: Callable[..., Any], superlearner: Callable[..., Any], tmp_path: Path
) -> None:
    with OtherUser(ATTACK) as stranger:  # it runs before the members do
        platform = start()
        page = int(platform.url.rpartition(":")[2])
        alone = platform.process.pid
        assert superlearner("cluster", "status", "--wait", "1").returncode == 0
        assert {page} == ports_of(alone), "a platform alone opens nothing but its page"
        assert 0 == stranger("open", [*ports_of(alone)])

        def attacked(*os_pids: int) -> None:
            paths = paths_of(*os_pids)
            assert len(paths) >= 2 * len(os_pids)  # the link and the commands
            assert 0 == stranger("send")
            connected, read = stranger("look", paths, files_of(platform.data_dir))
            assert {"PermissionError"} == {*connected} == {*read}

        attacked(alone)
        b = command(
            "node", "b", "--data-dir", str(platform.data_dir),
            cwd=tmp_path, env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        try:
            assert "member b@127.0.0.1 ready, 2 members\n" == b.stdout.readline()
            assert set() == ports_of(b.pid)
            assert 0 == stranger("open", [*ports_of(alone, b.pid) - {page}])
            attacked(alone, b.pid)
            assert "shop" in superlearner("process", "list", "--node", "b").stdout
            b.terminate()
            assert 0 == b.wait(20)
        finally:
            if b.poll() is None:
                b.kill()
            b.communicate()


PLANT = """
import os
from pathlib import Path

def attack(what, path):
    if what == "link":
        os.symlink("/root", path)
    else:
        os.mkdir(path)
        os.chmod(path, 0o777)
    return what
"""


@pytest.mark.parametrize(("words", "what"), [("node b", "folder"), ("node b", "link"), ("cluster start 1", "folder")])
def test_a_folder_that_another_user_has_prepared_for_sockets_is_refused_with_a_sentence(
    superlearner: Callable[..., Any], words: str, what: str
) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as shared, OtherUser(PLANT) as stranger:
        os.chmod(shared, 0o1777)  # as /tmp
        prepared = Path(shared, "otp")
        assert what == stranger(what, str(prepared))
        done = superlearner(*words.split(), XDG_RUNTIME_DIR=shared, TMPDIR=shared)
        assert (1, "") == (done.returncode, done.stdout)
        [line] = done.stderr.splitlines()
        assert f"expected {prepared} to be a folder of this user alone" in line
        assert what != "folder" or [] == list(prepared.iterdir())
