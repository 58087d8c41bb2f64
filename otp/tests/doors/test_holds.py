"""Holds of the event loop of a visited service: their log, and the file for observers."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import stat
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import otp
from otp.doors import find_doors
from otp.doors.folder import find_hold_file
from otp.doors.holds import Hold, HoldFile, read_hold
from otp.watchdog import Held, Watchdog
from visits import run, visitor_of


class RecordedLog(logging.Handler):
    """Sets an event when the log says what holds the loop."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.heard = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if "has held the event loop" in record.getMessage():
            self.text = record.getMessage()
            self.heard.set()


@pytest.fixture
def recorded_log() -> Iterator[RecordedLog]:
    found = RecordedLog()
    logging.getLogger("otp").addHandler(found)
    yield found
    logging.getLogger("otp").removeHandler(found)


@pytest.mark.usefixtures("own_sockets")
def test_a_visited_service_logs_what_holds_its_loop_while_it_is_held(recorded_log: RecordedLog) -> None:
    """Regression: the platform said that the terminal of the service names the callback, and could not read it."""

    async def main() -> None:
        async with otp.Node("shop@127.0.0.1") as node, otp.observe(node, backend=None) as door:
            assert node.scheduler.watchdogs == []  # an unused door has no thread
            async with visitor_of(door):
                assert recorded_log.heard.wait(20)
                path = find_hold_file(door.record.address)
                assert path is not None and stat.S_IMODE(path.stat().st_mode) == 0o600
                hold = read_hold(path, os.getpid(), time.time())
                assert hold is not None
                assert (hold.who, hold.file, hold.function) == ("", "test_holds.py", "main")
                assert read_hold(path, os.getpid() + 1, time.time()) is None
            await door.close()
            assert not list(path.parent.iterdir())
            assert node.scheduler.watchdogs == []

    run(main)
    assert "test_holds.py:" in recorded_log.text


HOLD = {"os_pid": 7, "since": 90.5, "who": "till", "file": "shop.py", "line": 3, "function": "handle_cast"}


@pytest.mark.parametrize(
    "content",
    [
        b"", b"null", b"[" * 1900, b"\xff\xfe", b'{"os_pid": 7', HOLD | {"since": 1e300}, HOLD | {"since": 101.0},
        HOLD | {"since": float("nan")}, HOLD | {"since": -1e9}, HOLD | {"line": True}, HOLD | {"line": -1},
        HOLD | {"line": 2**63}, HOLD | {"who": None}, HOLD | {"who": "t" * 121}, HOLD | {"file": "s" * 3000},
        HOLD | {"more": 1}, HOLD | {"os_pid": 8},
    ],
)  # fmt: skip
def test_a_file_of_a_hold_that_is_not_valid_says_nothing(tmp_path: Path, content: Any) -> None:
    path = tmp_path / "shop-7.hold"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    path.chmod(0o600)
    assert read_hold(path, 7, 100.0) is None


def test_a_file_of_a_hold_is_read_only_if_nobody_else_can_write_or_read_it(tmp_path: Path) -> None:
    path, link = tmp_path / "shop-7.hold", tmp_path / "link.hold"
    path.write_text(json.dumps(HOLD))
    path.chmod(0o600)
    link.symlink_to(path)
    assert read_hold(path, 7, 100.0) == Hold(**HOLD)
    path.chmod(0o640)
    (tmp_path / "folder.hold").mkdir()
    os.mkfifo(tmp_path / "pipe.hold", 0o600)
    assert [read_hold(tmp_path / f"{name}.hold", 7, 100.0) for name in ("link", "shop-7", "folder", "pipe")] == [
        None
    ] * 4


def test_a_file_of_a_hold_lasts_as_long_as_the_hold_and_the_door(tmp_path: Path) -> None:
    file, held = HoldFile(tmp_path / "a.hold"), Held(3.0, "<0.7.0>", None, "till/shop.py", 12, "Till.handle_cast" * 99)
    file.update(held)
    first = read_hold(tmp_path / "a.hold", os.getpid(), time.time())
    file.update(replace(held, seconds=13.0, line=14))
    again = read_hold(tmp_path / "a.hold", os.getpid(), time.time())
    assert first is not None and again is not None
    assert (first.since, first.who, first.file, again.line) == (again.since, "<0.7.0>", "shop.py", 14)
    file.update(None)
    assert not list(tmp_path.iterdir())
    file.update(held)
    file.close()
    file.update(held)
    assert not list(tmp_path.iterdir())
    HoldFile(tmp_path / "missing" / "a.hold").update(held)  # a program is not disturbed


