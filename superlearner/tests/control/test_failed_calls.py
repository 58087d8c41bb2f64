"""The reason of a call without an answer says why there was none, and for how long the caller waited."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

import otp
from asking_peers import AsksTheNext
from otp import GenServer, Ok, Supervisor, impl
from otp.testing import Scheduler, wait_all_idle
from superlearner.control.clock import Clock
from superlearner.control.events import facts_of
from superlearner.control.tree import TreeReader
from superlearner.control.wrong_results import name_place

FILE = Path(__file__).name


class AsksAnother(GenServer[str]):
    @impl
    def init(self, arg: str) -> Ok[str]:
        return Ok(arg)

    @impl
    async def handle_cast(self, request: Any, state: str) -> Any:
        await GenServer.call(state, request, timeout=0.2)


class Both(Supervisor):
    @impl
    def init(self, arg: Any) -> otp.Children:
        return otp.Children(
            [
                AsksAnother.child_spec("right", id="left", name="left"),
                AsksAnother.child_spec("left", id="right", name="right"),
            ]
        )


def test_the_reason_of_a_call_in_a_deadlock_names_it_in_each_event() -> None:
    """Regression: each of the two crashes read as if the other server were slow."""

    async def main() -> Any:
        await Both.start_link(None, name="both")
        pids = [otp.whereis(name) for name in ("left", "right")]
        for pid in pids:
            GenServer.cast(pid, "go")
        for pid in pids:
            await otp.wait_down(pid)
        await wait_all_idle()
        return [(one.kind, facts_of(one).reason) for one in otp.trace.history(otp.node()) if "reason" in one.data]

    found = Scheduler().run(main)  # in real time the first timeout may end its process before the second
    for kind in ("exited", "child_terminated", "child_restarted"):
        assert {
            "right did not answer a call in 0.2 s (timeout) because it was part of a deadlock, left → right → left",
            "left did not answer a call in 0.2 s (timeout) because it was part of a deadlock, right → left → right",
        } == {reason for one, reason in found if one == kind}, kind


class Slow(GenServer[str]):
    @impl
    def init(self, arg: str) -> Ok[str]:
        return Ok(arg)

    @impl
    async def handle_call(self, request: Any, caller: Any, state: str) -> Any:
        await asyncio.Event().wait()


def test_the_reason_of_a_call_without_an_answer_names_the_line_at_which_the_server_waits() -> None:
    """Regression: only the line of the caller was named, which is right, if no sleep in the source shows the other."""

    async def main() -> Any:
        otp.trace.subscribe(otp.node(), lambda _: None, kinds={"exited"})
        await Slow.start("", name="till")
        caller = await AsksAnother.start("till", name="buyer")
        GenServer.cast(caller, "total")
        await otp.wait_down(caller)
        end = next(one for one in otp.trace.history(otp.node()) if one.kind == "exited")
        log = "gave up (last: buyer crashed: till did not answer a call in 0.2 s (timeout))"
        return facts_of(end).reason, name_place(otp.node(), log)

    reason, log = otp.run(main)
    waits = Slow.handle_call.__code__.co_firstlineno + 2
    expected = f"till did not answer a call in 0.2 s (timeout) because till was still in handle_call at {FILE}:{waits}"
    assert reason == expected
    assert log.endswith(f": {expected})")


class Queue(Supervisor):
    @impl
    def init(self, arg: str) -> otp.Children:
        names = {"first": "second", "second": "third", "third": arg}
        specs = [AsksTheNext.child_spec(other, id=name, name=name) for name, other in names.items()]
        return otp.Children(specs, max_restarts=9)


@pytest.mark.parametrize(("last", "seconds"), [("", 5), ("first", 2)], ids=["silent", "cycle"])
def test_the_reason_of_a_call_without_a_limit_of_its_own_has_the_seconds_that_it_waited(
    last: str, seconds: int
) -> None:
    """Regression: the log read *in 2 s*, and each event *in time*."""

    async def main() -> Any:
        queue = await Queue.start_link(last, name="queue")
        with pytest.raises(otp.CallExit):
            await GenServer.call("first", "total", timeout=None)
        await wait_all_idle()
        slots = TreeReader(Clock()).children(queue, 0, 9)[0]
        lasts = [slot.last.reason for slot in slots if slot.last is not None]
        return lasts + [facts_of(one).reason for one in otp.trace.history(otp.node()) if "reason" in one.data]

    found = [reason for reason in Scheduler().run(main) if "timeout" in reason]
    assert len(found) >= 8
    assert [] == [reason for reason in found if f" did not answer a call in {seconds} s (timeout)" not in reason]
