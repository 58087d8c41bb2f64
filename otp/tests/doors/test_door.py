"""A door admits holders of its token, for what the service permits, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import re
import signal
import stat
import subprocess
import sys
import threading
import time
from contextvars import Context
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import otp
import otp.doors
from otp.doors import DoorError, Visitor, WrongToken, find_doors
from otp.doors.folder import find_hold_file
from otp.doors.holds import Hold, HoldFile, read_hold
from otp.observer import NotPermitted
from otp.watchdog import Held, Watchdog


def run(main: Any) -> Any:
    return asyncio.run(asyncio.wait_for(main(), 60))


def test_a_visitor_sees_the_tree_of_a_service_that_has_nothing_but_otp(service: Any) -> None:
    async def main() -> Any:
        async with service() as shop, Visitor(shop.address, shop.token) as visitor:
            page = await visitor.view.processes()
            facts = visitor.facts
            return (
                (facts.node, facts.permissions, facts.os_pid == shop.process.pid, facts.backend),
                [one.name for one in page.processes],
                facts.why,
            )

    facts, names, why = run(main)
    assert ("shop@127.0.0.1", ("read",), True, None) == facts
    assert {"shop", "till"} == set(names)  # and nothing of who looks
    assert "superlearner cannot be imported in the service" in why


def test_a_door_that_only_reads_refuses_the_rest_at_the_service(service: Any) -> None:
    async def main() -> None:
        async with service() as shop, Visitor(shop.address, shop.token) as visitor:
            with pytest.raises(NotPermitted):
                await visitor.view.exit("till")
            with pytest.raises(NotPermitted):
                await visitor.view.state("till", redact=False)

    run(main)


def test_what_is_permitted_is_done(service: Any) -> None:
    async def main() -> Any:
        async with service(permissions=("read", "operate")) as shop, Visitor(shop.address, shop.token) as visitor:
            await visitor.view.cast("till", 3)
            return await visitor.view.call("till", "coins")

    assert 10 == run(main)


def test_another_token_opens_nothing_and_says_so(service: Any) -> None:
    async def main() -> None:
        async with service() as shop:
            with pytest.raises(WrongToken):
                async with Visitor(shop.address, "another token altogether"):
                    pass
            async with Visitor(shop.address, shop.token) as visitor:  # and the door is as it was
                assert visitor.facts.os_pid == shop.process.pid

    run(main)


@pytest.mark.parametrize("address", [None, "127.0.0.1:0"])
def test_a_service_that_is_killed_is_gone_at_once_and_its_record_with_the_next_look(service: Any, address: Any) -> None:
    async def main() -> Any:
        async with service(address=address) as shop, Visitor(shop.address, shop.token) as visitor:
            before = [one.address for one in find_doors()]
            shop.process.kill()
            await visitor.gone()
            await shop.process.wait()
            return before == [shop.address], find_doors(), os.path.exists(shop.address)

    assert (True, [], False) == run(main)


def test_a_service_that_was_killed_opens_its_door_again_where_it_was(service: Any, folder: Path) -> None:
    async def main() -> Any:
        address = str(folder / "shop.sock")
        async with service(address=address):
            pass  # it is killed here
        async with service(address=address) as shop, Visitor(address, shop.token) as visitor:
            with pytest.raises(ValueError):  # and one that lives is not pushed aside
                async with service(address=address):
                    pass
            return visitor.facts.os_pid == shop.process.pid

    assert run(main)


def test_a_door_that_is_closed_sends_visitors_away_and_leaves_no_file(service: Any, folder: Path) -> None:
    async def main() -> Any:
        async with service() as shop, Visitor(shop.address, shop.token) as visitor:
            shop.process.stdin.close()
            await visitor.gone()
            coins = json.loads(await shop.process.stdout.readline())
            return coins, await shop.process.wait()

    assert (7, 0) == run(main)
    assert [] == list((folder / "otp").iterdir())


def test_a_visitor_that_is_killed_leaves_no_process_of_its_own_at_the_service(folder: Path) -> None:
    program = (
        "import asyncio, sys\nfrom otp.doors import Visitor, find_doors\n"
        "async def main():\n"
        "    [door] = find_doors()\n"
        "    async with Visitor(door.address, door.token) as visitor:\n"
        "        async with visitor.view.events(0) as events:\n"
        "            await anext(events)\n"
        "            print('looks', flush=True)\n"
        "            await asyncio.Event().wait()\n"
        "asyncio.run(main())"
    )

    async def main() -> Any:
        async with otp.Node("shop") as node, otp.observe(node, backend=None):
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE
            )
            assert process.stdout is not None
            await process.stdout.readline()
            [hidden] = [one for same in node.scheduler.nodes.values() for one in same if one.hidden]
            over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            hidden.subscribe(lambda _: None, kinds={"node_down"}).on_node_end = lambda: over.set_result(None)
            read = len(node.tracer.subscriptions)
            process.kill()
            await process.wait()
            await over
            return read, len(node.tracer.subscriptions), list(node.scheduler.nodes)

    read, left, nodes = run(main)
    assert (read - 1, ["shop"]) == (left, nodes)


def test_code_outside_of_processes_finds_its_node_while_somebody_looks(folder: Path) -> None:
    async def main() -> Any:
        async with otp.Node("shop") as node, otp.observe(node, backend=None) as door:
            await node.start(otp.Agent, lambda: 42, name="answer")
            async with Visitor(door.record.address, door.record.token):
                return otp.node() is node, await otp.Agent.get("answer", lambda n: n)

    assert (True, 42) == run(main)


def test_a_program_without_a_node_gets_one_with_the_door(folder: Path) -> None:
    async def main() -> Any:
        async with otp.observe(name="worker") as door:
            return door.record.node, otp.node().name

    assert ("worker", "worker") == run(main)


def test_token_and_socket_are_for_this_user_alone(folder: Path) -> None:
    async def main() -> Any:
        async with otp.Node("shop") as node, otp.observe(node) as door:
            files = [*(folder / "otp").iterdir(), folder / "otp"]
            assert os.fspath(door.record.address) in map(str, files)
            return [stat.S_IMODE(one.stat().st_mode) & 0o077 for one in files]

    assert [0, 0, 0] == run(main)


def test_a_folder_that_others_can_write_to_is_refused(folder: Path) -> None:
    (folder / "otp").mkdir(mode=0o777)
    (folder / "otp").chmod(0o777)
    with pytest.raises(otp.BadArgument, match="of this user alone"):
        find_doors()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"address": "0.0.0.0:7000"}, "expected a token"),
        ({"address": "nowhere"}, "expected the path of a Unix socket or host:port"),
        ({"address": "/" + "x" * 200}, "shorter folder"),
        ({"token": "short"}, "at least 16 characters"),
        ({"permissions": ()}, "got none"),
        ({"permissions": ("write",)}, "expected some of"),
    ],
)
def test_what_cannot_be_says_what_to_try(options: Any, words: str) -> None:
    with pytest.raises(otp.BadArgument, match=words):
        otp.observe(**options)


def test_nobody_at_the_address_is_said(folder: Path) -> None:
    async def main() -> None:
        with pytest.raises(DoorError, match="is the service running"):
            async with Visitor(str(folder / "none.sock"), "x" * 20):
                pass

    run(main)


def test_without_msgspec_it_is_named() -> None:
    program = (
        "import sys, asyncio\nsys.modules['msgspec'] = None\nimport otp\n"
        "async def main():\n    async with otp.observe(): pass\n"
        "try:\n    asyncio.run(main())\nexcept ImportError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert "try: pip install msgspec" in done.stdout


def test_importing_doors_imports_neither_the_distribution_nor_msgspec() -> None:
    program = (
        "import sys, otp; otp.observe; print([m for m in sys.modules if m.startswith(('otp.distribution', 'msgspec'))])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert "[]" == done.stdout.strip()


SERVICE = """
import sys
import otp
async def main():
    given = {"address": "127.0.0.1:0", "token": "x" * 20} if sys.argv[1:] else {}
    async with otp.observe(name="shop", **given) as door:
        print(door)
