"""A machine without room for a process, descriptor or folder says so, nothing is left, and the next one starts."""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from typing import Any

import pytest

import otp
from otp import StartError
from otp.peer import Limits, Peer, Spares, launch, start
from otp.peer.meter import descendants
from otp.peer.walls import probing

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="descriptors are listed, and guards killed, on Linux")

QUIET = {"boot": "shop:boot", "files": {"shop.py": "def boot(here): pass"}}
SECOND_FORK_REFUSED = """\
import os
from otp.peer import nursery
fork = os.fork
def refuse():
    os.fork = fork
    raise BlockingIOError(11, "no process left")
def first():
    child = fork()
    os.fork = refuse if child else fork
    return child
os.fork = first
nursery.main()
"""


def refusing(number: int) -> Callable[..., Any]:
    def refuse(*given: Any, **named: Any) -> Any:
        raise OSError(number, os.strerror(number))

    return refuse


def open_now() -> set[str]:
    return set(os.listdir("/proc/self/fd"))


async def refused(**options: Any) -> str:
    """Why a peer does not start, where there is no room for it."""
    with pytest.raises(StartError) as caught:
        await start("shop@127.0.0.1", **QUIET, **options)
    what, kind, why = caught.value.reason
    assert ("peer", "unavailable") == (what, kind)
    return why


@pytest.mark.parametrize(
    ("where", "name"),
    [
        pytest.param(subprocess, "Popen", id="process"),
        pytest.param(tempfile, "mkdtemp", id="folder"),
        pytest.param(asyncio.get_running_loop, "add_reader", id="descriptor"),
    ],
)
def test_a_peer_without_room_says_so_and_leaves_nothing(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, where: Any, name: str
) -> None:
    async def main() -> None:
        before, children = open_now(), descendants(os.getpid())
        with monkeypatch.context() as scarce:
            owner = type(where()) if where is asyncio.get_running_loop else where
            scarce.setattr(owner, name, refusing(errno.EMFILE))
            assert "out of resources: [Errno 24]" in await refused()
        assert (before, children) == (open_now(), descendants(os.getpid()))
        peer = await start("shop@127.0.0.1", **QUIET)
        assert "stopped" == (await peer.stop()).kind

    run(main)


def test_a_reserve_without_room_is_filled_later(run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        before = open_now()
        with monkeypatch.context() as scarce:
            scarce.setattr(subprocess, "Popen", refusing(errno.EAGAIN))
            spares = Spares(1)
            assert 0 == len(spares)
            assert before == open_now()
            assert "[Errno 11]" in await refused(spares=spares)
        with spares:
            peer = await start("shop@127.0.0.1", **QUIET, spares=spares)
            await peer.stop()
            assert 1 == len(spares)

    run(main)


def test_a_refill_without_room_disturbs_nobody(run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        with Spares(1) as spares:
            monkeypatch.setattr(launch, "_connected", refusing(errno.EMFILE))
            unheard: list[Any] = []
            asyncio.get_running_loop().set_exception_handler(lambda loop, context: unheard.append(context))
            peer = await start("shop@127.0.0.1", **QUIET, spares=spares)
            await peer.stop()
            assert (0, []) == (len(spares), unheard)

    run(main)


def test_a_nursery_that_cannot_fork_says_so_and_those_that_it_has_forked_live(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def popen(module: str, numbers: list[int], outlet: int | None) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-I", "-c", SECOND_FORK_REFUSED, *map(str, numbers)]
        return subprocess.Popen(command, pass_fds=numbers, stdin=subprocess.DEVNULL, env={})

    async def main() -> None:
        monkeypatch.setattr(launch, "_popen", popen)
        with Spares(1) as spares:
            given = {**QUIET, "spares": spares, "node": otp.node()}
            starting = (start(f"{name}@127.0.0.1", **given) for name in ("one", "two"))
            one, two = await asyncio.gather(*starting, return_exceptions=True)
            error, peer = (one, two) if isinstance(one, StartError) else (two, one)
            assert isinstance(error, StartError) and "no process left" in error.reason[2], error
            assert isinstance(peer, Peer)
            third = await start("three@127.0.0.1", **given)
            assert ["stopped", "stopped"] == [(await each.stop()).kind for each in (peer, third)]

    run(main)


def test_a_start_that_nobody_waits_for_any_more_is_given_up(run: Callable[..., Any]) -> None:
    async def main() -> None:
        begun = asyncio.Event()
        source = "print('begun', flush=True)\nwhile True: pass"
        limits = Limits(start_s=3600, hold_s=3600, cpu_s=60)

        async def begin() -> None:
            await start(
                "shop@127.0.0.1", "shop:boot", files={"shop.py": source}, limits=limits, link=True,
                on_output=lambda data: begun.set(),
            )  # fmt: skip

        before = otp.node().processes()
        starter = otp.spawn(begin)
        await begun.wait()
        (peer,) = set(otp.node().processes()) - {starter, *before}
        otp.exit(starter, "kill")
        await otp.wait_down(peer)

    run(main)


def test_walls_that_cannot_be_tried_in_time_are_no_missing_walls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "PATIENCE_S", 0)
    with pytest.raises(BlockingIOError, match="trying the walls took longer than 0 s"):
        probing.probe()
