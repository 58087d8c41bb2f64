"""The rules of `otp.sys`: what a debugger may do to a running server. Source: Erlang's `sys`."""

from __future__ import annotations

from typing import Any

import pytest

import otp
from first_process import first_process
from otp import (
    Agent,
    BadArgument,
    CallTimeout,
    Error,
    GenServer,
    GenStateMachine,
    KeepStateAndData,
    MachineOk,
    NextState,
    NoProcess,
    NoReply,
    Ok,
    Postpone,
    Reply,
    ReplyTo,
    Supervisor,
    Throw,
    impl,
    sys,
    testing,
)


class Counter(GenServer[int]):
    @impl
    def init(self, arg: int) -> Ok[int]:
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: int) -> Reply[int]:
        return Reply(state, state)

    @impl
    def handle_cast(self, request: Any, state: int) -> NoReply[int]:
        return NoReply(state + 1)


@first_process
async def test_get_state_is_what_the_last_callback_returned() -> None:
    counter = await Counter.start_link(41, name="counter")
    GenServer.cast(counter, "increment")
    assert await sys.get_state("counter") == 42


@first_process
async def test_replace_state_answers_the_new_state() -> None:
    counter = await Counter.start_link(1)
    assert await sys.replace_state(counter, lambda n: n * 10) == 10
    assert await GenServer.call(counter, "value") == 10