otp.run(main)
"""


@pytest.mark.parametrize("runtime", ["stale", "/proc/self"], ids=["stale", "read-only"])
def test_a_service_runs_on_without_a_usable_runtime_folder(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, runtime: str
) -> None:
    """As in a session of `su`, or after the login session has ended."""
    temporary = tmp_path_factory.mktemp("t")  # a path that is short enough for a socket
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder / runtime))
    monkeypatch.setattr("tempfile.tempdir", str(temporary))

    async def main() -> None:
        async with otp.Node("shop") as node, otp.observe(node) as door:
            assert [door.record] == find_doors()
            assert Path(door.record.address).parent == temporary / f"otp-{os.getuid()}"

    run(main)


@pytest.mark.parametrize(
    ("given", "printed", "warning"),
    [
        ([], "<Door closed>\n", "this program cannot be observed: expected a folder for doors, got none"),
        (["address"], "<Door shop-", "this door has only its address, no name: expected a folder for doors, got none"),
    ],
    ids=["no address", "address"],
)
def test_a_service_on_a_read_only_system_works_without_its_observers(
    given: list[str], printed: str, warning: str
) -> None:
    """No folder for temporary files, and none for a login session."""
    place = "import os, tempfile\nos.chdir('/proc/self')\ntempfile._candidate_tempdir_list = lambda: ['/proc/self']\n"
    done = subprocess.run(
        [sys.executable, "-c", place + SERVICE, *given],
        capture_output=True, text=True, env={"XDG_RUNTIME_DIR": "/proc/self"}, check=False,
    )  # fmt: skip
    assert (0, True) == (done.returncode, done.stdout.startswith(printed)), done
    assert done.stderr.startswith(warning), done.stderr


def test_a_full_disk_closes_a_door_and_not_its_service(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def write(*_: Any) -> Any:
        raise OSError(28, "No space left on device")

    async def main() -> str:
        async with otp.Node("shop") as node, otp.observe(node) as door:
            return f"{door}"

    monkeypatch.setattr("otp.doors.door.write_record", write)
    assert "<Door closed>" == run(main)
    assert [] == list((folder / "otp").iterdir())
    assert "this program cannot be observed" in caplog.text and "No space left on device" in caplog.text


class Hearer(logging.Handler):
    """Sets an event when the log says what holds the loop."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.heard = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if "has held the event loop" in record.getMessage():
            self.text = record.getMessage()
            self.heard.set()


