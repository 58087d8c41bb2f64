"""Calls that wait for each other: a deadlock is ended and shown, a call that may still be answered is not.

Time is virtual: a sleep of 3 s ends between the search for a cycle (at 2 s) and the default time-out (at 5 s).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import otp
from otp import CallCycle, CallTimeout, Children, GenServer, NoReply, Ok, Reply, ServerDown, Supervisor, impl, testing
from otp.sentences import reason_text

KINDS = otp.trace.LIFECYCLE | otp.trace.DETAIL_KINDS | otp.trace.MESSAGE_KINDS | otp.trace.STATE_KINDS
Act = Callable[[Any, otp.From], Awaitable[Any]]


class Peer(GenServer[Any]):
    """A server that replies to `None`, and runs each other request."""

    @impl
    def init(self, arg: Any) -> Any:
        return Ok({})

    @impl
    async def handle_call(self, request: Act | None, caller: otp.From, state: Any) -> Any:
        if request is None:
            return Reply("answer", state)
        result = await request(state, caller)
        return NoReply(state) if result is NoReply else Reply(result, state)

    @impl
    async def handle_cast(self, request: Act, state: Any) -> NoReply[Any]:
        await request(state, None)  # type: ignore[arg-type]
        return NoReply(state)


def asks(name: str, request: Act | None = None, *timeout: Any) -> Act:
    """Return an act that calls the server of this name."""

    async def act(state: Any, caller: otp.From) -> Any:
        return await GenServer.call(name, request, *timeout)

    return act


def says(act: Act) -> Act:
    """Return an act that catches the failure of a call, and returns it with the time."""

    async def guarded(state: Any, caller: otp.From) -> Any:
        try:
            return await act(state, caller)
        except otp.CallExit as failed:
            return (type(failed), str(failed), failed.cycle, otp.monotonic())

    return guarded


async def ask(name: str, request: Act) -> Any:
    return await GenServer.call(name, request, 60)


@pytest.fixture
def among(run: Callable[..., Any]) -> Callable[[int, Callable[..., Awaitable[Any]]], Any]:
    """Runs a program with the servers `a`, `b`, … in each of the orders a call may take."""

    def among_servers(count: int, program: Callable[..., Awaitable[Any]]) -> Any:
        async def main() -> Any:
            return await program(*[await Peer.start(None, name=name) for name in "abcdefgh"[:count]])

        return run(main)

    return among_servers


def test_two_servers_that_call_each_other_are_drawn_before_their_time_is_up(among: Any) -> None:
    """Regression: both calls waited for five seconds until they timed out."""

    async def program(a: otp.Pid, b: otp.Pid) -> Any:
        kind, text, cycle, at = await ask("a", says(asks("b", asks("a"))))
        assert (CallCycle, (a, b), 2.0) == (kind, cycle, at)
        return text

    text = among(2, program)
    assert "failed: 'timeout'" in text
    assert "waited for each other: a -> b -> a; let one of them answer later" in text


def test_a_cycle_of_more_is_drawn_whole(among: Any) -> None:
    async def program(*pids: otp.Pid) -> Any:
        kind, text, cycle, at = await ask("a", says(asks("b", asks("c", asks("d", asks("a"))))))
        assert (CallCycle, pids, 2.0) == (kind, cycle, at)
        return text

    assert "a -> b -> c -> d -> a" in among(4, program)


def test_a_cycle_is_seen_when_its_last_call_finds_messages_waiting(among: Any) -> None:
    """Such a call takes the short way into the mailbox."""

    async def casts_first(state: Any, caller: Any) -> Any:
        first = otp.whereis("a")
        GenServer.cast(first, says(asks("c")))
        return await GenServer.call(first, None)  # of a pid: a name takes another way

    async def program(a: otp.Pid, b: otp.Pid, c: otp.Pid) -> Any:
        kind, _text, cycle, at = await ask("a", says(asks("b", casts_first)))
        return kind, cycle == (a, b), at

    assert (CallCycle, True, 2.0) == among(3, program)


def test_the_first_caller_fails_and_the_others_go_on_as_after_its_time_out(among: Any) -> None:
    """As in Erlang, the call that would time out first fails; its server catches that, and replies to the other."""

    async def program(*pids: otp.Pid) -> Any:
        answers: list[Any] = []

        async def second(state: Any, caller: Any) -> Any:
            answers.append(await GenServer.call("a", None))

        kind, *_ = await ask("a", says(asks("b", second)))
        await testing.wait_all_idle()
        return kind, answers, [otp.is_alive(pid) for pid in pids]

    assert (CallCycle, ["answer"], [True, True]) == among(2, program)


def test_when_the_first_caller_ends_the_next_one_sees_the_cycle_as_well(among: Any) -> None:
    async def program(a: otp.Pid, b: otp.Pid) -> Any:
        seen: list[Any] = []

        async def second(state: Any, caller: Any) -> Any:
            seen.append(await says(asks("a"))(state, caller))

        with pytest.raises(ServerDown) as failed:
            await ask("a", asks("b", second))
        await testing.wait_all_idle()
        assert ("timeout", ("gen_server", "call", ["b", second])) == failed.value.cause_reason
        return seen

    ((kind, text, cycle, at),) = among(2, program)
    assert (ServerDown, 2.0, 2) == (kind, at, len(cycle))
    assert "waited for each other: a -> b -> a" in text


def test_the_next_cycle_with_a_call_that_goes_on_is_ended_as_well(among: Any) -> None:
    """Regression: the calls of an ended cycle were noted, and the note counted as a reference to them."""

    async def program(*pids: otp.Pid) -> Any:
        async def asks_twice(state: Any, caller: Any) -> Any:
            found = [await says(asks("b", asks("c", asks("a"))))(state, caller)]
            return [*found, await says(asks("b"))(state, caller)]

        return [(kind, at) for kind, _, _, at in await ask("a", asks_twice)]

    assert [(CallCycle, 2.0), (ServerDown, 4.0)] == among(3, program)  # then the call of b fails, and b with it


def test_a_cycle_that_ends_by_a_time_out_is_known_to_the_others(among: Any) -> None:
    """Regression: the second one that failed had no cycle, and its line was not shown as a mistake."""

    async def program(a: otp.Pid, b: otp.Pid) -> Any:
        seen: list[Any] = []

        async def second(state: Any, caller: Any) -> Any:
            seen.append(await says(asks("a", None, 9))(state, caller))

        with pytest.raises(ServerDown):
            await ask("a", asks("b", second, 3))
        await testing.wait_all_idle()
        return seen

    ((kind, text, cycle, at),) = among(2, program)
    assert (ServerDown, 3.0, 2) == (kind, at, len(cycle))
    assert "waited for each other: a -> b -> a" in text


def test_two_that_ask_each_other_at_the_same_time_are_a_cycle(among: Any) -> None:
    async def program(a: otp.Pid, b: otp.Pid) -> Any:
        seen: list[Any] = []

        def casts(name: str) -> Act:
            async def act(state: Any, caller: Any) -> Any:
                seen.append(await says(asks(name))(state, caller))

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
        return await ask("a", says(asks("b", asks("a", None, "infinity"), "infinity")))

    assert CallCycle is among(2, program)[0]


def test_a_system_message_to_the_caller_is_part_of_a_cycle(among: Any) -> None:
    async def program(*pids: otp.Pid) -> Any:
        async def looks(state: Any, caller: Any) -> Any:
            return await otp.sys.get_state("a")

        return await ask("a", says(asks("b", looks)))

    assert CallCycle is among(2, program)[0]


def test_a_child_task_that_is_done_does_not_hide_a_cycle(among: Any) -> None:
    async def program(*pids: otp.Pid) -> Any:
        async def calls_back(state: Any, caller: Any) -> Any:
            await asyncio.create_task(asyncio.sleep(1))
            return await says(asks("a"))(state, caller)

        return await ask("a", says(asks("b", calls_back)))

    assert CallCycle is among(2, program)[0]


# What may still be answered


async def _a_process_replies(state: Any, caller: otp.From) -> Any:
    async def later(to: otp.From) -> None:
        await asyncio.sleep(3)
        GenServer.reply(to, "from a process")

    otp.spawn(later, caller)
    return await says(asks("a"))(state, caller)


async def _a_task_replies(state: Any, caller: otp.From) -> Any:
    async def later() -> None:
        await asyncio.sleep(3)
        GenServer.reply(caller, "from a task")

    state["task"] = asyncio.create_task(later())
    return await says(asks("a"))(state, caller)


async def _the_loop_replies(state: Any, caller: otp.From) -> Any:
    asyncio.get_running_loop().call_later(3, lambda: GenServer.reply(caller, "from the loop"))
    return await says(asks("a"))(state, caller)


async def _a_message_carries_it(state: Any, caller: otp.From) -> Any:
    async def later() -> None:
        await asyncio.sleep(3)
        GenServer.reply(await otp.receive(), "from a message")

    otp.send(otp.spawn(later), caller)
    return await says(asks("a"))(state, caller)


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
        return await ask("a", says(asks("b", act))), otp.monotonic()

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
            await says(asks("a"))(state, caller)

        asked = asyncio.create_task(ask("a", says(asks("b", keeps))))
        await testing.wait_all_idle()
        GenServer.cast(b, calls_back)
        return await asked, otp.monotonic()

    assert ("kept", 3.0) == among(2, program)


@pytest.mark.parametrize("limits", [((3,), ()), ((), (3,)), ((3,), (30,))])
def test_a_limit_of_its_own_ends_the_wait_of_a_caller(among: Any, limits: Any) -> None:
    first, second = limits

    async def program(*pids: otp.Pid) -> Any:
        return await ask("a", says(asks("b", says(asks("a", None, *second)), *first))), otp.monotonic()

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
            state["seen"] = await says(asks("a"))(state, caller)

        asked = asyncio.create_task(says(asks("a", asks("b", second)))({}, None))  # type: ignore[arg-type]
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


# At their time-outs


def test_a_time_out_in_a_cycle_draws_it(among: Any) -> None:
    async def program(*pids: otp.Pid) -> Any:
        return await ask("a", says(asks("b", asks("c", asks("a", None, 9), 9), 1)))

    kind, text, _, at = among(3, program)
    assert (CallTimeout, 1.0) == (kind, at)
    assert "no answer within 1 s: the server waits, through its own calls, for the caller: a -> b -> c -> a" in text


@pytest.mark.parametrize("timeouts", [{"timeout": 9}, {}], ids=["of their own", "default"])
def test_each_process_that_ends_by_a_deadlock_names_it(timeouts: Any, run: Any) -> None:
    """Regression: if two calls timed out together, neither named the other: the server was *busy*."""

    class Asks(GenServer[Any]):
        @impl
        def init(self, arg: Any) -> Ok[Any]:
            return Ok(arg)

        @impl
        async def handle_cast(self, request: Any, state: Any) -> NoReply[Any]:
            try:
                await GenServer.call(state, request, **timeouts)
            except CallTimeout as error:
                said.append(str(error))
                raise
            return NoReply(state)

        @impl
        async def terminate(self, reason: Any, state: Any) -> None:
            with pytest.raises(otp.CallExit):  # it does not hide the cycle
                await GenServer.call(otp.spawn(otp.receive), "question")

    said: list[str] = []

    async def main() -> Any:
        ends: dict[Any, Any] = {}

        def note(event: otp.trace.Event) -> None:
            ends.setdefault(event.pid, event.data.get("cycle"))

        otp.trace.subscribe(otp.node(), note, kinds={"exited"})
        both = [await Asks.start("b", name="a"), await Asks.start("a", name="b")]
        for pid in both:
            GenServer.cast(pid, "question")
        for pid in both:
            await otp.wait_down(pid)
        return [ends[pid] for pid in both]

    each = {"a -> b -> a", "b -> a -> b"} if timeouts else {"a -> b -> a"}  # without limits, the cycle is ended once
    assert each == set(run(main))
    assert all("wait for each other: " in text or "waited for each other: " in text for text in said)
    assert said


@pytest.mark.parametrize("between", [False, True], ids=["server", "chain"])
def test_a_crash_for_a_call_without_an_answer_names_the_server_that_was_busy_and_its_line(
    run: Any, between: bool
) -> None:
    """Regression: only the caller's line was known, which is right."""

    async def sleeps(state: Any, caller: Any) -> None:
        await asyncio.sleep(30)

    async def main() -> Any:
        found: list[Any] = []
        otp.trace.subscribe(otp.node(), lambda event: found.append(event.data.get("busy")), kinds={"exited"})
        for name in "abc":
            await Peer.start(None, name=name)
        GenServer.cast("a", asks("b", asks("c", sleeps) if between else sleeps, 3 if between else 5))
        await otp.wait_down(otp.whereis("a"))
        return found[0]

    name, callback, place = run(main)
    assert (name, callback) == ("c" if between else "b", "handle_call")
    line = sleeps.__code__.co_firstlineno + 1
    assert place == f"{__file__}:{line}"


