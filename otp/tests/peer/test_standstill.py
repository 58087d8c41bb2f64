"""A program that stood still itself does not end its peers for their silence meanwhile."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

import otp
from otp.peer import Limits, running, start
from otp.peer.ended import Ended
from otp.peer.meter import descendants
from stopped_programs import continue_all, pass_time, stop_all

pytestmark = [pytest.mark.program, pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")]

HOLD_S = 2.0

PROGRAM = f"""
import sys
import otp
from otp.peer import Limits, start

async def main():
    source = "def boot(here): pass"
    peer = await start("shop@127.0.0.1", "shop:boot", files={{"shop.py": source}}, limits=Limits(hold_s={HOLD_S}))
    print("ready", flush=True)
    await otp.Task.run_blocking(sys.stdin.readline)
    print("awake", flush=True)
    await otp.Task.run_blocking(sys.stdin.readline)
    print((await peer.stop()).reason, flush=True)

otp.run(main)
"""


def test_a_peer_that_stood_still_with_its_program_lives_on() -> None:
    """Regression: the program continued, found its peer silent for longer than it may be, and ended it."""
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdin=-1, stdout=-1, text=True) as program:
        assert program.stdin is not None and program.stdout is not None
        assert "ready\n" == program.stdout.readline()
        family = descendants(program.pid)
        assert len(family) >= 3, "the program, the guard and the peer"
        stop_all(reversed(family))
        pass_time(1.5 * HOLD_S)
        continue_all([program.pid])
        print(file=program.stdin, flush=True)
        assert "awake\n" == program.stdout.readline()  # it has turned, and its peer is still stopped
        continue_all(family)
        print(file=program.stdin, flush=True)
        assert "shut down\n" == program.stdout.readline()
        assert 0 == program.wait()


def test_a_peer_that_stands_still_alone_is_ended(run: Callable[..., Any]) -> None:
    async def main() -> Ended:
        limits = Limits(hold_s=2.0)
        peer = await start("shop@127.0.0.1", "shop:boot", files={"shop.py": "def boot(here): pass"}, limits=limits)
        assert peer.os_pid is not None
        stop_all([peer.os_pid])
        return await peer.ended()

    ended = run(main)
    assert ("held", "did not answer for 2 s") == (ended.kind, ended.reason)


@pytest.mark.parametrize(
    ("limits", "kind", "says"),
    [
        (Limits(hold_s=1.5), "held", "did not answer for 1.5 s: its loop is held at shop.py:2"),
        (Limits(hold_s=None, start_s=0.6), "late", "was not ready within 0.6 s"),
    ],
)
def test_a_peer_that_only_lacked_the_processor_gets_as_long_again(
    limits: Limits, kind: str, says: str, run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: on a busy machine a right answer of the course was said to keep its thread busy."""
    starves = [True, False]
    monkeypatch.setattr(running.Running, "_starves", lambda *_: starves.pop(0))

    async def main() -> Any:
        source = "def boot(here):\n    while True: pass"
        with pytest.raises(otp.StartError) as caught:
            await start("shop@127.0.0.1", "shop:boot", files={"shop.py": source}, limits=limits)
        return caught.value.reason

    how, reason = run(main)[1:]
    assert (kind, []) == (how, starves)
    assert reason.startswith(says)


def test_the_processor_time_that_a_peer_reports_gains_it_at_most_its_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "processor_s", lambda _: 2.0)
    monkeypatch.setattr(running, "waits_for_processor", lambda _: True)

    class SilentPeer(running.Running):
        def __init__(self, used: float) -> None:
            self.os_pid = 1
            self._used = used

    assert [True, False, False, False] == [SilentPeer(used)._starves(1.0) for used in (1.9, 0.0, 9.0, float("nan"))]
