"""Calls that wait for each other: a deadlock is ended and shown, a call that may still be answered is not.

Time is virtual: a sleep of 3 s ends between the search for a cycle (at 2 s) and the default time-out (at 5 s).
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import otp
from asking_peers import Act, Peer, ask, asks, catch_failure
from otp import CallCycle, CallTimeout, GenServer, NoReply, ServerDown, testing

KINDS = otp.trace.LIFECYCLE | otp.trace.DETAIL_KINDS | otp.trace.MESSAGE_KINDS | otp.trace.STATE_KINDS


def test_two_servers_that_call_each_other_are_drawn_before_their_time_is_up(among: Any) -> None:
    """Regression: both calls waited for five seconds until they timed out."""

    async def program(a: otp.Pid, b: otp.Pid) -> Any:
        kind, text, cycle, at = await ask("a", catch_failure(asks("b", asks("a"))))
        assert (CallCycle, (a, b), 2.0) == (kind, cycle, at)
        return text

    text = among(2, program)
    assert "failed: 'timeout'" in text
    assert "part of a deadlock (a -> b -> a); let one of the processes answer later" in text


def test_a_cycle_of_more_is_drawn_whole(among: Any) -> None:
    async def program(*pids: otp.Pid) -> Any:
        kind, text, cycle, at = await ask("a", catch_failure(asks("b", asks("c", asks("d", asks("a"))))))
        assert (CallCycle, pids, 2.0) == (kind, cycle, at)
        return text

    assert "a -> b -> c -> d -> a" in among(4, program)


def test_a_cycle_is_seen_when_its_last_call_finds_messages_waiting(among: Any) -> None:
    """Such a call takes the short way into the mailbox."""

    async def casts_first(state: Any, caller: Any) -> Any:
        first = otp.whereis("a")
        GenServer.cast(first, catch_failure(asks("c")))
        return await GenServer.call(first, None)  # of a pid: a name takes another way

    async def program(a: otp.Pid, b: otp.Pid, c: otp.Pid) -> Any:
        kind, _text, cycle, at = await ask("a", catch_failure(asks("b", casts_first)))
        return kind, cycle == (a, b), at

    assert (CallCycle, True, 2.0) == among(3, program)


def test_the_first_caller_fails_and_the_others_go_on_as_after_its_time_out(among: Any) -> None:
    """As in Erlang, the call that would time out first fails; its server catches that, and replies to the other."""

    async def program(*pids: otp.Pid) -> Any:
        answers: list[Any] = []

        async def second(state: Any, caller: Any) -> Any:
            answers.append(await GenServer.call("a", None))

        kind, *_ = await ask("a", catch_failure(asks("b", second)))
        await testing.wait_all_idle()
        return kind, answers, [otp.is_alive(pid) for pid in pids]

    assert (CallCycle, ["answer"], [True, True]) == among(2, program)


def test_when_the_first_caller_ends_the_next_one_sees_the_cycle_as_well(among: Any) -> None:
    async def program(a: otp.Pid, b: otp.Pid) -> Any:
        seen: list[Any] = []

        async def second(state: Any, caller: Any) -> Any:
            seen.append(await catch_failure(asks("a"))(state, caller))

        with pytest.raises(ServerDown) as failed:
            await ask("a", asks("b", second))
        await testing.wait_all_idle()
        assert ("timeout", ("gen_server", "call", ["b", second])) == failed.value.cause_reason
        return seen

    ((kind, text, cycle, at),) = among(2, program)
    assert (ServerDown, 2.0, 2) == (kind, at, len(cycle))
    assert "part of a deadlock (a -> b -> a)" in text


def test_the_next_cycle_with_a_call_that_goes_on_is_ended_as_well(among: Any) -> None:
    """Regression: the calls of an ended cycle were noted, and the note counted as a reference to them."""

    async def program(*pids: otp.Pid) -> Any:
        async def asks_twice(state: Any, caller: Any) -> Any:
            found = [await catch_failure(asks("b", asks("c", asks("a"))))(state, caller)]
            return [*found, await catch_failure(asks("b"))(state, caller)]

        return [(kind, at) for kind, _, _, at in await ask("a", asks_twice)]

    assert [(CallCycle, 2.0), (ServerDown, 4.0)] == among(3, program)  # then the call of b fails, and b with it


def test_a_cycle_that_ends_by_a_time_out_is_known_to_the_others(among: Any) -> None:
    """Regression: the second one that failed had no cycle, and its line was not shown as a mistake."""

    async def program(a: otp.Pid, b: otp.Pid) -> Any:
        seen: list[Any] = []

        async def second(state: Any, caller: Any) -> Any:
            seen.append(await catch_failure(asks("a", None, 9))(state, caller))

        with pytest.raises(ServerDown):
            await ask("a", asks("b", second, 3))
        await testing.wait_all_idle()
        return seen

    ((kind, text, cycle, at),) = among(2, program)
    assert (ServerDown, 3.0, 2) == (kind, at, len(cycle))
    assert "part of a deadlock (a -> b -> a)" in text


def test_two_that_ask_each_other_at_the_same_time_are_a_cycle(among: Any) -> None:
    async def program(a: otp.Pid, b: otp.Pid) -> Any:
        seen: list[Any] = []

        def casts(name: str) -> Act:
            async def act(state: Any, caller: Any) -> Any:
                seen.append(await catch_failure(asks(name))(state, caller))

            return act

        GenServer.cast(a, casts("b"))
        GenServer.cast(b, casts("a"))
        await testing.advance(3)
        return seen

    first, second = among(2, program)
    assert (CallCycle, 2.0) == (first[0], first[3])
    assert "answer" == second  # the call of the first had failed, so it could reply


def test_calls_without_a_limit_are_ended_too(among: Any) -> None:
    async def program(*pids: otp.Pid) -> Any:
        return await ask("a", catch_failure(asks("b", asks("a", None, "infinity"), "infinity")))

    assert CallCycle is among(2, program)[0]


def test_a_system_message_to_the_caller_is_part_of_a_cycle(among: Any) -> None:
    async def program(*pids: otp.Pid) -> Any:
        async def looks(state: Any, caller: Any) -> Any:
            return await otp.sys.get_state("a")

        return await ask("a", catch_failure(asks("b", looks)))

    assert CallCycle is among(2, program)[0]


def test_a_child_task_that_is_done_does_not_hide_a_cycle(among: Any) -> None:
    async def program(*pids: otp.Pid) -> Any:
        async def calls_back(state: Any, caller: Any) -> Any:
            await asyncio.create_task(asyncio.sleep(1))
            return await catch_failure(asks("a"))(state, caller)

        return await ask("a", catch_failure(asks("b", calls_back)))

    assert CallCycle is among(2, program)[0]


# What may still be answered


async def _a_process_replies(state: Any, caller: otp.From) -> Any:
    async def later(to: otp.From) -> None:
        await asyncio.sleep(3)
        GenServer.reply(to, "from a process")

    otp.spawn(later, caller)
    return await catch_failure(asks("a"))(state, caller)


async def _a_task_replies(state: Any, caller: otp.From) -> Any:
    async def later() -> None:
        await asyncio.sleep(3)
        GenServer.reply(caller, "from a task")

    state["task"] = asyncio.create_task(later())
    return await catch_failure(asks("a"))(state, caller)


async def _the_loop_replies(state: Any, caller: otp.From) -> Any:
    asyncio.get_running_loop().call_later(3, lambda: GenServer.reply(caller, "from the loop"))
    return await catch_failure(asks("a"))(state, caller)


async def _a_message_carries_it(state: Any, caller: otp.From) -> Any:
    async def later() -> None:
        await asyncio.sleep(3)
        GenServer.reply(await otp.receive(), "from a message")

    otp.send(otp.spawn(later), caller)
    return await catch_failure(asks("a"))(state, caller)


@pytest.mark.parametrize(
    ("act", "answer"),
    [
        (_a_process_replies, "from a process"),
        (_a_task_replies, "from a task"),
        (_the_loop_replies, "from the loop"),
        (_a_message_carries_it, "from a message"),
    ],
)
def test_a_server_whose_caller_is_answered_from_elsewhere_is_no_part_of_a_cycle(
    among: Any, act: Act, answer: str
) -> None:
    """The server calls back while another process has the `From`, and replies with it within the five seconds."""

    async def program(*pids: otp.Pid) -> Any:
        return await ask("a", catch_failure(asks("b", act))), otp.monotonic()

    assert (answer, 3.0) == among(2, program)


def test_a_server_that_answers_later_itself_is_no_part_of_a_cycle(among: Any) -> None:
    async def program(a: otp.Pid, b: otp.Pid) -> Any:
        async def keeps(state: Any, caller: otp.From) -> Any:
            state["kept"] = caller
            return NoReply

        async def calls_back(state: Any, caller: Any) -> Any:
            async def replies(kept: otp.From) -> None:
                await asyncio.sleep(3)
                GenServer.reply(kept, "kept")

            otp.spawn(replies, state["kept"])
            await catch_failure(asks("a"))(state, caller)

        asked = asyncio.create_task(ask("a", catch_failure(asks("b", keeps))))
        await testing.wait_all_idle()
        GenServer.cast(b, calls_back)
        return await asked, otp.monotonic()

    assert ("kept", 3.0) == among(2, program)


@pytest.mark.parametrize("limits", [((3,), ()), ((), (3,)), ((3,), (30,))])
def test_a_limit_of_its_own_ends_the_wait_of_a_caller(among: Any, limits: Any) -> None:
    first, second = limits

    async def program(*pids: otp.Pid) -> Any:
        return await ask(
            "a", catch_failure(asks("b", catch_failure(asks("a", None, *second)), *first))
        ), otp.monotonic()

    answer, at = among(2, program)
    assert 3.0 == at
    kind, text = answer[0], answer[1]
    assert CallTimeout is kind
    assert "wait" in text


def test_a_time_out_around_the_call_ends_the_wait_of_a_caller(among: Any) -> None:
    async def program(*pids: otp.Pid) -> Any:
        async def bounded(state: Any, caller: Any) -> Any:
            try:
                async with asyncio.timeout(3):
                    return await GenServer.call("b", asks("a"))
            except TimeoutError as error:
                return type(error)

        return await ask("a", bounded), otp.monotonic()

    assert (TimeoutError, 3.0) == among(2, program)


def test_a_child_task_that_calls_back_does_not_hold_its_process_up(among: Any) -> None:
    async def program(*pids: otp.Pid) -> Any:
        async def calls_back_in_a_task(state: Any, caller: Any) -> Any:
            state["task"] = asyncio.create_task(GenServer.call("a", None))
            await asyncio.sleep(3)
            return "done"

        answer = await ask("a", asks("b", calls_back_in_a_task))
        return answer, otp.monotonic()

    assert ("done", 3.0) == among(2, program)


def test_a_caller_that_is_killed_within_the_time_frees_the_other(among: Any) -> None:
    async def program(a: otp.Pid, b: otp.Pid) -> Any:
        async def second(state: Any, caller: Any) -> Any:
            state["seen"] = await catch_failure(asks("a"))(state, caller)

        asked = asyncio.create_task(catch_failure(asks("a", asks("b", second)))({}, None))  # type: ignore[arg-type]
        await testing.advance(1)
        otp.exit(a, "kill")
        await asked
        await testing.advance(5)
        return (await otp.sys.get_state(b))["seen"]

    kind, text, cycle, at = among(2, program)
    assert (ServerDown, (), 1.0) == (kind, cycle, at)
    assert "each other" not in text


def test_a_server_that_waits_behind_a_busy_one_is_no_part_of_a_cycle(among: Any) -> None:
    async def program(*pids: otp.Pid) -> Any:
        async def busy(state: Any, caller: Any) -> Any:
            await asyncio.sleep(2)
            return "late"

        tasks = [asyncio.create_task(ask(name, asks("c", busy))) for name in "ab"]
        return await asyncio.gather(*tasks), otp.monotonic()

    assert (["late", "late"], 4.0) == among(3, program)


def test_in_real_time_a_cycle_is_ended_before_the_time_outs() -> None:
    async def main() -> Any:
        for name in "ab":
            await Peer.start(None, name=name)
        begun = otp.monotonic()
        kind, _, _, at = await ask("a", catch_failure(asks("b", asks("a"))))
        return kind, at - begun

    kind, took = otp.run(main)
    assert CallCycle is kind
    assert 1.9 < took < 5


# Under observation


def _looks_away(*pids: otp.Pid) -> None:
    """Observe nothing."""


def _reads_all(*pids: otp.Pid) -> None:
    otp.trace.subscribe(otp.node(), lambda event: None, kinds=KINDS)


def _reads_some(*pids: otp.Pid) -> None:
    otp.trace.subscribe(otp.node(), lambda event: None, kinds=KINDS, pids=pids, focus=True)


def _reads_one(*pids: otp.Pid) -> None:
    otp.trace.subscribe(otp.node(), lambda event: None, kinds=KINDS, pids=pids[1:], focus=True)


async def _debugs(*pids: otp.Pid) -> None:
    for pid in pids:
        await otp.sys.log(pid, True)


@pytest.mark.parametrize("observe", [_looks_away, _reads_all, _reads_some, _reads_one, _debugs])
@pytest.mark.parametrize("waiting", [0, 2])
def test_a_deadlock_ends_the_same_while_somebody_reads_its_messages(among: Any, observe: Any, waiting: int) -> None:
    """Regression: readers of messages keep them until they are handled, and both calls waited for five seconds."""

    async def program(a: otp.Pid, b: otp.Pid) -> Any:
        begun = observe(a, b)
        if begun is not None:
            await begun

        async def second(state: Any, caller: Any) -> Any:
            for _ in range(waiting):
                GenServer.cast("a", catch_failure(nothing))
            return await GenServer.call("a", None)

        kind, _text, cycle, at = await ask("a", catch_failure(asks("b", second)))
        return kind, cycle == (a, b), at

    assert (CallCycle, True, 2.0) == among(2, program)


async def nothing(state: Any, caller: Any) -> None:
    """Do nothing: an act."""