def test_a_server_that_never_replies_is_not_called_busy_with_something_else(run: Any) -> None:
    """Regression: it was said to be still in the `handle_info` that it had gone on to."""

    class Forgets(GenServer[Any]):
        @impl
        def init(self, arg: Any) -> Ok[Any]:
            return Ok(arg)

        @impl
        def handle_call(self, request: Any, caller: Any, state: Any) -> NoReply[Any]:
            otp.send(otp.self(), "go on")
            return NoReply(state)

        @impl
        async def handle_info(self, message: Any, state: Any) -> NoReply[Any]:
            await asyncio.sleep(30)
            return NoReply(state)

    async def main() -> Any:
        pid = await Forgets.start(None)
        with pytest.raises(CallTimeout) as caught:
            await GenServer.call(pid, "question")
        return caught.value.busy, "NoReply" in str(caught.value)

    assert run(main) == (None, True)


def test_in_real_time_a_cycle_is_ended_before_the_time_outs() -> None:
    async def main() -> Any:
        for name in "ab":
            await Peer.start(None, name=name)
        begun = otp.monotonic()
        kind, _, _, at = await ask("a", says(asks("b", asks("a"))))
        return kind, at - begun

    kind, took = otp.run(main)
    assert CallCycle is kind
    assert 1.9 < took < 5


