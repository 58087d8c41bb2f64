"""State machines and debuggers: `otp.sys`, `format_status`, the observer, new code.

Source: Erlang/OTP, stdlib, `sys`, `gen_statem` (`system_get_state`, `system_replace_state`, `code_change/4`).
"""

from __future__ import annotations

from typing import Any

import pytest

import otp
from otp import (
    BadArgument,
    Error,
    GenStateMachine,
    KeepState,
    KeepStateAndData,
    MachineOk,
    NamedTimeout,
    NextState,
    Postpone,
    ReplyTo,
    Stop,
    impl,
    observer,
)
from otp.behaviours.state_machine.engine import Machine
from otp.behaviours.state_machine.running import Running
from otp.behaviours.state_machine.server import server_of
from otp.sys import get_state, get_status, replace_state, resume, suspend, terminate
from otp.testing import wait_all_idle


class Counter(GenStateMachine[str, Any]):
    state_enter = True

    @impl
    def init(self, arg: Any) -> Any:
        return MachineOk("on", arg)

    @impl
    def handle_event(self, event: Any, content: Any, state: str, data: Any) -> Any:
        match event, content:
            case "enter", old:
                return KeepState([*data, ("enter", old, state)])
            case "cast", "postpone":
                return KeepStateAndData(Postpone())
            case "cast", ("go", other):
                return NextState(other, data)
            case ("call", caller), _:
                return KeepStateAndData(ReplyTo(caller, (state, data)))
            case _:
                return KeepState([*data, content])


def test_get_state_is_state_and_data_after_what_was_sent_before(run: Any) -> None:
    async def main() -> None:
        pid = await Counter.start_link([])
        Counter.cast(pid, 1)
        assert await get_state(pid) == ("on", [("enter", "on", "on"), 1])

    run(main)


def test_replace_state_changes_both_and_enters_nothing(run: Any) -> None:
    """gen_statem: no state enter call, and what is postponed keeps waiting."""

    async def main() -> None:
        pid = await Counter.start_link([])
        Counter.cast(pid, "postpone")
        assert await replace_state(pid, lambda both: ("off", both[1][1:])) == ("off", [])
        assert await Counter.call(pid, "x") == ("off", [])
        Counter.cast(pid, ("go", "on"))
        assert await Counter.call(pid, "x") == ("on", [("enter", "off", "on")])

    run(main)


@pytest.mark.parametrize("wrong", [None, "off", ["on", []], ("on", [], 1)])
def test_replace_state_wants_both(run: Any, wrong: Any) -> None:
    async def main() -> None:
        pid = await Counter.start_link([])
        await wait_all_idle()
        before = await get_state(pid)
        with pytest.raises(BadArgument, match="state, data"):
            await replace_state(pid, lambda _: wrong)
        with pytest.raises(ZeroDivisionError):
            await replace_state(pid, lambda _: 1 / 0)
        assert await get_state(pid) == before

    run(main)


def test_get_status_shows_what_format_status_says(run: Any) -> None:
    class Secretive(Counter):
        @impl
        def format_status(self, state: str, data: Any) -> Any:
            return state, "hidden"

    async def main() -> None:
        pid = await Secretive.start_link([], name="s")
        status = await get_status(pid)
        assert (status.name, status.module, status.state) == ("s", Secretive, ("on", "hidden"))
        status = await get_status(await Counter.start_link([]))
        assert status.state == ("on", [("enter", "on", "on")])

    run(main)


def test_a_suspended_machine_keeps_its_events_and_answers_debuggers(run: Any) -> None:
    async def main() -> None:
        pid = await Counter.start_link([])
        await suspend(pid)
        Counter.cast(pid, 1)
        otp.send(pid, 2)
        await wait_all_idle()
        assert await get_state(pid) == ("on", [("enter", "on", "on")])
        assert (await get_status(pid)).status == "suspended"
        await resume(pid)
        assert await Counter.call(pid, "x") == ("on", [("enter", "on", "on"), 1, 2])

    run(main)


def test_a_suspended_machine_can_be_ended(run: Any) -> None:
    async def main() -> None:
        pid, ref = await Counter.start_monitor([])
        await suspend(pid)
        await terminate(pid, "enough")
        assert (await otp.receive(ref)).reason == "enough"

    run(main)


def test_the_observer_shows_state_and_data(run: Any) -> None:
    async def main() -> None:
        pid = await Counter.start_link([])
        await wait_all_idle()
        details = observer.process(pid.runtime, pid)
        assert details is not None
        assert details.state == "('on', [('enter', 'on', 'on')])"

    run(main)


# New code


def versions(second: Any) -> tuple[type[GenStateMachine[Any, Any]], type[GenStateMachine[Any, Any]]]:
    """Two classes of one name, as after a reload; `second` is `code_change` of the new one."""

    def make(**members: Any) -> type[GenStateMachine[Any, Any]]:
        return type("Counter", (Counter,), {"__module__": "counter", "__qualname__": "Counter", **members})

    return make(), make(code_change=second)


def old_one(cls: Any, *others: Any) -> Running:
    running = Running(Machine("on", [1], (cls, *others), timers={("timeout", "n"): "x"}), object())
    running.refs = {("timeout", "n"): object()}
    return running


def test_code_change_makes_state_and_data_of_the_new_version_and_keeps_the_rest() -> None:
    old, new = versions(lambda self, vsn, state, data, extra: MachineOk(f"{state}:{vsn}", [*data, extra]))
    before = old_one(old, Counter)
    after = server_of(new).code_change("v1", before, "extra").state
    assert (after.machine.state, after.machine.data) == ("on:v1", [1, "extra"])
    assert after.machine.modules == (new, Counter)
    assert after.machine.timers == before.machine.timers
    assert after.refs == before.refs
    assert (before.machine.state, before.machine.modules) == ("on", (old, Counter))


def test_code_change_may_wait_and_be_thrown() -> None:
    async def later(self: Any, vsn: Any, state: Any, data: Any, extra: Any) -> Any:
        raise otp.Throw(MachineOk("thrown", data))

    def throws(self: Any, vsn: Any, state: Any, data: Any, extra: Any) -> Any:
        raise otp.Throw(MachineOk("at once", data))

    old, new = versions(throws)
    assert server_of(new).code_change("v1", old_one(old), None).state.machine.state == "at once"

    async def main() -> Any:
        old, new = versions(later)
        return (await server_of(new).code_change("v1", old_one(old), None)).state.machine.state

    assert otp.run(main) == "thrown"


@pytest.mark.parametrize("answer", ["no", Stop("no"), None])
def test_code_change_refuses_with_what_it_returns(answer: Any) -> None:
    """gen_statem: anything but `{ok, NewState, NewData}` is the reason of the refusal."""
    old, new = versions(lambda self, *_: answer)
    with pytest.raises(Error) as error:
        server_of(new).code_change("v1", old_one(old), None)
    assert error.value.reason == answer


def test_the_default_code_change_keeps_state_and_data() -> None:
    assert server_of(Counter).code_change("v1", old_one(Counter), None).state.machine == old_one(Counter).machine


def test_a_machine_shows_itself_briefly() -> None:
    assert repr(old_one(Counter)) == "Running('on', [1])"
    assert NamedTimeout("n", 1).content is None
