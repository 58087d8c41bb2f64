"""Incarnations that stay unique over restarts, and nodes that know a higher one."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import otp
from other_user import NOBODY, needs_root
from otp.distribution import (
    Distribution,
    IncarnationError,
    IncarnationFile,
    NodeId,
    Session,
    SessionTransport,
    Settings,
)
from otp.distribution.actions import Action, Down, Outdated, Put, Refused, Up
from otp.distribution.carriers.stream import StreamCarrier
from otp.distribution.frames import Hello, decode, encode
from otp.distribution.incarnations import HIGHEST

HOUR = 3600.0
A = NodeId("a", 1)
OLD, NEW = NodeId("b", 5), NodeId("b", 9)


def test_an_incarnation_is_the_time_and_survives_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "incarnation"
    assert 1000 == IncarnationFile(path, clock=lambda: 1000.9).next()
    assert 1001 == IncarnationFile(path, clock=lambda: 1000.9).next()
    assert 2000 == IncarnationFile(path, clock=lambda: 2000.0).next()


def test_a_clock_that_is_off_by_an_hour_or_runs_backwards_repeats_no_incarnation(tmp_path: Path) -> None:
    now = [10_000.0]
    kept = IncarnationFile(tmp_path / "incarnation", clock=lambda: now[0])
    found = [kept.next()]
    for shift in (HOUR, -HOUR, -HOUR, -1.0, -1.0, 2 * HOUR):
        now[0] += shift
        found.append(kept.next())
    assert sorted(set(found)) == found


@given(st.lists(st.one_of(st.none(), st.floats(-1e12, 1e12)), max_size=30), st.integers(0, HIGHEST // 2))
def test_any_clock_and_what_others_know_give_growing_incarnations(
    tmp_path_factory: Any, clock: Any, known: int
) -> None:
    now = [0.0]
    kept = IncarnationFile(tmp_path_factory.mktemp("kept") / "incarnation", clock=lambda: now[0])
    last = 0
    for time in clock:
        if time is None:
            kept.raise_to(known)
            last = max(last, known)
        else:
            now[0] = time
            found = kept.next()
            assert last < found
            last = found


@pytest.mark.parametrize("content", [b"", b"x", b"-1", b"1 2", b"9" * 70, b"\xff\xfe", str(HIGHEST + 1).encode()])
def test_a_file_that_is_no_number_is_an_error_that_names_it_and_stays(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "incarnation"
    path.write_bytes(content)
    kept = IncarnationFile(path)
    for use in (kept.next, lambda: kept.raise_to(7)):
        with pytest.raises(IncarnationError, match=r"incarnation: expected the number of the last incarnation, got"):
            use()
    assert content == path.read_bytes()


def test_a_file_that_cannot_be_written_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(IncarnationError, match="no folder/incarnation: expected a file that can be read and written"):
        IncarnationFile(tmp_path / "no folder" / "incarnation").next()
    folder = tmp_path / "incarnation"
    folder.mkdir()
    with pytest.raises(IncarnationError, match="expected a file that can be read and written"):
        IncarnationFile(folder).next()


def test_no_incarnation_is_left(tmp_path: Path) -> None:
    path = tmp_path / "incarnation"
    path.write_text(str(HIGHEST))
    with pytest.raises(IncarnationError, match="expected a number below"):
        IncarnationFile(path).next()


def test_the_file_belongs_to_its_user_and_nothing_else_is_left(tmp_path: Path) -> None:
    IncarnationFile(tmp_path / "incarnation").next()
    assert {"incarnation", "incarnation.lock"} == set(os.listdir(tmp_path))
    assert 0o600 == stat.S_IMODE((tmp_path / "incarnation").stat().st_mode)


def test_a_link_of_this_user_is_followed_and_stays(tmp_path: Path) -> None:
    """Such as to a disk that outlives a container."""
    disk = tmp_path / "disk"
    disk.mkdir()
    (disk / "stored").write_text("5000")
    (tmp_path / "over").symlink_to(Path("disk", "stored"))
    link = tmp_path / "incarnation"
    link.symlink_to(tmp_path / "over")
    assert IncarnationFile(link, clock=lambda: 1000.0).next() == 5001
    assert link.is_symlink()
    assert (disk / "stored").read_text().strip() == "5001"
    assert set(os.listdir(disk)) == {"stored", "stored.lock"}


def test_a_circle_of_links_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "incarnation").symlink_to(tmp_path / "incarnation")
    with pytest.raises(IncarnationError, match="expected a file that can be read and written"):
        IncarnationFile(tmp_path / "incarnation").next()


@needs_root
def test_a_link_of_another_user_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text("5000")
    link = tmp_path / "incarnation"
    link.symlink_to(tmp_path / "theirs")
    os.chown(link, NOBODY, NOBODY, follow_symlinks=False)
    with pytest.raises(IncarnationError, match="expected a file that can be read and written"):
        IncarnationFile(link).next()
    assert (tmp_path / "theirs").read_text() == "5000"


def test_a_lock_that_is_a_link_is_refused(tmp_path: Path) -> None:
    """It would create a file of this user wherever another user chooses."""
    (tmp_path / "incarnation.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(IncarnationError, match="expected a file that can be read and written"):
        IncarnationFile(tmp_path / "incarnation").next()
    assert not (tmp_path / "elsewhere").exists()


TAKES = """
import sys
from otp.distribution import IncarnationFile