def test_a_hold_goes_on_with_the_next_message_of_its_process(tmp_path: Path) -> None:
    """Regression: each message in a row began a new hold, and the last report began with the first message again."""
    path, held = tmp_path / "a.hold", Held(3.0, None, "till", "shop.py", 12, "Till.handle_cast")
    file, begins = HoldFile(path), list[float]()
    for next_one in (held, replace(held, seconds=0.1), replace(held, seconds=0.1, name="cart")):
        file.update(next_one)
        hold = read_hold(path, os.getpid(), time.time())
        assert hold is not None
        begins.append(hold.since)
        file.update(None)
    first, second, other = begins
    assert first == second < other - 2


def test_what_a_killed_program_said_of_its_loop_is_removed_after_a_minute(folder: Path) -> None:
    find_doors()
    new, old = folder / "otp" / "new-1.hold", folder / "otp" / "old-2.3.hold.part"
    for path in (new, old):
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.touch()
    os.utime(old, (1, 1))
    assert (find_doors(), new.exists(), old.exists()) == ([], True, False)


@pytest.mark.usefixtures("own_sockets")
def test_the_door_of_a_service_with_the_ending_of_a_hold_in_its_name_is_kept() -> None:
    """Regression: a minute after it was opened, readers removed its record and its socket."""

    async def main() -> None:
        async with otp.Node("shop@cart.holding.test") as node, otp.observe(node, backend=None) as door:
            [record] = find_doors()
            assert record == door.record
            files = list(Path(record.address).parent.iterdir())
            for file in files:
                os.utime(file, (1, 1))
            find_doors()
            assert all(file.exists() for file in files) and len(files) == 2

    run(main)


def test_what_a_killed_program_of_the_same_number_said_of_its_loop_is_removed(tmp_path: Path) -> None:
    """Regression: in a container, which numbers its programs again, the new one was said to be held."""
    path = tmp_path / f"shop-{os.getpid()}.hold"
    HoldFile(path).update(Held(3.0, None, "till", "shop.py", 12, "handle_cast"))
    HoldFile(path)
    assert read_hold(path, os.getpid(), time.time()) is None


def test_what_holds_a_loop_may_have_a_long_name_of_any_letters(tmp_path: Path) -> None:
    path, name = tmp_path / "shop-7.hold", "\U0001f680" * 120
    HoldFile(path).update(Held(3.0, None, name, name, 12, name))
    hold = read_hold(path, os.getpid(), time.time())
    assert hold is not None and (hold.who, hold.file, hold.function) == (name, name, name)


@pytest.mark.usefixtures("own_sockets")
def test_a_second_door_of_a_loop_reports_what_holds_it_after_the_first_one_is_closed(recorded_log: RecordedLog) -> None:
    """Regression: the watchdog of the first door ended with it, and the loop had none."""

    async def main() -> None:
        async with (
            otp.Node("shop@127.0.0.1") as shop,
            otp.Node("bank@127.0.0.1") as bank,
            otp.observe(shop, backend=None) as first,
            otp.observe(bank, backend=None) as second,
            visitor_of(second),
        ):
            async with visitor_of(first):
                await second.close()
                assert len(shop.scheduler.watchdogs) == 1
                assert recorded_log.heard.wait(20)
            ends = [one for one in threading.enumerate() if one.name == "otp-watchdog"]
            assert ends
            await first.close()
            for one in ends:
                await asyncio.to_thread(one.join, 20)
            assert not any(one.is_alive() for one in ends)

    run(main)


@pytest.mark.usefixtures("own_sockets")
def test_a_loop_with_a_watchdog_gets_no_second_one_from_its_door() -> None:
    async def main() -> None:
        async with otp.Node("shop@127.0.0.1") as node, otp.observe(node, backend=None) as door:
            own = Watchdog(asyncio.get_running_loop(), node)
            own.start()
            async with visitor_of(door):
                assert node.scheduler.watchdogs[0] is own
            await door.close()
            assert node.scheduler.watchdogs == [own]  # was not ended with the door
            own.stop()

    run(main)
