"""A door admits holders of its token, for what the service permits, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import otp
from otp.doors import DoorError, Visitor, WrongToken, find_doors
from otp.observer import NotPermitted
from visits import run, visitor_of


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
            async with visitor_of(door):
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
            visitors.append(visitor_of(door))
            with pytest.raises(DoorError, match="stopped answering: its event loop may be held"):
                async with visitors[0]:
                    pass

    run(main)
