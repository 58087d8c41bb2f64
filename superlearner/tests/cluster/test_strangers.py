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
import os, socket
from pathlib import Path
from otp.distribution import NodeId
from otp.distribution.carriers.link_handshake import Greeting
from otp.distribution.frames import Data, encode
from otp.distribution.signals import ExitTo
from otp.distribution.wire import encode as encode_signal

open_ = []

def attack(what, *words):
    return {"open": opened, "send": sent, "look": looked}[what](*words)

def opened(ports):
    """Greet each port as a node without the cookie does; return how many answered with a frame."""
    for port in ports:
        one = socket.create_connection(("127.0.0.1", port), 5)
        one.settimeout(5)
        me = Greeting(bytes(8), bytes(16), NodeId("x", 1), "")
        one.sendall(len(me.hello()).to_bytes(4, "big") + me.hello())
        open_.append(one)
    return sum(is_answered(one) for one in open_)

def is_answered(one):
    try:
        return one.recv(4)[:1] == bytes(1)  # the length of a frame
    except OSError:
        return False

def sent():
    """End processes over the connections; return the number of frames that were read there."""
    heard = 0
    for one in open_:
        for number in range(1, 30):
            kill = encode_signal(ExitTo(0, number, False, "kill"))
            frame = encode(Data(number, number, 0, kill, False))
            try:
                one.sendall(len(frame).to_bytes(4, "big") + frame)
            except OSError:
                break
        one.setblocking(False)
        try:
            heard += one.recv(4)[:1] == bytes(1)
        except OSError:
            pass
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
            assert f"member b@127.0.0.1 ready, 2 members, process {b.pid}\n" == b.stdout.readline()
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
