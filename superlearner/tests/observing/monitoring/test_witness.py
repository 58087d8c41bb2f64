"""Holds of the loop outside of any process are measured, however short."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import sys
import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest

import otp
from otp.watchdog import OBSERVER, Watchdog
from superlearner.observing.analytics import Ledger
from superlearner.observing.monitoring import witness as witnesses
from superlearner.observing.monitoring.code_places import PLATFORM, runs_platform
from superlearner.observing.monitoring.detectors import detect
from superlearner.observing.monitoring.facts import Incident, LoopHold
from superlearner.observing.monitoring.monitor import Monitor
from superlearner.observing.monitoring.node_memory import memory_of, with_line
from superlearner.observing.monitoring.witness import EVERY_S as USUAL_S
from superlearner.observing.monitoring.witness import QUIET, Witness
from superlearner.observing.watchdog import Held
from superlearner.settings.settings import Settings

EVERY_S = 0.02


def hold(seconds: float) -> float:
    """Block the thread and return the actual time."""
    begun = time.monotonic()
    threading.Event().wait(seconds)
    return time.monotonic() - begun


def test_each_hold_outside_of_a_process_is_reported_with_its_length() -> None:
    reported: list[float] = []
    news = asyncio.Queue[float]

    async def main() -> None:
        received: asyncio.Queue[float] = news()
        async with otp.Node("held") as node:
            witness = Witness(node, every=EVERY_S, outside=lambda since, until: received.put_nowait(until - since))
            witness.open()
            for seconds in (0.3, 0.9, 0.5):
                took = hold(seconds)
                found = await received.get()
                assert took - 3 * EVERY_S <= found, (took, found)
                reported.append(found)
            witness.close()

    asyncio.run(main())
    assert reported[0] < reported[2] < reported[1]


def test_holds_by_a_process_are_left_to_the_runtime() -> None:
    reported: list[Any] = []

    async def main() -> None:
        async with otp.Node("held") as node:
            witness = Witness(node, every=EVERY_S, outside=lambda since, until: reported.append(until - since))
            witness.open()

            async def holds() -> None:
                hold(0.4)

            await otp.wait_down(node.spawn(holds))
            turned = asyncio.Event()
            asyncio.get_running_loop().call_soon(turned.set)
            await turned.wait()
            witness.close()

    asyncio.run(main())
    assert reported == []


def test_a_monitor_records_holds_outside_of_processes_between_two_samples() -> None:
    """Regression: it was derived from a sample's delay, so mostly missed or short."""

    async def main() -> None:
        async with otp.Node("held") as node:
            monitor = Monitor(Settings, Ledger())
            monitor.watch(node)
            monitor.ready()
            took = hold(0.6)
            turned = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_later(0, turned.set_result, None)
            await turned
            (found,) = monitor.holds
            monitor.close()
            assert (found.pid, found.place) == (None, f"{__file__.rpartition('/')[2]}:{found_line()} in hold")
            assert took - 0.3 <= found.seconds <= took + 0.5

    asyncio.run(main())


@pytest.mark.parametrize("folder", ["control", "demo"])
def test_a_hold_by_code_of_the_platform_is_told_as_that_without_advice(folder: str) -> None:
    """Regression: it was one by *code outside of any process*, at a line that the user does not have."""
    file = os.path.join(PLATFORM, folder, "mistakes.py")
    work = dict[str, Any]()
    exec(compile("import threading\ndef work():\n    threading.Event().wait(0.6)", file, "exec"), work)

    async def main() -> LoopHold:
        async with otp.Node("held") as node:
            monitor = Monitor(Settings, Ledger())
            monitor.watch(node)
            monitor.ready()
            turned, loop = asyncio.Event(), asyncio.get_running_loop()
            loop.call_soon(work["work"])
            loop.call_later(0.1, turned.set)
            await turned.wait()
            (found,) = monitor.holds
            monitor.was_held(Held(found.seconds, None, None, file, 3, "work"))
            (finding,) = [
                one for one in detect(monitor.facts(), Settings(anomaly_loop_held=0.2)) if one.type == "blocked_loop"
            ]
            monitor.close()
            assert len(monitor.holds) == 1
            name = OBSERVER if folder == "control" else "code outside of any process"
            assert finding.description.startswith(f"{name} held the event loop ")
            assert bool(finding.hint) is (folder == "demo")
            return monitor.holds[0]

    found = asyncio.run(main())
    assert found.place == (None if folder == "control" else "mistakes.py:3 in work")


def test_a_collection_is_no_work_of_the_platform_that_only_measures_it(monkeypatch: pytest.MonkeyPatch) -> None:
    file = os.path.join(PLATFORM, "observing", "machine.py")
    code: dict[str, Any] = {"sys": sys}
    exec(compile("def listens(*_):\n    return sys._getframe()", file, "exec"), code)
    frame = code["listens"]()
    assert runs_platform(frame)
    monkeypatch.setattr(gc, "callbacks", [code["listens"]])
    assert not runs_platform(frame)


