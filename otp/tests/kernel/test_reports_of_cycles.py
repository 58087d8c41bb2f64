"""Time-outs of calls in a cycle, and of calls to a busy server, in errors, logs and events."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import otp
from asking_peers import AsksTheNext, Peer, ask, asks, catch_failure
from otp import CallTimeout, Children, GenServer, NoReply, Ok, Reply, Supervisor, impl
from otp.sentences import reason_text


def test_a_time_out_in_a_cycle_draws_it(among: Any) -> None:
    async def program(*pids: otp.Pid) -> Any:
        return await ask("a", catch_failure(asks("b", asks("c", asks("a", None, 9), 9), 1)))

    kind, text, _, at = among(3, program)
    assert (CallTimeout, 1.0) == (kind, at)
    assert "no answer within 1 s: the server was itself waiting for the caller, a deadlock (a -> b -> c -> a)" in text


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
    assert all("a deadlock (" in text for text in said)
    assert said


@pytest.mark.parametrize("between", [False, True], ids=["server", "chain"])
def test_a_crash_for_a_call_without_an_answer_names_the_server_that_was_busy_and_its_line(
    run: Any, between: bool
) -> None:
    """Regression: only the caller's line was known, which is right."""

    async def sleeps(state: Any, caller: Any) -> None:
        await asyncio.Event().wait()

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
            await asyncio.Event().wait()
            return NoReply(state)

    async def main() -> Any:
        pid = await Forgets.start(None)
        with pytest.raises(CallTimeout) as caught:
            await GenServer.call(pid, "question")
        return caught.value.busy, "NoReply" in str(caught.value)

    assert run(main) == (None, True)


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
        await ask("a", catch_failure(asks("b", asks("a"))))
        await ask("a", catch_failure(asks("b", asks("a", None, 9), 1)))
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