@pytest.mark.usefixtures("own_sockets")
def test_a_visited_service_logs_what_holds_its_loop_while_it_is_held() -> None:
    """Regression: the platform said that the terminal of the service names the callback, and could not read it."""
    hearer = Hearer()

    async def main() -> None:
        async with otp.Node("shop@127.0.0.1") as node, otp.observe(node, backend=None) as door:
            assert node.scheduler.watchdogs == []  # an unused door has no thread
            async with Visitor(door.record.address, door.record.token):
                assert hearer.heard.wait(20)
                path = find_hold_file(door.record.address)
                assert path is not None and stat.S_IMODE(path.stat().st_mode) == 0o600
                hold = read_hold(path, os.getpid(), time.time())
                assert hold is not None
                assert (hold.who, hold.file, hold.function) == ("", "test_door.py", "main")
                assert read_hold(path, os.getpid() + 1, time.time()) is None
            await door.close()
            assert not list(path.parent.iterdir())
            assert node.scheduler.watchdogs == []

    logging.getLogger("otp").addHandler(hearer)
    try:
        run(main)
    finally:
        logging.getLogger("otp").removeHandler(hearer)
    assert "test_door.py:" in hearer.text


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
def test_a_service_that_does_not_answer_its_first_visitor_is_not_called_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: a service whose loop was held at that moment "ended, or does not use otp.observe()"."""
    visitors: list[Any] = []

    async def lose_the_service(*_call: Any) -> None:
        visitors[0]._distribution.last_loss = "timeout"
        raise otp.CallExit("noconnection")

    monkeypatch.setattr("otp.doors.visitor.call", lose_the_service)

    async def main() -> None:
        async with otp.Node("shop@127.0.0.1") as node, otp.observe(node, backend=None) as door:
            visitors.append(Visitor(door.record.address, door.record.token))
            with pytest.raises(DoorError, match="stopped answering: its event loop may be held"):
                async with visitors[0]:
                    pass

    run(main)


@pytest.mark.usefixtures("own_sockets")
def test_a_second_door_of_a_loop_reports_what_holds_it_after_the_first_one_is_closed() -> None:
    """Regression: the watchdog of the first door ended with it, and the loop had none."""
    hearer = Hearer()

    async def main() -> None:
        async with (
            otp.Node("shop@127.0.0.1") as shop,
            otp.Node("bank@127.0.0.1") as bank,
            otp.observe(shop, backend=None) as first,
            otp.observe(bank, backend=None) as second,
            Visitor(second.record.address, second.record.token),
        ):
            async with Visitor(first.record.address, first.record.token):
                await second.close()
                assert len(shop.scheduler.watchdogs) == 1
                assert hearer.heard.wait(20)
            ends = [one for one in threading.enumerate() if one.name == "otp-watchdog"]
            assert ends
            await first.close()
            for one in ends:
                await asyncio.to_thread(one.join, 20)
            assert not any(one.is_alive() for one in ends)

    logging.getLogger("otp").addHandler(hearer)
    try:
        run(main)
    finally:
        logging.getLogger("otp").removeHandler(hearer)


@pytest.mark.usefixtures("own_sockets")
def test_a_loop_with_a_watchdog_gets_no_second_one_from_its_door() -> None:
    async def main() -> None:
        async with otp.Node("shop@127.0.0.1") as node, otp.observe(node, backend=None) as door:
            own = Watchdog(asyncio.get_running_loop(), node)
            own.start()
            async with Visitor(door.record.address, door.record.token):
                assert node.scheduler.watchdogs[0] is own
            await door.close()
            assert node.scheduler.watchdogs == [own]  # was not ended with the door
            own.stop()

    run(main)


@pytest.mark.parametrize("way", ["sys.exit", "closed node", "closed door"])
def test_a_door_tells_its_visitors_why_its_node_has_ended(folder: Path, way: str) -> None:
    """Regression: after a `sys.exit` in a callback, a platform only knew that the door was closed."""

    async def quits() -> None:
        sys.exit(3)

    async def main() -> Any:
        visits = contextlib.AsyncExitStack()
        with contextlib.suppress(SystemExit):
            async with otp.Node("shop@127.0.0.1") as node, otp.observe(node, backend=None) as door:
                visitors.append(await visits.enter_async_context(Visitor(door.record.address, door.record.token)))
                if way == "sys.exit":
                    node.spawn(quits)
                    await asyncio.Event().wait()
                elif way == "closed node":
                    await node.close()
        async with asyncio.timeout(10), visits:
            await visitors[0].gone()
        return visitors[0].last_word

    visitors: list[Visitor] = []
    word = run(main)
    if way == "sys.exit":
        assert re.fullmatch(r"process <0.\d+.0> called sys.exit\(3\) at test_door.py:\d+", word)
    else:
        assert word == (None if way == "closed door" else "its node has ended")


async def waits_forever() -> None:
    await asyncio.Event().wait()


async def fails_at_once() -> None:
    raise ValueError("no coins")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (fails_at_once, r"fails_at_once raised ValueError\('no coins'\) at test_door.py:\d+"),
        (waits_forever, "waits_forever was cancelled, for example by Ctrl-C"),
    ],
)
def test_a_door_reports_the_error_that_left_its_block(folder: Path, body: Any, words: str) -> None:
    """Regression: it reported only that the door was closed."""

    async def main() -> str:
        visits = contextlib.AsyncExitStack()
        async with asyncio.timeout(10), visits, otp.Node("shop@127.0.0.1") as node:
            door = otp.observe(node, backend=None)

            async def block() -> None:
                async with door:
                    visitors.append(await visits.enter_async_context(Visitor(door.record.address, door.record.token)))
                    is_open.set()
                    await body()

            block.__qualname__ = body.__qualname__
            is_open = asyncio.Event()
            task = asyncio.ensure_future(block())
            await is_open.wait()
            if body is waits_forever:
                task.cancel()
            await asyncio.wait([task])
            assert (task.cancelled() or task.exception()) is not None
            await visitors[0].gone()
            return visitors[0].last_word or ""

    visitors: list[Visitor] = []
    assert re.fullmatch(words, run(main))


@pytest.mark.parametrize("way", ["root", "link", "signal"])
def test_a_door_reports_the_exit_signal_that_ended_its_process(folder: Path, way: str) -> None:
    """Regression: after the give-up of a root, it reported only that the door was closed."""

    class SmallShop(otp.Supervisor):
        @otp.impl
        def init(self, arg: Any) -> otp.Children:
            return otp.Children([otp.Task.child_spec(waits_forever, id="till", restart="permanent")], max_restarts=0)

    async def program(visits: contextlib.AsyncExitStack, is_in: asyncio.Event) -> None:
        async with otp.observe(otp.node(), backend=None) as door:
            visitors.append(await visits.enter_async_context(Visitor(door.record.address, door.record.token)))
            is_in.set()
            if way == "root":
                root = await SmallShop.start_link(None, name="shop")
                [till] = await otp.Supervisor.which_children(root)
                otp.exit(till.pid, "kill")
            elif way == "link":
                otp.exit(otp.spawn_link(waits_forever), "kill")
            else:
                otp.spawn(otp.exit, otp.self(), "no_more")
            await waits_forever()

    async def main() -> str:
        async with asyncio.timeout(10), contextlib.AsyncExitStack() as visits, otp.Node("shop@127.0.0.1") as node:
            is_in = asyncio.Event()
            node.spawn(program, visits, is_in)
            await is_in.wait()
            await visitors[0].gone()
            return visitors[0].last_word or ""

    visitors: list[Visitor] = []
    word = run(main)
    assert {
        "root": "PROGRAM was linked to shop and ended with it: shop gave up, because till was killed",
        "link": "PROGRAM was linked to waits_forever and ended with it: killed",
        "signal": "an exit signal ended PROGRAM: no_more",
    }[way] == re.sub(r"\S+program", "PROGRAM", word)


def test_a_door_that_closes_waits_until_its_visitors_have_collected(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: a platform could not fetch what happened last, such as the give-up that ended the program."""

    async def main() -> None:
        async with asyncio.timeout(10), otp.Node("shop@127.0.0.1") as node, contextlib.AsyncExitStack() as visits:
            door = await otp.observe(node, backend=None).open()
            visitor = await visits.enter_async_context(Visitor(door.record.address, door.record.token))
            is_asked, may_go = asyncio.Event(), asyncio.Event()

            async def collect() -> None:
                is_asked.set()
                await may_go.wait()
                assert "shop@127.0.0.1" == (await visitor.view.info()).name  # still answered

            visitor.collect = collect
            closing = asyncio.ensure_future(door.close())
            await is_asked.wait()
            assert not closing.done()
            may_go.set()
            await closing
            await visitor.gone()
            assert visitor.last_word is None

            # A visitor that does not come back delays the end for a moment only
            monkeypatch.setattr("otp.doors.visit.COLLECT_S", 0.01)
            door = await otp.observe(node, backend=None).open()
            other = await visits.enter_async_context(Visitor(door.record.address, door.record.token))
            other.collect = asyncio.Event().wait
            await door.close()

    run(main)