kept = IncarnationFile(sys.argv[1], clock=lambda: 5.0)
sys.stdin.read()
print(*(kept.next() for _ in range(50)))
"""


def test_programs_that_start_at_once_get_different_incarnations(tmp_path: Path) -> None:
    command = [sys.executable, "-c", TAKES, str(tmp_path / "incarnation")]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    programs = [subprocess.Popen(command, **pipes) for _ in range(3)]
    for program in programs:
        program.stdin.close()
        program.stdin = None
    found = [int(number) for program in programs for number in program.communicate(timeout=60)[0].split()]
    assert list(range(5, 155)) == sorted(found)


# The session


def talk(sessions: dict[NodeId, Session], at: NodeId, first: list[Action], now: float = 0.0) -> dict[NodeId, list[Any]]:
    """Bring every frame at once; return what else the sessions wanted."""
    seen: dict[NodeId, list[Any]] = {node: [] for node in sessions}
    todo = [(at, action) for action in first]
    for node, action in todo:
        if not isinstance(action, Put):
            seen[node].append(action)
        elif action.node in sessions:
            todo += [(action.node, new) for new in sessions[action.node].receive(now, node, action.frame)]
    return seen


def who_knew_nine() -> dict[NodeId, Session]:
    sessions = {A: Session(A, b"secret"), NEW: Session(NEW, b"secret"), OLD: Session(OLD, b"secret")}
    assert [Up(NEW, 1)] == talk(sessions, A, sessions[A].connect(0.0, NEW))[A]
    return sessions


@pytest.mark.parametrize("greets", [A, OLD], ids=["who knows", "the older one"])
@pytest.mark.parametrize("lost", [False, True], ids=["while it is up", "after it was lost"])
def test_an_older_incarnation_is_told_and_the_newer_one_undisturbed(greets: NodeId, lost: bool) -> None:
    sessions = who_knew_nine()
    if lost:
        assert Down(NEW, "disconnect") in sessions[A].disconnect(1.0, NEW)
        del sessions[NEW]
    seen = talk(sessions, greets, sessions[greets].connect(1.0, OLD if greets == A else A), 1.0)
    if greets == A and not lost:
        assert {A: [], NEW: [], OLD: []} == seen  # it does not even seek it
        return
    assert [Outdated(A, 9)] == seen[OLD]
    assert not seen[A]
    assert frozenset(() if lost else {NEW}) == sessions[A].nodes()
    assert not sessions[OLD].nodes()


def test_what_others_know_cannot_be_changed_on_the_way() -> None:
    sessions = who_knew_nine()
    (greeting,) = sessions[OLD].connect(1.0, A)
    assert isinstance(greeting, Put)
    (answer,) = sessions[A].receive(1.0, OLD, greeting.frame)
    assert isinstance(answer, Put)
    hello = decode(A, answer.frame, 1000)
    assert isinstance(hello, Hello)
    assert 9 == hello.known
    for known in (0, 4, 1000):
        forged = Hello(hello.version, hello.mine, hello.yours, hello.proof, hello.verified, hello.features, known)
        assert all(isinstance(found, Refused) for found in sessions[OLD].receive(1.0, A, encode(forged)))
    assert [Outdated(A, 9)] == sessions[OLD].receive(1.0, A, answer.frame)


def test_the_memory_of_incarnations_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("otp.distribution.session.KNOWN", 3)
    sessions = {A: Session(A, b"secret")}
    for number in range(8):
        node = NodeId(f"n{number}", 1)
        sessions[node] = Session(node, b"secret")
        talk(sessions, node, sessions[node].connect(0.0, A))
    assert ["n5", "n6", "n7"] == list(sessions[A]._highest)


# Two real nodes


class Port:
    """A carrier that takes one stream after the other, so that its node stays while the other restarts."""

    def __init__(self) -> None:
        self.streams: list[StreamCarrier] = []
        self.started: Any = None
        self.on_room: Any = None

    async def start(self, *started: Any) -> None:
        self.started = started

    async def plug(self, end: socket.socket) -> None:
        self.streams.append(StreamCarrier.over_socket(end))
        self.streams[-1].on_room = self.on_room
        await self.streams[-1].start(*self.started)

    def put(self, node: NodeId, frame: bytes) -> None:
        self.streams[-1].put(node, frame)

    def room(self, node: NodeId) -> int:
        return self.streams[-1].room(node)

    def arrived(self) -> Any:
        """Return the node of which bytes have arrived."""
        return self.streams[-1].arrived() if self.streams else ()

    async def close(self) -> None:
        for stream in self.streams:
            await stream.close()


def test_a_node_that_lost_its_data_is_refused_once_and_comes_back_above_what_is_known(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its clock runs an hour behind, and its file is an old copy."""
    kept = IncarnationFile(tmp_path / "incarnation", clock=lambda: 100.0)
    settings = Settings(heartbeat=0.05, dead=5.0)
    told: list[asyncio.Future[Any]] = []

    async def plugged(port: Port, node: otp.Node, creation: int) -> Distribution:
        here, there = socket.socketpair()
        session = Session(NodeId("b", creation), b"cookie", settings)
        await port.plug(here)
        told.append(asyncio.get_running_loop().create_future())
        return Distribution(
            node,
            SessionTransport(
                StreamCarrier.over_socket(there),
                session,
                incarnations=kept,
                on_outdated=lambda *what: told[-1].set_result(what),
            ),
        )

    async def main() -> Any:
        port = Port()
        at_a = SessionTransport(port, Session(NodeId("a", 1), b"cookie", settings))
        async with otp.Node("a") as a, Distribution(a, at_a) as one:
            async with otp.Node("b") as b, await plugged(port, b, 3700):
                await one.wait_connected("b", timeout=10)
            async with otp.Node("b") as b, await plugged(port, b, kept.next()) as two:
                who = await asyncio.wait_for(told[-1], 10)
                assert [] == two.nodes()
            async with otp.Node("b") as b, await plugged(port, b, kept.next()) as two:
                return who, await one.wait_connected("b", timeout=10)

    with caplog.at_level(logging.ERROR, "otp.distribution"):
        found = asyncio.run(main())
    assert ((NodeId("a", 1), 3700), NodeId("b", 3701)) == found
    assert ["b#100 is refused by a#1, which knows incarnation 3700 of it; try starting it with a higher one"] == [
        record.getMessage() for record in caplog.records
    ]