@pytest.mark.parametrize("timeouts", [{}, {"timeout": None}], ids=["default", "unlimited"])
def test_the_log_of_a_cycle_has_the_time_that_its_processes_really_waited(
    timeouts: Any, run: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Regression: the log read *did not answer a call in 5 s* after two seconds."""

    class Asks(GenServer[Any]):
        @impl
        def init(self, arg: Any) -> Ok[Any]:
            return Ok(arg)

        @impl
        async def handle_call(self, request: Any, caller: Any, state: Any) -> Reply[Any]:
            return Reply(await GenServer.call(state, request, **timeouts), state)

    async def main() -> None:
        await Asks.start("b", name="a")
        await Asks.start("a", name="b")
        with pytest.raises(otp.CallExit):
            await GenServer.call("a", "question", timeout=None)

    run(main)
    crashed = [line for line in caplog.text.splitlines() if " crashed: " in line]
    assert 2 == len(crashed)
    assert all("did not answer a call in 2 s (timeout)" in line for line in crashed)


class AsksTheNext(GenServer[str]):
    @impl
    def init(self, arg: str) -> Ok[str]:
        return Ok(arg)

    @impl
    async def handle_call(self, request: Any, caller: Any, state: str) -> Any:
        return Reply(await GenServer.call(state, request), state) if state else NoReply(state)


class Chain(Supervisor):
    @impl
    def init(self, arg: list[tuple[str, str]]) -> Children:
        return Children([AsksTheNext.child_spec(other, id=name, name=name) for name, other in arg], max_restarts=1)


@pytest.mark.parametrize(("last", "seconds"), [("", 5.0), ("first", 2.0)], ids=["silent", "cycle"])
def test_each_report_of_a_call_without_a_limit_of_its_own_has_the_seconds_that_it_waited(
    last: str, seconds: float, run: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Regression: the supervisor's lines, and with the default limit all lines, read *in time*."""
    caplog.set_level("INFO", "otp")

    async def main() -> Any:
        seen: list[otp.trace.Event] = []
        otp.trace.subscribe(otp.node(), seen.append, kinds={"exited"})
        chain = await Chain.start_link([("first", "second"), ("second", "third"), ("third", last)], name="chain")
        otp.unlink(chain)
        with pytest.raises(otp.CallExit):
            await GenServer.call("first", "question", timeout=None)
        await otp.wait_down(chain)
        return {one.data["waited"] for one in seen if "waited" in one.data}

    assert {seconds} == run(main)
    lines = [line for line in caplog.text.splitlines() if " did not answer a call " in line and "Error" not in line]
    assert any("gave up" in line for line in lines), caplog.text
    assert [] == [line for line in lines if f" did not answer a call in {seconds:.0f} s (timeout)" not in line]


def test_the_event_of_a_call_in_a_cycle_has_the_seconds_that_it_waited_and_its_limit(among: Any) -> None:
    """Regression: pages said that a call timed out after 5 s, but it ended after 2 s."""

    async def program(*pids: otp.Pid) -> Any:
        seen: list[otp.trace.Event] = []
        otp.trace.subscribe(otp.node(), seen.append, kinds={"call_timed_out"})
        await ask("a", says(asks("b", asks("a"))))
        await ask("a", says(asks("b", asks("a", None, 9), 1)))
        return [(one.data["timeout"], one.data["waited"]) for one in seen]

    assert [(5.0, 2.0), (1.0, None)] == among(2, program)


@pytest.mark.parametrize("timeouts", [(), ("infinity",)], ids=["default", "unlimited"])
def test_a_caller_outside_a_cycle_reports_no_timeout_that_did_not_pass(
    timeouts: Any, among: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Regression: a caller of a deadlocked server ended after two seconds, but all pages said *in 5 s*."""

    async def program(*pids: otp.Pid) -> Any:
        GenServer.cast("c", asks("a", asks("b", asks("a", None, *timeouts), *timeouts), 60))
        reason = await otp.wait_down(otp.whereis("c"))
        assert 2.0 == otp.monotonic()
        return reason_text(reason)

    assert "its call to a failed: b did not answer a call in time (timeout)" == among(3, program)
    assert "c <0.5.0> crashed: its call to a failed: b did not answer a call in" in caplog.text
    assert " in 5 s" not in caplog.text
    assert "infinity s" not in caplog.text


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
                GenServer.cast("a", says(nothing))
            return await GenServer.call("a", None)

        kind, _text, cycle, at = await ask("a", says(asks("b", second)))
        return kind, cycle == (a, b), at

    assert (CallCycle, True, 2.0) == among(2, program)


async def nothing(state: Any, caller: Any) -> None:
    """Do nothing: an act."""