def test_the_end_of_a_node_waits_for_what_the_visitors_of_its_doors_collect(folder: Path) -> None:
    async def main() -> None:
        async with asyncio.timeout(10), contextlib.AsyncExitStack() as visits:
            async with otp.Node("shop@127.0.0.1") as node:
                door = await otp.observe(node, backend=None).open()
                visitor = await visits.enter_async_context(Visitor(door.record.address, door.record.token))

                async def collect() -> None:
                    await asyncio.sleep(0)
                    collected.append(visitor.last_word)

                visitor.collect = collect
            assert ["its node has ended"] == collected

    collected: list[str | None] = []
    run(main)


@pytest.mark.parametrize(
    ("way", "word"),
    [
        ("signal", "its program received SIGTERM"),
        ("return", "program returned"),
        ("error", "program raised ValueError('no coins')"),
        ("exit", "till called sys.exit(3) at test_door.py"),
    ],
)
def test_a_door_reports_the_reason_why_otp_run_ended(folder: Path, way: str, word: str) -> None:
    """Regression: it reported only that its node had ended; after `sys.exit`, the process was restarted first."""

    class QuittingTill(otp.GenServer[None]):
        @otp.impl
        def init(self, arg: Any) -> otp.Ok[None]:
            started.append(self.pid)
            return otp.Ok(None)

        @otp.impl
        def handle_cast(self, request: Any, state: None) -> otp.NoReply[None]:
            sys.exit(3)

    class TillShop(otp.Supervisor):
        @otp.impl
        def init(self, arg: Any) -> otp.Children:
            return otp.Children([QuittingTill.child_spec(None, id="till", name="till")])

    async def visit(door: otp.doors.Door, is_in: asyncio.Event) -> None:
        async with Visitor(door.record.address, door.record.token) as visitor:

            async def collect() -> None:
                words.append(visitor.last_word)

            visitor.collect = collect
            is_in.set()
            await visitor.gone()

    async def program() -> None:
        await TillShop.start_link(None)
        door, is_in = await otp.observe(otp.node(), backend=None).open(), asyncio.Event()
        visiting.append(asyncio.create_task(visit(door, is_in), context=Context()))
        await is_in.wait()
        if way == "signal":
            os.kill(os.getpid(), signal.SIGTERM)
        elif way == "exit":
            otp.GenServer.cast("till", "quit")
        elif way == "error":
            raise ValueError("no coins")
        if way != "return":
            await waits_forever()

    program.__qualname__ = "program"
    words: list[str | None] = []
    started: list[otp.Pid] = []
    visiting: list[asyncio.Task[None]] = []
    with contextlib.suppress(ValueError, SystemExit):
        otp.run(program)
    assert [word] == [re.sub(r"py:\d+$", "py", one or "") for one in words]
    assert 1 == len(started)