@first_process
async def test_a_replace_that_raises_leaves_the_state_and_raises_here() -> None:
    counter = await Counter.start_link(1)
    with pytest.raises(ZeroDivisionError):
        await sys.replace_state(counter, lambda n: n // 0)
    assert await GenServer.call(counter, "value") == 1


@first_process
async def test_a_suspended_server_keeps_its_messages_until_it_is_resumed() -> None:
    counter = await Counter.start_link(0)
    await sys.suspend(counter)
    GenServer.cast(counter, "increment")
    await testing.wait_all_idle()
    assert await sys.get_state(counter) == 0
    with pytest.raises(CallTimeout):
        await GenServer.call(counter, "value", timeout=1)
    await sys.resume(counter)
    assert await GenServer.call(counter, "value") == 1


@first_process
async def test_get_status_says_who_and_how() -> None:
    counter = await Counter.start_link(3, name="counter")
    await sys.suspend(counter)
    status = await sys.get_status(counter)
    assert (status.pid, status.name, status.module) == (counter, "counter", Counter)
    assert (status.status, status.parent, status.state) == ("suspended", otp.self(), 3)


@first_process
async def test_terminate_ends_the_server_with_the_reason() -> None:
    counter = await Counter.start(0)
    await sys.terminate(counter, "done")
    assert await otp.wait_down(counter) in ("done", "noproc")


@first_process
async def test_a_failure_names_the_function_of_sys() -> None:
    with pytest.raises(NoProcess) as failure:
        await sys.get_state("nobody")
    assert failure.value.reason == ("noproc", ("sys", "get_state", ["nobody"]))

    async def deaf() -> None:
        await otp.receive(otp.Is("never"))

    pid = otp.spawn(deaf)
    with pytest.raises(CallTimeout) as late:
        await sys.get_state(pid, timeout=1)
    assert late.value.reason == ("timeout", ("sys", "get_state", [pid, 1]))


# Watching. What is expected was seen in Erlang/OTP 25.


async def busy(counter: otp.Pid) -> otp.From:
    """A call, a cast and a message, as the counter sees them; answers who called."""
    callers: list[otp.From] = []
    await sys.install(counter, ("callers", lambda seen, event, name: seen.append(event[1][1]) or "done", callers))
    await GenServer.call(counter, "hello")
    GenServer.cast(counter, "c")
    otp.send(counter, "i")
    await sys.get_state(counter)
    return callers[0]


class Watched(Counter):
    @impl
    async def handle_info(self, message: Any, state: int) -> NoReply[int]:
        if message == "throw":
            raise Throw(NoReply(state + 100))
        return NoReply(state + 1)


@first_process
async def test_a_debug_function_sees_what_comes_and_what_goes() -> None:
    counter = await Watched.start_link(1, name="srv")
    seen: list[Any] = []
    await sys.install(counter, (lambda n, event, name: seen.append((n, event, name)) or n + 1, 0))
    caller = await busy(counter)
    assert seen == [
        (0, ("in", ("$gen_call", caller, "hello")), "srv"),
        (1, ("out", 1, caller, 1), "srv"),
        (2, ("in", ("$gen_cast", "c")), "srv"),
        (3, ("noreply", 2), "srv"),
        (4, ("in", "i"), "srv"),
        (5, ("noreply", 3), "srv"),
    ]
    otp.send(counter, "throw")
    await sys.get_state(counter)
    assert seen[-1][1] == ("noreply", 103)


@first_process
async def test_a_function_that_is_done_or_raises_is_removed_and_the_server_pays_nothing_again() -> None:
    counter: Any = await Counter.start_link(0)
    plain = counter.callbacks
    seen: list[Any] = []
    await sys.install(counter, (lambda n, event, name: "done" if n == 2 else seen.append(event) or n + 1, 0))
    await sys.install(counter, ("raises", lambda n, event, name: 1 // 0, 0))
    assert counter.callbacks is not plain
    for _ in range(3):
        await GenServer.call(counter, "value")
    assert [event[0] for event in seen] == ["in", "out"]
    assert counter.callbacks is plain


@first_process
async def test_a_function_is_installed_once_and_removed_by_its_id() -> None:
    counter = await Counter.start_link(0)
    seen: list[Any] = []

    def first(state: Any, event: Any, name: Any) -> Any:
        seen.append(state)
        return state

    await sys.install(counter, ("id", first, 1))
    await sys.install(counter, ("id", first, 2))
    await sys.install(counter, (first, 3))
    GenServer.cast(counter, "c")
    await sys.get_state(counter)
    assert seen == [1, 3, 1, 3]
    await sys.remove(counter, "id")
    await sys.remove(counter, first)
    await sys.remove(counter, "unknown")
    await GenServer.call(counter, "value")
    assert seen == [1, 3, 1, 3]


@first_process
async def test_statistics_count_what_came_and_what_was_answered() -> None:
    counter = await Watched.start_link(1)
    assert await sys.statistics(counter, "get") == "no_statistics"
    begun = otp.monotonic()
    await sys.statistics(counter, True)
    await busy(counter)
    await testing.advance(2)
    assert await sys.statistics(counter, "get") == sys.Statistics(begun, begun + 2, 3, 1)
    await sys.statistics(counter, True)
    assert await sys.statistics(counter, "get") == sys.Statistics(begun + 2, begun + 2, 0, 0)
    await sys.statistics(counter, False)
    assert await sys.statistics(counter, "get") == "no_statistics"


@first_process
async def test_the_log_keeps_the_last_events_ten_unless_told() -> None:
    counter = await Watched.start_link(1)
    assert await sys.log(counter, "get") == []
    await sys.log(counter, (True, 4))
    await busy(counter)
    last = [("in", ("$gen_cast", "c")), ("noreply", 2), ("in", "i"), ("noreply", 3)]
    assert await sys.log(counter, "get") == last
    await sys.log(counter, (True, 2))
    assert await sys.log(counter, "get") == last[2:]
    await sys.log(counter, False)
    await sys.log(counter, True)
    for _ in range(20):
        GenServer.cast(counter, "c")
    assert len(await sys.log(counter, "get")) == 10
    await sys.no_debug(counter)
    assert await sys.log(counter, "get") == []


def test_a_trace_is_written_while_it_happens(capsys: pytest.CaptureFixture[str]) -> None:
    async def main() -> None:
        counter = await Watched.start_link(1, name="srv")
        await sys.trace(counter, True)
        caller = await busy(counter)
        await sys.trace(counter, False)
        await GenServer.call(counter, "unseen")
        assert capsys.readouterr().out.splitlines() == [
            f"*DBG* srv got call 'hello' from {caller.pid}",
            f"*DBG* srv sent 1 to {caller.pid}, new state 1",
            "*DBG* srv got cast 'c'",
            "*DBG* srv new state 2",
            "*DBG* srv got 'i'",
            "*DBG* srv new state 3",
        ]
        await sys.log(counter, True)
        GenServer.cast(counter, "c")
        await sys.log(counter, "print")
        assert capsys.readouterr().out == "*DBG* srv got cast 'c'\n*DBG* srv new state 4\n"

    testing.Scheduler(seed=0).run(main)


class Door(GenStateMachine[str, list[Any]]):
    @impl
    def init(self, arg: Any) -> Any:
        return MachineOk("shut", [])

    @impl
    def handle_event(self, event: Any, content: Any, state: str, data: list[Any]) -> Any:
        match event, content, state:
            case ("call", _), "wait", "shut":
                return KeepStateAndData(Postpone())
            case ("call", caller), what, _:
                return KeepStateAndData(ReplyTo(caller, (what, state)))
            case _:
                return NextState("open", data)


@first_process
async def test_a_state_machine_tells_events_with_their_state_and_every_answer() -> None:
    door = await Door.start_link()
    seen: list[Any] = []
    await sys.install(door, (lambda n, event, name: seen.append(event) or n, 0))
    waiting = otp.Task.async_(Door.call, door, "wait")
    await testing.wait_all_idle()
    Door.cast(door, "open")
    assert await otp.Task.await_(waiting) == ("wait", "open")
    assert await Door.call(door, "now") == ("now", "open")
    callers = [event[1][0][1] for event in seen if event[0] == "in" and isinstance(event[1][0], tuple)]
    assert seen == [
        ("in", (("call", callers[0]), "wait"), "shut"),
        ("in", ("cast", "open"), "shut"),
        ("out", ("wait", "open"), callers[0]),
        ("in", (("call", callers[1]), "now"), "open"),
        ("out", ("now", "open"), callers[1]),
    ]


@first_process
async def test_supervisors_and_agents_are_watched_like_all_others() -> None:
    for dest in (
        await Supervisor.start_link_children([(Counter, 0)], strategy="one_for_one"),
        await otp.DynamicSupervisor.start_link(),
        await Agent.start_link(lambda: 0),
    ):
        await sys.statistics(dest, True)
        await (
            Agent.get(dest, lambda n: n)
            if isinstance(await sys.get_state(dest), int)
            else Supervisor.count_children(dest)
        )
        found: Any = await sys.statistics(dest, "get")
        assert (found.messages_in, found.messages_out) == (1, 1)


@first_process
async def test_a_flag_that_is_none_says_what_there_is() -> None:
    counter = await Counter.start_link(0)
    for ask in (
        lambda: sys.statistics(counter, "foo"),  # type: ignore[arg-type]
        lambda: sys.log(counter, (True, 0)),
        lambda: sys.trace(counter, "get"),  # type: ignore[arg-type]
        lambda: sys.install(counter, (1, 2)),  # type: ignore[arg-type]
        lambda: sys.change_code(counter, 7, 1),  # type: ignore[arg-type]
    ):
        with pytest.raises(BadArgument):
            await ask()
    assert await GenServer.call(counter, "value") == 0


# Secrets


class Vault(Counter):
    @impl
    def init(self, arg: int) -> Ok[int]:
        otp.process_flag("sensitive", True)
        return Ok(arg)

    @impl
    def handle_cast(self, request: Any, state: int) -> NoReply[int]:
        otp.process_flag("sensitive", False)
        return NoReply(state)


@first_process
async def test_a_sensitive_process_shows_neither_state_nor_messages() -> None:
    """Source: erlang/otp#5990, where the state stays readable."""
    vault = await Vault.start_link(1234)
    seen: list[Any] = []
    for ask in (
        lambda: sys.get_state(vault),
        lambda: sys.replace_state(vault, lambda state: seen.append(state)),
        lambda: sys.install(vault, (lambda n, event, name: seen.append(event), 0)),
        lambda: sys.log(vault, True),
        lambda: sys.trace(vault, True),
    ):
        with pytest.raises(BadArgument, match="sensitive"):
            await ask()
    assert (await sys.get_status(vault)).state == "<sensitive>"
    await sys.statistics(vault, True)
    await GenServer.call(vault, "value")
    found: Any = await sys.statistics(vault, "get")
    assert (found.messages_in, found.messages_out, seen) == (1, 1, [])
    GenServer.cast(vault, "open")
    assert await sys.get_state(vault) == 1234


@first_process
async def test_get_status_shows_what_format_status_lets_it() -> None:
    class Safe(Counter):
        @impl
        def format_status(self, state: int) -> str:
            return "*" * (state // 0 if state == 4 else state)

    safe = await Safe.start_link(3)
    assert (await sys.get_status(safe)).state == "***"
    await sys.replace_state(safe, lambda _: 4)
    assert (await sys.get_status(safe)).state[0] == "ZeroDivisionError"  # and no state


def last_report(caplog: pytest.LogCaptureFixture) -> str:
    (record,) = [record for record in caplog.records if record.name == "otp"]
    return record.getMessage()


class Crashing(Counter):
    @impl
    def init(self, arg: Any) -> Any:
        return Ok(arg)

    @impl
    def handle_cast(self, request: Any, state: Any) -> Any:
        if request == "hide":
            otp.process_flag("sensitive", True)
            return NoReply(state)
        raise ValueError("ouch")


class Discreet(Crashing):
    @impl
    def format_status(self, state: Any) -> Any:
        return sorted(state)


@pytest.mark.parametrize(
    ("cls", "casts", "expected"),
    [
        (
            Crashing,
            ["now"],
            ["crashed: ValueError('ouch'), in handle_cast('now') at LINE", "state {'password': ***, 'card': 4}"],
        ),
        (
            Discreet,
            ["now"],
            ["crashed: ValueError('ouch'), in handle_cast('now') at LINE", "state ['card', 'password']"],
        ),
        (Crashing, ["hide", "now"], ["crashed: ValueError('ouch'), in handle_cast at LINE", "state '<sensitive>'"]),
    ],
)
def test_a_crash_report_shows_of_the_state_what_format_status_lets_it(
    cls: type[Crashing], casts: list[str], expected: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        pid = await cls.start({"password": 1234, "card": 4})
        for cast in casts:
            cls.cast(pid, cast)
        await testing.wait_all_idle()

    testing.Scheduler(seed=0).run(main)
    first, second = last_report(caplog).splitlines()[:2]
    line = f"test_sys.py:{Crashing.handle_cast.__code__.co_firstlineno + 5}"
    assert [first[first.index("crashed:") :].replace(line, "LINE"), second.strip()] == expected


# Code


class Counter2(Counter):
    @impl
    def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
        return Reply(("new", state), state)

    @impl
    async def code_change(self, old_vsn: Any, state: Any, extra: Any) -> Any:
        match extra:
            case "raise":
                raise ValueError("no")
            case "refuse":
                return ("error", "no")
            case "throw":
                raise Throw(Ok("thrown"))
            case _:
                await otp.receive(otp.Is("never"), timeout=1) if extra == "wait" else None
                return Ok((old_vsn, state, extra))


@first_process
async def test_change_code_needs_a_suspended_server() -> None:
    counter = await Counter.start_link(1)
    with pytest.raises(BadArgument, match="suspend"):
        await sys.change_code(counter, Counter2, 1)
    await sys.suspend(counter)
    await sys.change_code(counter, Counter2, 1, "x")
    await sys.resume(counter)
    assert await GenServer.call(counter, "value") == ("new", (1, 1, "x"))
    assert (await sys.get_status(counter)).module is Counter2


@first_process
async def test_a_code_change_that_refuses_raises_and_leaves_the_server_suspended_as_it_was() -> None:
    counter = await Counter.start_link(1)
    await sys.suspend(counter)
    with pytest.raises(ValueError, match="no"):
        await sys.change_code(counter, Counter2, 1, "raise")
    with pytest.raises(Error) as refused:
        await sys.change_code(counter, Counter2, 1, "refuse")
    assert refused.value.reason == ("error", "no")
    status = await sys.get_status(counter)
    assert (status.module, status.status, status.state) == (Counter, "suspended", 1)
    await sys.resume(counter)
    assert await GenServer.call(counter, "value") == 1


@first_process
async def test_a_code_change_may_throw_its_result() -> None:
    counter = await Counter.start_link(1)
    await sys.suspend(counter)
    await sys.change_code(counter, Counter2, 1, "throw")
    assert await sys.get_state(counter) == "thrown"


@first_process
async def test_a_suspended_machine_and_a_suspended_supervisor_change_their_code() -> None:
    class Door2(Door):
        @impl
        def code_change(self, old_vsn: Any, state: str, data: Any, extra: Any) -> Any:
            return MachineOk(extra, data)

    class Shop(Supervisor):
        @impl
        def init(self, arg: Any) -> Any:
            return otp.Children([(Counter, 0)], strategy="one_for_all", max_restarts=7)

    door = await Door.start_link()
    sup = await Supervisor.start_link_children([(Counter, 0)], strategy="one_for_one")
    for dest, cls in ((door, Door2), (sup, Shop)):
        await sys.suspend(dest)
        await sys.change_code(dest, cls, 1, "ajar")
        await sys.resume(dest)
    assert await Door.call(door, "?") == ("?", "ajar")
    state = await sys.get_state(sup)
    assert (state.strategy, state.max_restarts, len(state)) == ("one_for_all", 7, 1)
