"""Peers are started, supervised and stopped, and leave nothing behind when either side fails."""

from __future__ import annotations

import ast
import asyncio
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import otp
from otp import BadArgument, Children, StartError, Supervisor, impl
from otp.peer import Limits, Peer, PeerSpec, Spares, WallMissing, Walls, start
from otp.peer.meter import descendants

pytestmark = [pytest.mark.program, pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")]

QUIET = "def boot(here): pass"


def shop(source: str) -> dict[str, Any]:
    """Return the arguments of a peer that runs this program."""
    return {"name": "shop@127.0.0.1", "boot": "shop:boot", "files": {"shop.py": source}}


def test_a_peer_gets_its_arguments_and_stops_in_order(run: Callable[..., Any]) -> None:
    async def main() -> None:
        peer = await start(**shop("def boot(here): print(here.node.name, here.args)"), args=(1, {"a": b"b"}))
        ended = await peer.stop()
        assert ("stopped", "shut down", 0) == (ended.kind, ended.reason, ended.status)
        assert "shop@127.0.0.1 (1, {'a': b'b'})\n" == peer.output()

    run(main)


def test_behind_walls_every_required_one_stands(run: Callable[..., Any]) -> None:
    async def main() -> None:
        peer = await start(**shop(QUIET), walls=Walls())
        assert [] == [str(wall) for wall in Walls().missing(peer.walls)]
        await peer.stop()

    run(main)


LOOK = """
import json, pathlib
def boot(here):
    def read(path):
        try:
            return pathlib.Path(path).read_text()
        except OSError as error:
            return type(error).__name__
    print(json.dumps([read(path) for path in here.args]))
"""


@pytest.mark.parametrize("without", [frozenset[str](), frozenset({"mount"})], ids=["own root", "landlock"])
def test_a_hidden_folder_is_not_readable_but_what_is_beside_it(
    run: Callable[..., Any], open_folder: Path, without: frozenset[str]
) -> None:
    shown, hidden = open_folder / "shown", open_folder / "shown" / "deep" / "hidden"
    hidden.mkdir(parents=True)
    files = [shown / "one.txt", shown / "deep" / "two.txt", hidden / "three.txt"]
    for file in files:
        file.write_text(file.stem)
    for folder in (shown, hidden.parent, hidden):
        folder.chmod(0o755)

    async def main() -> list[str]:
        walls = Walls(readable=(str(shown),), hidden=(str(hidden),), without=without)
        peer = await start(**shop(LOOK), args=[*map(str, files)], walls=walls)
        await peer.stop()
        return ast.literal_eval(peer.output())

    one, two, three = run(main)
    assert (one, two) == ("one", "two")
    assert three in ("FileNotFoundError", "PermissionError")


def test_a_peer_for_which_no_warm_one_is_left_has_imported_the_same(run: Callable[..., Any]) -> None:
    """Regression: the peer imported in its own loop, and was killed on a busy machine for blocking it."""

    async def main() -> None:
        with Spares(0, preload=["colorsys"]) as none:
            peer = await start(**shop("import sys\ndef boot(here): print('colorsys' in sys.modules)"), spares=none)
            await peer.stop()
        assert "True\n" == peer.output()

    run(main)


def test_where_the_platform_looks_for_modules_is_not_shown_to_a_peer(
    run: Callable[..., Any], open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`python -m` adds the working directory, which may be a home directory with secrets."""
    (open_folder / "key").write_text("secret")
    monkeypatch.syspath_prepend(str(open_folder))
    source = "def boot(here):\n    try: print(open(here.args).read())\n    except OSError: print('refused')"

    async def main() -> None:
        peer = await start(**shop(source), args=str(open_folder / "key"), walls=Walls())
        await peer.stop()
        assert "refused\n" == peer.output()

    run(main)


@pytest.mark.parametrize(
    ("parts", "missing"),
    [
        (["limits"], ("memory", "cpu", "processes")),
        (["mount", "landlock"], ("files",)),
        (["network", "landlock", "seccomp"], ("network",)),
        (["user", "uid"], ("processes",)),
        (["user", "pid", "uid", "landlock"], ("files", "signals", "processes")),
    ],
    ids=["limits", "files", "network", "processes", "signals"],
)
def test_without_a_required_wall_nothing_of_its_program_runs(
    run: Callable[..., Any], parts: list[str], missing: tuple[str, ...]
) -> None:
    async def main() -> None:
        told = bytearray()
        source = "print('it ran')\n" + QUIET
        with pytest.raises(WallMissing, match="left out") as caught:
            await start(**shop(source), walls=Walls(without=frozenset(parts)), on_output=told.extend)
        assert missing == tuple(wall.name for wall in caught.value.walls)
        assert b"" == told

    run(main)


def test_a_program_that_cannot_start_says_where(run: Callable[..., Any]) -> None:
    async def main() -> None:
        with pytest.raises(StartError) as caught:
            await start(**shop("def boot(here):\n    raise ValueError('no till')"))
        assert ("peer", "failed", "could not start: shop.py:2: ValueError: no till") == caught.value.reason

    run(main)


@pytest.mark.parametrize(
    ("source", "kind", "reason"),
    [
        ("import os\nos._exit(3)", "exit", "ended the interpreter with os._exit(3)"),
        ("if 1:\n    raise SystemExit(4)", "exit", "ended the interpreter with sys.exit(4) at shop.py:2"),
        ("import ctypes\nctypes.string_at(0)", "signal", "killed by SIGSEGV"),
        ("import os\nos.kill(os.getpid(), 9)", "signal", "killed by SIGKILL"),
        ("x = [0] * 10**11", "memory", "could not start: shop.py:1: MemoryError"),
        ("(", "failed", "could not start: shop.py:1: SyntaxError: '(' was never closed (shop.py, line 1)"),
    ],
)
def test_the_end_of_a_peer_is_told_in_words(run: Callable[..., Any], source: str, kind: str, reason: str) -> None:
    async def main() -> None:
        with pytest.raises(StartError) as caught:
            await start(**shop(source))
        assert ("peer", kind, reason) == caught.value.reason

    run(main)


def test_a_callback_that_is_refused_is_told_with_its_own_line(run: Callable[..., Any]) -> None:
    async def main() -> str:
        with pytest.raises(StartError) as caught:
            await start(**shop("import otp\nclass S(otp.GenServer):\n    @otp.impl\n    def handle_cal(self): ..."))
        return caught.value.reason[2]

    assert run(main).startswith("could not start: shop.py:4: TypeError: expected the name of a callback after @impl")


def test_an_interpreter_that_cannot_go_on_is_told_with_its_last_words(run: Callable[..., Any]) -> None:
    async def main() -> str:
        with pytest.raises(StartError) as caught:
            await start(**shop("import builtins\nbuiltins.__dict__.clear()"))
        return caught.value.reason[2]

    assert run(main).startswith("ended the interpreter with exit status 1, the last it wrote: NameError: name ")


def test_a_loop_that_is_held_ends_the_peer_and_the_place_is_told(run: Callable[..., Any]) -> None:
    async def main() -> None:
        with pytest.raises(StartError) as caught:
            await start(**shop("def boot(here):\n    while True: pass"), limits=Limits(hold_s=3.0))
        assert (
            "peer",
            "held",
            "did not answer for 3 s: its loop is held at shop.py:2 boot",
        ) == caught.value.reason

    run(main)


def test_the_process_of_a_peer_ends_with_it_and_says_why(run: Callable[..., Any]) -> None:
    async def main() -> None:
        source = "import asyncio, os\ndef boot(here): asyncio.get_running_loop().call_later(0.05, os._exit, 7)"
        peer = await start(**shop(source))
        down = await otp.receive(otp.monitor(peer.pid))
        assert ("peer", "exit", "ended the interpreter with os._exit(7)") == down.reason
        assert "ended the interpreter with os._exit(7)" == (await peer.ended()).reason

    run(main)


def test_a_peer_that_does_not_stop_is_killed(run: Callable[..., Any]) -> None:
    async def main() -> None:
        source = """
import time
import otp

class Stuck(otp.GenServer):
    @otp.impl
    def init(self, arg):
        otp.process_flag("trap_exit", True)
        return otp.Ok(0)

    @otp.impl
    def terminate(self, reason, state):
        time.sleep(100)

def boot(here):
    return here.node.start(Stuck)
"""
        peer = await start(**shop(source), limits=Limits(hold_s=None))
        assert "did not stop within 0.2 s and was killed" == (await peer.stop(0.2)).reason

    run(main)


@pytest.mark.parametrize("walls", [None, Walls()], ids=["own code", "walls"])
def test_grandchildren_end_with_the_peer(run: Callable[..., Any], walls: Walls | None) -> None:
    source = (
        "import contextlib, os, signal, time\n"
        "def boot(here):\n"
        "    if os.fork() == 0:\n"
        "        with contextlib.suppress(PermissionError): os.setsid()\n"
        "        if os.fork() == 0:\n"
        "            signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "            while True: time.sleep(100)\n"
        "        os._exit(0)\n"
        "    os.wait()\n"
    )

    async def main() -> None:
        peer = await start(**shop(source), walls=walls)
        guard = parent_of(peer.os_pid)
        below = descendants(guard)
        assert 3 == len(below)  # the guard, the peer, and one that has left its session, or its parent at least
        await peer.kill()
        assert [] == [pid for pid in below if os.path.exists(f"/proc/{pid}")]

    run(main)


def test_when_the_guard_is_killed_the_peer_goes_too(run: Callable[..., Any]) -> None:
    async def main() -> None:
        peer = await start(**shop(QUIET), walls=Walls())
        assert peer.os_pid is not None
        with open(f"/proc/{peer.os_pid}/stat", encoding="ascii"):
            os.kill(parent_of(peer.os_pid), signal.SIGKILL)
        assert "lost" == (await peer.ended()).kind

    run(main)


@pytest.mark.parametrize("reserve", [False, True], ids=["its own program", "from a reserve"])
def test_a_guard_that_is_stopped_keeps_no_peer_alive_that_is_killed(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, reserve: bool
) -> None:
    """Regression: killing such a peer waited for ever."""
    monkeypatch.setattr("otp.peer.running.PATIENCE_S", 0.1)

    async def main() -> None:
        with Spares(1) as spares:
            peer = await start(**shop(QUIET), walls=Walls(), spares=spares if reserve else None)
            guard = parent_of(peer.os_pid)
            both = [os.pidfd_open(pid) for pid in descendants(guard)]
            os.kill(guard, signal.SIGSTOP)
            ended = await peer.kill("was in the way")
            assert ("killed", "was in the way") == (ended.kind, ended.reason)
            for number in both:  # readable when it has ended
                assert [number] == select.select([number], [], [], 30)[0]
                os.close(number)

    run(main)


def test_when_the_supervising_process_is_killed_nothing_is_left(run: Callable[..., Any]) -> None:
    async def main() -> None:
        peer = await start(**shop(QUIET))
        below = descendants(parent_of(peer.os_pid))
        down = otp.monitor(peer.pid)
        otp.exit(peer.pid, "kill")
        await otp.receive(down)
        assert [] == [pid for pid in below if os.path.exists(f"/proc/{pid}")]

    run(main)


class Street(Supervisor):
    @impl
    def init(self, arg: PeerSpec) -> Any:
        return Children([Peer.child_spec(arg)])


def test_a_supervisor_restarts_a_peer(run: Callable[..., Any]) -> None:
    async def main() -> None:
        spec = PeerSpec("shop@127.0.0.1", "shop:boot", files={"shop.py": QUIET})
        street = await Street.start_link(spec)
        ((_, first, *_),) = await Supervisor.which_children(street)
        peer = Peer.of(first)
        assert peer is not None
        os.kill(peer.os_pid or 0, signal.SIGKILL)
        await otp.receive(otp.monitor(first))
        ((_, second, *_),) = await Supervisor.which_children(street)
        assert first != second
        assert "killed by SIGKILL" == (await peer.ended()).reason

    run(main)


def test_output_beyond_the_limit_ends_the_peer_and_the_newest_is_kept(run: Callable[..., Any]) -> None:
    async def main() -> None:
        told = bytearray()
        with pytest.raises(StartError) as caught:
            await start(**shop("while True: print('x' * 1000)"), limits=Limits(output_kb=100), on_output=told.extend)
        said = "wrote more than 100 KiB of output, most of it at shop.py:1"
        assert ("peer", "output", said) == caught.value.reason
        assert 100 * 1024 < len(told) < 400 * 1024

    run(main)


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="this kernel does not share out by session")
def test_a_peer_stands_back_behind_other_sessions_and_can_make_none_that_does_not(run: Callable[..., Any]) -> None:
    """Where Linux divides processor time among sessions, `nice` counts only within a session."""
    source = """
import os
def boot(here):
    with open("/proc/self/autogroup") as session:
        print(session.read().split()[-1], flush=True)
    if os.fork() == 0:
        try:
            os.setsid()
        except PermissionError:
            print("refused", flush=True)
        os._exit(0)
    os.wait()
"""

    async def main() -> None:
        peer = await start(**shop(source), walls=Walls(), limits=Limits(nice=7))
        await peer.stop()
        assert ["7", "refused"] == sorted(peer.output().splitlines())

    run(main)


def test_a_peer_that_runs_too_long_by_the_clock_is_ended(run: Callable[..., Any]) -> None:
    async def main() -> str:
        try:
            peer = await start(**shop(QUIET), limits=Limits(wall_s=1.2))
        except StartError as error:  # on a slow machine, its start takes as long
            return error.reason[2]
        return (await peer.ended()).reason

    assert "ran longer than 1.2 s by the clock" == run(main)


def test_a_spare_becomes_a_peer_and_another_takes_its_place(run: Callable[..., Any]) -> None:
    async def main() -> None:
        with Spares(1, preload=["json"]) as spares:
            peer = await start(**shop("import sys\nprint('json' in sys.modules)\n" + QUIET), spares=spares)
            await peer.stop()
            assert "True\n" == peer.output()
            assert 1 == len(spares)

    run(main)


def test_a_spare_that_died_is_not_taken(run: Callable[..., Any]) -> None:
    async def main() -> None:
        with Spares(1) as spares:
            [spare] = spares._ready
            select.select([spare.guard], [], [])  # it says its number
            assert spares._nursery is not None
            _, number = descendants(spares._nursery._program.pid)
            os.kill(number, signal.SIGKILL)
            ended = select.poll()
            ended.register(spare.guard, 0)  # until then, what forked it may still hold its end of the connection
            ended.poll()
            peer = await start(**shop(QUIET), spares=spares)
            assert "stopped" == (await peer.stop()).kind
            assert number != peer.os_pid

    run(main)


def test_when_who_forks_them_was_killed_the_reserve_begins_anew(run: Callable[..., Any]) -> None:
    async def main() -> None:
        with Spares(1, preload=["json"]) as spares:
            first = await start(**shop(QUIET), spares=spares)
            nursery = spares._nursery  # it may be replaced before the end of the peer is known
            assert nursery is not None
            nursery._program.kill()
            assert (await first.ended()).kind in ("signal", "lost")
            nursery._program.wait()
            second = await start(**shop("import sys\nprint('json' in sys.modules)\n" + QUIET), spares=spares)
            await second.stop()
            assert "True\n" == second.output()

    run(main)


def test_more_peers_than_are_in_reserve_have_what_it_imports(run: Callable[..., Any]) -> None:
    async def main() -> None:
        with Spares(1, preload=["json"]) as spares:
            source = "import sys\nprint('json' in sys.modules)\n" + QUIET
            peers = await asyncio.gather(*(start(**shop(source), spares=spares) for _ in range(3)))
            for peer in peers:
                await peer.stop()
            assert ["True\n"] * 3 == [peer.output() for peer in peers]

    run(main)


def test_a_module_that_cannot_be_imported_beforehand_is_told(run: Callable[..., Any]) -> None:
    async def main() -> None:
        with Spares(1, preload=["there_is_none"]) as spares, pytest.raises(StartError) as caught:
            await start(**shop(QUIET), spares=spares)
        why = "could not start: preload: ModuleNotFoundError: No module named 'there_is_none'"
        assert ("peer", "failed", why) == caught.value.reason

    run(main)


@pytest.mark.parametrize("boot", ["shop", "shop:", ":boot", "../shop:boot", "shop:boot()"])
def test_boot_is_a_module_and_a_function(boot: str) -> None:
    with pytest.raises(BadArgument, match='expected boot as "module:function"'):
        PeerSpec("shop", boot)


@pytest.mark.parametrize("name", ["/etc/passwd", "../x", "a/../../x", ""])
def test_files_lie_below_the_folder(name: str) -> None:
    with pytest.raises(BadArgument, match="expected names of files below its folder"):
        PeerSpec("shop", "shop:boot", files={name: ""})


def test_arguments_are_plain_terms(run: Callable[..., Any]) -> None:
    async def main() -> None:
        with pytest.raises((BadArgument, StartError)):
            await start(**shop(QUIET), args=object())

    run(main)


def parent_of(pid: int | None) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[1])


def test_a_peer_of_ones_own_code_has_the_environment_and_the_output_of_who_started_it(tmp_path: Path) -> None:
    """The test starts its own program, to distinguish the two outputs."""
    program = tmp_path / "program.py"
    program.write_text(
        "import os, sys, otp, otp.peer\n"
        "SHOP = 'import os, sys\\n' 'def boot(here):\\n' '    print(sorted(os.environ.items()))\\n'"
        " '    print(os.getcwd(), file=sys.stderr)\\n'\n"
        "async def main():\n"
        "    with otp.peer.Spares(1, ours=True) as spares:\n"
        "        env = {'HOME': '/nowhere', 'A': '1'}\n"
        "        given = dict(files={'shop.py': SHOP}, env=env, cwd=sys.argv[1], ours=True)\n"
        "        for one in (spares, None):\n"
        "            peer = await otp.peer.start('shop@127.0.0.1', 'shop:boot', spares=one, **given)\n"
        "            assert '' == peer.output()\n"
        "            await peer.stop()\n"
        "otp.run(main)\n"
    )
    ran = subprocess.run([sys.executable, str(program), str(tmp_path)], capture_output=True, text=True, timeout=60)
    found = [dict(ast.literal_eval(line)) for line in ran.stdout.splitlines()]
    assert [("/nowhere", "1")] * 2 == [(one["HOME"], one["A"]) for one in found]
    assert [False, False] == ["TMPDIR" in one for one in found]
    assert [str(tmp_path)] * 2 == ran.stderr.splitlines()


@pytest.mark.parametrize("more", [{"walls": Walls()}, {"on_output": bytearray().extend}], ids=["walls", "on_output"])
def test_what_is_written_to_our_output_is_neither_walled_nor_read(more: dict[str, Any]) -> None:
    with pytest.raises(BadArgument, match="expected ours=True without walls= and on_output="):
        PeerSpec("shop@127.0.0.1", "shop:boot", ours=True, **more)


def test_a_reserve_whose_output_is_kept_makes_no_peer_that_writes_to_ours() -> None:
    with Spares(0) as spares, pytest.raises(BadArgument, match=r"expected Spares\(ours=True\)"):
        PeerSpec("shop@127.0.0.1", "shop:boot", ours=True, spares=spares)