class Pauses:
    """Stands for the event that ends a witness: it keeps the pauses, and is set after six of them."""

    def __init__(self) -> None:
        self.kept: list[float] = []

    def wait(self, seconds: float) -> bool:
        self.kept.append(seconds)
        return len(self.kept) == 6


@pytest.mark.parametrize("runs", [False, True])
def test_a_witness_waits_longer_only_while_no_process_runs(monkeypatch: pytest.MonkeyPatch, runs: bool) -> None:
    pauses, drains = Pauses(), iter(range(100))

    class Scheduler:
        current = None

        @property
        def drains(self) -> int:
            return next(drains) if runs else 0

    def idle(frame: Any) -> bool:
        return True

    monkeypatch.setattr(witnesses, "is_idle", idle)
    monkeypatch.setattr(
        witnesses, "threading", SimpleNamespace(Event=lambda: pauses, Thread=threading.Thread, get_ident=lambda: 0)
    )

    async def main() -> None:
        node: Any = SimpleNamespace(scheduler=Scheduler())
        Witness(node).open()

    asyncio.run(main())
    for thread in threading.enumerate():
        if thread.name == "superlearner-witness":
            thread.join()
    assert [USUAL_S] * 2 + [USUAL_S if runs else QUIET * USUAL_S] * 4 == pauses.kept


def test_a_frame_of_the_next_process_is_not_taken_for_one_of_the_process_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Regression: the message of a sensitive process was shown as that of another, if it began between two reads."""
    pauses, runs = Pauses(), iter(range(100))

    class TurningScheduler:
        drains = 0

        @property
        def current(self) -> Any:
            return SimpleNamespace(ext=None, number=next(runs))

    monkeypatch.setattr(
        witnesses,
        "threading",
        SimpleNamespace(Event=lambda: pauses, Thread=threading.Thread, get_ident=threading.get_ident),
    )

    async def main() -> Witness:
        node: Any = SimpleNamespace(scheduler=TurningScheduler())
        witness = Witness(node)
        witness.open()
        witness._thread.join()
        return witness

    assert asyncio.run(main()).of(0, time.monotonic()) is None
    assert len(pauses.kept) == 6


class Vault(otp.GenServer[None]):
    @otp.impl
    def init(self, arg: Any) -> otp.Ok[None]:
        return otp.Ok(None)

    @otp.impl
    def handle_cast(self, request: Any, state: None) -> otp.NoReply[None]:
        hold(0.5)
        return otp.NoReply(state)


@pytest.mark.parametrize("elsewhere", [False, True])
def test_what_a_process_of_another_node_handles_is_not_shown(elsewhere: bool) -> None:
    async def main() -> Witness:
        async with otp.Node("held") as node, otp.Node("other") as other:
            witness = Witness(node, every=EVERY_S)
            witness.open()
            vault = await (other if elsewhere else node).start(Vault, None)
            otp.GenServer.cast(vault, "the gold")
            await otp.sys.get_state(vault)
            witness.close()
            return witness

    now = time.monotonic()
    seen = asyncio.run(main()).of(now, time.monotonic())
    assert seen is not None and seen.running is not None
    assert seen.place == f"{__file__.rpartition('/')[2]}:{found_line()} in hold"
    assert seen.running.message == (None if elsewhere else "'the gold'")


def test_a_hold_of_an_unknown_process_has_the_name_that_the_watchdog_saw_without_secrets() -> None:
    """Regression: it was one of *code outside of any process*, although the watchdog had named the holder."""

    async def main() -> LoopHold:
        async with otp.Node("held") as node:
            now = otp.monotonic()
            held = Held(2.0, None, "a process of node password=hunter2", "depot.py", 30, "Report.handle_cast")
            node.scheduler.holds = ((now, held),)
            return with_line(LoopHold(9.0, 2.0, None, None, "Report"), node, now)

    found = asyncio.run(main())
    assert (found.name, found.place) == ("a process of node password=***", "depot.py:30 in handle_cast")


def found_line() -> int:
    return hold.__code__.co_firstlineno + 3


def test_the_time_measured_by_the_runtime_has_precedence_over_the_watchdog() -> None:
    """The watchdog counts from its ping, so up to 0.4 s were missing."""

    async def main() -> None:
        async with otp.Node("held") as node:
            monitor = Monitor(Settings, Ledger())
            monitor.watch(node)
            monitor.ready()

            async def holds() -> None:
                hold(0.5)

            pid = node.spawn(holds)
            await otp.wait_down(pid)
            seconds = monitor.was_held(Held(0.3, str(pid), None, "shop.py", 3, "holds"))
            monitor.close()
            assert 0.5 <= seconds
            assert [(0.5 <= one.seconds, one.place) for one in monitor.holds] == [(True, "shop.py:3 in holds")]

    asyncio.run(main())


def test_a_process_that_held_the_loop_and_ended_has_its_name() -> None:
    """Regression: *0.42.0 held the event loop for 2 s*, because the batcher crashed in the same step."""

    async def main() -> None:
        async with otp.Node("held") as node:
            monitor = Monitor(Settings, Ledger())
            monitor.watch(node)
            monitor.ready()

            def holds() -> None:
                otp.register("batcher", otp.self())
                hold(0.1)

            await otp.wait_down(node.spawn(holds))
            monitor.close()
            assert [one.name for one in monitor.holds] == ["batcher"]

    asyncio.run(main())


def test_a_process_of_another_node_in_the_loop_that_holds_it_has_no_pid() -> None:
    """Regression: *<0.10.0> held the event loop*, a pid of the platform's hidden node, was a process of the user's."""

    async def main() -> None:
        async with (
            otp.Node("backend.shop", hidden=True) as hidden,
            otp.Node("other") as other,
            otp.Node("shop") as node,
        ):
            monitor = Monitor(Settings, Ledger())
            monitor.watch(node)
            monitor.ready()
            said: list[Held] = []
            watchdog = Watchdog(asyncio.get_running_loop(), node, after=0.3, say=said.append, idle=0.1)
            watchdog.start()

            async def holds() -> None:
                hold(1.2)
                otp.send(own, "wake up")  # the process that runs last, which the runtime names

            for home in (hidden, other):
                own = node.spawn(otp.receive)
                pid = home.spawn(holds)
                await otp.wait_down(own)
                assert pid not in [one.pid for one in monitor.holds]
            monitor.close()
            watchdog.stop()
            expected = [(None, "the platform's observer in your program"), (None, "a process of node other")]
            assert expected == [(one.pid, one.name) for one in monitor.holds]
            assert expected == [(one.pid, one.name) for one in said]
            assert str(said[0]).startswith("the platform's observer in your program has held the event loop for ")
            found = [one.description.partition(" held")[0] for one in detect(monitor.facts(), Settings())]
            assert [name for _, name in expected] == sorted(found, reverse=True)

    asyncio.run(main())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts the waits of a thread")
def test_a_library_that_sleeps_with_the_lock_of_the_interpreter_does_not_stop_the_program(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Regression: "none of its code ran", with the advice to look for `kill -STOP`."""
    found: list[bool] = []
    is_sampling, is_judged = threading.Event(), threading.Event()
    is_stop = witnesses.is_stop

    def judge(late: float, *used: Any) -> bool:
        if late >= witnesses.STOPPED_S:
            found.append(is_stop(late, *used))
            is_judged.set()
        is_sampling.set()
        return False

    async def main() -> None:
        async with otp.Node("held") as node:
            witness = Witness(node, outside=lambda *_: None, stopped=lambda *_: None)
            witness.open()
            assert is_sampling.wait(10)
            ctypes.PyDLL(None).usleep(round((witnesses.STOPPED_S + 0.5) * 1e6))
            assert is_judged.wait(10)
            witness.close()

    monkeypatch.setattr(witnesses, "is_stop", judge)
    asyncio.run(main())
    assert [False] == found


