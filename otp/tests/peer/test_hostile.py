"""Hostile programs end contained: they reach nothing, the reason is reported, and none of their processes is left.

Each program of `hostile/` says in its first line what it tries, and below it how it `ends:` (kinds of `Ended`, any of
them), under which `limits:`, which `reason:` people read, and whether it is `slow:`. What it prints with `ESCAPED` has
worked, and must not.
"""

from __future__ import annotations

import os
import re
import select
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from otp import StartError
from otp.peer import Ended, Limits, Spares, Walls, start
from otp.peer.meter import descendants
from otp.peer.walls.privileges import choose_uid, uids_in_use

pytestmark = [pytest.mark.program, pytest.mark.skipif(sys.platform != "linux", reason="walls are there on Linux only")]

PROGRAMS = sorted(Path(__file__).with_name("hostile").glob("*.py"))
SECRET = "the-token-of-the-platform"
LONGEST_S = 20


@dataclass(frozen=True)
class Program:
    """A hostile program, and what it says about itself."""

    source: str
    ends: frozenset[str]
    limits: dict[str, Any]
    reason: str

    @classmethod
    def read(cls, path: Path) -> Program:
        source = path.read_text()
        said = dict(re.findall(r"^# (ends|limits|reason): (.*)$", source, re.MULTILINE))
        limits = dict(part.split("=") for part in said.get("limits", "").split(", ") if part)
        numbers = {name: None if value == "None" else float(value) for name, value in limits.items()}
        whole = {name: int(value) if value and name.endswith("_mb") else value for name, value in numbers.items()}
        return cls(source, frozenset(said["ends"].split("|")), whole, said.get("reason", ""))


@pytest.fixture(scope="module")
def spares() -> Iterator[Spares]:
    with Spares(2, preload=["otp.peer.inner"]) as reserve:
        yield reserve


class Surroundings:
    """Create targets to reach: files, a server, Unix sockets."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.outside = folder / "outside"
        self.outside.mkdir()
        self.token = self.outside / "token"
        self.token.write_text(SECRET)
        self.readable = self.outside / "readable"
        self.readable.write_text(SECRET)
        for path, mode in ((folder, 0o777), (self.outside, 0o777), (self.token, 0o600), (self.readable, 0o666)):
            path.chmod(mode)
        self.abstract = f"otp-hostile-{os.getpid()}-{id(self)}"
        self.servers = [socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_UNIX)]
        self.servers.append(socket.socket(socket.AF_UNIX))
        self.path = f"{self.outside}/s"
        self.servers[1].bind(self.path)
        self.servers[2].bind("\0" + self.abstract)
        for server in self.servers:
            server.listen()
            server.setblocking(False)
        os.chmod(self.path, 0o777)

    def arguments(self) -> dict[str, Any]:
        return {
            "token": str(self.token),
            "readable": str(self.readable),
            "writable": str(self.outside),
            "port": self.servers[0].getsockname()[1],
            "socket": self.path,
            "abstract": self.abstract,
            "parent": os.getpid(),
            "group": os.getpgrp(),
        }

    def check(self) -> None:
        """Nothing was reached."""
        assert ["readable", "s", "token"] == sorted(os.listdir(self.outside))
        assert [SECRET, SECRET] == [self.token.read_text(), self.readable.read_text()]
        for server in self.servers:
            with pytest.raises(BlockingIOError):
                server.accept()

    def close(self) -> None:
        for server in self.servers:
            server.close()


@pytest.fixture
def surroundings(tmp_path: Path) -> Iterator[Surroundings]:
    made = Surroundings(tmp_path)
    yield made
    made.close()


def in_reserve(spares: Spares) -> set[int]:
    """Return the process that forks guards, and the waiting guards, once they exist."""
    for spare in spares._ready:
        select.select([spare.guard], [], [])
    assert spares._nursery is not None
    found = descendants(spares._nursery._program.pid)
    assert 1 + len(spares) == len(found)
    return set(found)


def owned_by(uid: int | None) -> list[str]:
    """Processes of an account."""
    found: list[str] = []
    if uid is None:
        return found
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                if entry.stat().st_uid == uid:
                    found.append(entry.name)
            except OSError:
                continue
    return found


def marked(path: Path) -> Any:
    slow = [pytest.mark.slow] if "\n# slow: " in path.read_text() else []
    return pytest.param(path, id=path.stem, marks=slow)


@pytest.mark.parametrize("path", [marked(path) for path in PROGRAMS])
def test_a_hostile_program_is_contained(
    run: Callable[..., Any], path: Path, spares: Spares, surroundings: Surroundings
) -> None:
    program = Program.read(path)
    written = bytearray()
    account = choose_uid(uids_in_use())
    uids = None if account is None else range(account, account + 1)

    async def main() -> Ended:
        neighbour = await start("good@127.0.0.1", "good:boot", files={"good.py": GOOD}, spares=spares)
        try:
            peer = await start(
                "bad@127.0.0.1",
                "hostile:boot",
                surroundings.arguments(),
                files={"hostile.py": program.source},
                walls=Walls(uids=uids),
                limits=Limits(**({"start_s": 15.0} | program.limits)),
                spares=spares,
                shutdown=1.0 if "killed" in program.ends else LONGEST_S,
                on_output=written.extend,
            )
        except StartError as error:
            match error.reason:
                case ("peer", str(kind), str(reason)):
                    ended = Ended(kind, reason)
                case _:
                    raise
        else:
            ended = await (peer.stop() if program.ends & {"stopped", "killed"} else peer.ended(LONGEST_S))
        assert "shut down" == (await neighbour.stop()).reason
        return ended

    started_before = set(descendants(os.getpid())) - in_reserve(spares)
    ended = run(main)
    output = written.decode(errors="replace")
    assert "ESCAPED" not in output, output
    assert SECRET not in output
    assert ended.kind in program.ends, (ended, output)
    assert re.search(program.reason, ended.reason), ended.reason
    assert ended.reason.isprintable()
    surroundings.check()
    assert [] == owned_by(account)
    assert [] == sorted(set(descendants(os.getpid())) - {os.getpid()} - started_before - in_reserve(spares))


GOOD = "def boot(here): pass"


def test_there_are_at_least_forty_hostile_programs() -> None:
    assert 40 <= len(PROGRAMS)
