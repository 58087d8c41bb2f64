"""Injected faults affect only the messages they are for; their end leaves nothing behind."""

from __future__ import annotations

from typing import Any

import pytest

import otp
from otp import BadArgument, CallTimeout, GenServer, NoReply, Ok, Reply, impl, observer
from otp.testing import Scheduler, advance


class Till(GenServer[list[Any]]):
    """Keeps its messages."""

    @impl
    def init(self, arg: Any) -> Any:
        return Ok([])

    @impl
    def handle_call(self, request: Any, caller: Any, state: list[Any]) -> Any:
        return Reply(list(state), state)

    @impl
    def handle_cast(self, request: Any, state: list[Any]) -> Any:
        return NoReply([*state, request])

    @impl
    def handle_info(self, message: Any, state: list[Any]) -> Any:
        return NoReply([*state, message])


def run(test: Any) -> Any:
    return Scheduler().run(test)


def test_a_message_is_lost_as_often_as_said_and_casts_of_another_tag_are_not() -> None:
    async def main() -> Any:
        till = await Till.start(None)
        fault = observer.inject(otp.node(), till, "drop", tag="add", times=2)
        for request in (("add", 1), ("take", 1), ("add", 2), ("add", 3)):
            GenServer.cast(till, request)
        return await GenServer.call(till, "all"), fault.hits

    assert run(main) == ([("take", 1), ("add", 3)], 2)


def test_a_call_that_is_lost_runs_into_its_time_out() -> None:
    async def main() -> Any:
        till = await Till.start(None)
        observer.inject(otp.node(), till, "drop", kind="call", times=1)
        with pytest.raises(CallTimeout):
            await GenServer.call(till, "all", 2.0)
        return otp.monotonic(), await GenServer.call(till, "all")

    assert run(main) == (2.0, [])


def test_a_late_message_is_overtaken_by_those_that_are_not_meant() -> None:
    async def main() -> Any:
        till = await Till.start(None)
        fault = observer.inject(otp.node(), till, "delay", tag="slow", seconds=3)
        otp.send(till, "slow")
        otp.send(till, "fast")
        await advance(2.9)
        before = await GenServer.call(till, "all")
        fault.heal()  # what is late already still arrives
        await advance(0.2)
        return before, await GenServer.call(till, "all")

    assert run(main) == (["fast"], ["fast", "slow"])


def test_a_late_message_arrives_although_another_fault_has_begun_meanwhile() -> None:
    """It has met its fault: the one that used up its times, and was forgotten, as that message was taken."""

    async def main() -> Any:
        till = await Till.start(None)
        observer.inject(otp.node(), till, "delay", seconds=3, times=1)
        otp.send(till, "late")
        other = observer.inject(otp.node(), till, "drop", kind="info")
        await advance(3.1)
        return await GenServer.call(till, "all"), other.hits

    assert run(main) == (["late"], 0)


def test_a_process_ends_at_its_next_message_with_the_reason_given_and_never_sees_it() -> None:
    async def main() -> Any:
        till = await Till.start(None)
        ref = otp.monitor(till)
        ended: list[str] = []
        fault = observer.inject(
            otp.node(), till, "crash", reason=("shutdown", "x"), ended=lambda: ended.append("ended")
        )
        otp.send(till, "hello")
        return (await otp.receive(ref)).reason, fault.hits, ended

    assert run(main) == (("shutdown", "x"), 1, ["ended"])


def test_slow_callbacks_keep_a_server_busy_one_message_after_the_other_while_others_go_on() -> None:
    async def main() -> Any:
        till, other = await Till.start(None), await Till.start(None)
        fault = observer.inject(otp.node(), till, "slow", seconds=1)
        otp.send(till, "a")
        otp.send(till, "b")
        assert await GenServer.call(other, "all") == []
        first = otp.monotonic(), await GenServer.call(till, "all"), otp.monotonic(), fault.hits
        fault.heal()
        return first, await GenServer.call(till, "all"), otp.monotonic()

    assert run(main) == ((0.0, ["a", "b"], 3.0, 3), ["a", "b"], 3.0)


def test_signals_and_what_a_debugger_asks_meet_no_fault() -> None:
    async def main() -> Any:
        till = await Till.start(None)
        observer.inject(otp.node(), till, "drop")
        state = await otp.sys.get_state(till)
        ref = otp.monitor(till)
        otp.exit(till, "shutdown")
        return state, (await otp.receive(ref)).reason

    assert run(main) == ([], "shutdown")


def test_what_is_lost_is_told_as_dropped() -> None:
    async def main() -> Any:
        till = await Till.start(None)
        told: list[tuple[str, Any]] = []
        otp.node().subscribe(
            lambda event: told.append((event.kind, event.data["term"])), kinds={"sent", "dropped"}, pids={till}
        )
        observer.inject(otp.node(), till, "drop", times=1)
        otp.send(till, "lost")
        otp.send(till, "there")
        return list(told)

    assert run(main) == [("dropped", "lost"), ("sent", "there")]


def test_who_is_healed_or_has_ended_is_as_fast_as_before() -> None:
    """While a fault is in force its process takes the slow way, so nothing of it may stay."""

    async def main() -> Any:
        node, till, mortal = otp.node(), await Till.start(None), await Till.start(None)
        faults = [observer.inject(node, till, "drop"), observer.inject(node, till, "delay"),
                  observer.inject(node, mortal, "drop")]  # fmt: skip
        slowness = observer.inject(node, till, "slow")
        callbacks = till.callbacks  # type: ignore[attr-defined]
        otp.exit(mortal, "kill")
        for fault in (*faults, *faults, slowness, slowness):
            fault.heal()
        p: Any = till
        return node.faults, p.traced, not p.monitored_by, p.callbacks is callbacks, node.tracer.subscriptions

    assert run(main) == (None, None, True, False, ())


@pytest.mark.parametrize(
    ("what", "options", "said"),
    [
        ("drop", {"times": 0}, "a number of times from 1"),
        ("delay", {"seconds": -1}, "seconds"),
        ("burn", {}, "expected one of drop, delay, crash, slow"),
        ("drop", {"kind": "system"}, r"lost \('call', 'cast', 'info'\), got 'system'; .*try otp\.sys\.suspend"),
        ("delay", {"kind": "system"}, "got 'system'"),
        ("crash", {"kind": "system"}, "got 'system'"),
        ("drop", {"kind": "reply"}, "expected 'call', 'cast', 'info' or None as kind, got 'reply'"),
        ("slow", {"kind": "call"}, "affects all callbacks; try 'delay'"),
        ("slow", {"tag": "add"}, "affects all callbacks; try 'delay'"),
    ],
)
def test_what_makes_no_sense_is_refused(what: Any, options: dict[str, Any], said: str) -> None:
    async def main() -> Any:
        till = await Till.start(None)
        with pytest.raises(BadArgument, match=said):
            observer.inject(otp.node(), till, what, **options)

    run(main)


def test_only_servers_have_callbacks_to_slow_and_only_the_living_have_faults() -> None:
    async def main() -> Any:
        node, me = otp.node(), otp.self()
        with pytest.raises(BadArgument, match="try 'delay'"):
            observer.inject(node, me, "slow")
        gone = otp.spawn(lambda: None)
        await otp.wait_down(gone)
        with pytest.raises(BadArgument, match="a living process"):
            observer.inject(node, gone, "drop")

    run(main)