def test_a_program_that_was_stopped_is_told_as_that_and_held_its_loop_for_no_time() -> None:
    """Regressions: code outside of any process held the loop for 13 s, and a callback that took 2 s was busy for 13."""
    stored = list[Incident]()

    class Sleeper(otp.GenServer[None]):
        @otp.impl
        def init(self, arg: object) -> otp.Ok[None]:
            return otp.Ok(None)

        @otp.impl
        async def handle_cast(self, request: asyncio.Event, state: None) -> otp.NoReply[None]:
            await request.wait()
            return otp.NoReply(state)

    async def main() -> None:
        async with otp.Node("stopped") as node:
            monitor = Monitor(lambda: Settings(anomaly_callback=1.0), Ledger())
            monitor.on_incident = stored.append
            monitor.watch(node)
            monitor.ready()
            go_on = asyncio.Event()
            otp.GenServer.cast(await node.start(Sleeper, None), go_on)
            await asyncio.sleep(0)
            now = otp.monotonic()
            memory_of(node).note_stop(now - 1.0, now + 100.0)
            monitor.holds.append(LoopHold(monitor.time() + 100, 101.3, None, None, "outside"))
            await monitor.sample()
            (hold,) = monitor.facts().holds
            assert hold.seconds == pytest.approx(0.3, abs=0.1)
            assert all(one.stopped > 0 for one in monitor.facts().callbacks)
            (stop,) = monitor.alarms.active.values()  # regression: once it ran on, nothing said so
            assert (stop.finding.type, stop.finding.severity) == ("stopped_program", "high")
            was_stopped = f"stopped (process {os.getpid()}) was stopped for 101 s"
            assert stop.finding.description == f"{was_stopped} in the last 60 s: none of its code ran"
            assert stop.past == f"{was_stopped}: none of its code ran"
            await monitor.sample()
            monitor.close()
            nodes = Monitor(Settings, Ledger())  # the next attachment stores the same incident again, with its mark
            nodes.on_incident = stored.append
            nodes.watch(node)
            await nodes.sample()
            nodes.close()
            go_on.set()

    asyncio.run(main())
    text = f"stopped (process {os.getpid()}) was stopped for 101 s: none of its code ran"
    assert [one.text for one in stored] == [text, text]
    assert stored[0].mark == stored[1].mark
