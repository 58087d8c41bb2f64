"""The class of a state machine, and the mode in which its states are functions.

Source: Erlang/OTP, stdlib, `gen_statem`; gen_statem_SUITE. What is called observed was seen on OTP 25.
"""

from __future__ import annotations

from typing import Any

import pytest

import otp
from echo_machine import echo
from otp import GenStateMachine, KeepState, KeepStateAndData, MachineOk, NextState, Postpone, ReplyTo, Supervisor, impl
from otp.behaviours.server.behaviour import MissingCallback
from otp.sys import get_state
from otp.testing import wait_all_idle


class Door(GenStateMachine[str, Any]):
    """States are functions; the code is in the data."""

    callback_mode = "state_functions"

    @impl
    def init(self, code: Any) -> Any:
        return MachineOk("locked", code)

    @impl
    def locked(self, event: Any, content: Any, data: Any) -> Any:
        match event:
            case ("call", caller) if content == data:
                return NextState("open", data, ReplyTo(caller, "welcome"))
            case ("call", caller):
                return KeepStateAndData(ReplyTo(caller, "wrong"))
            case _:
                return KeepStateAndData(Postpone())

    @impl
    def open(self, event: Any, content: Any, data: Any) -> Any:
        match event:
            case "cast":
                return NextState("locked", content)
            case ("call", caller):
                return KeepStateAndData(ReplyTo(caller, "come in"))
            case _:
                return KeepStateAndData()


def test_a_machine_is_a_child_like_any_other(run: Any, machine: Any) -> None:
    async def main() -> None:
        tree = await Supervisor.start_link_children([Door.child_spec("1", name="door"), (machine(echo), 4)])
        assert [info.type for info in await Supervisor.which_children(tree)] == ["worker", "worker"]
        first = otp.whereis("door")
        assert first is not None
        otp.exit(first, "kill")
        await wait_all_idle()
        second = otp.whereis("door")
        assert second not in (None, first)
        assert await Door.call("door", "1") == "welcome"

    run(main)


def test_a_class_without_init_or_without_the_callback_of_its_mode_does_not_start(run: Any) -> None:
    class NoInit(GenStateMachine[Any, Any]):
        @impl
        def handle_event(self, event: Any, content: Any, state: Any, data: Any) -> Any: ...

    class NoHandler(GenStateMachine[Any, Any]):
        @impl
        def init(self, arg: Any) -> Any: ...

    async def main() -> None:
        for cls, missing in ((NoInit, "init"), (NoHandler, "handle_event")):
            with pytest.raises(MissingCallback, match=missing):
                await cls.start()

    run(main)


def test_a_wrong_mode_fails_when_the_class_is_made() -> None:
    with pytest.raises(TypeError, match="callback_mode"):
        type("M", (GenStateMachine,), {"callback_mode": "state_function"})
    with pytest.raises(TypeError, match="state_enter"):
        type("M", (GenStateMachine,), {"state_enter": "yes"})


def test_impl_above_a_state_needs_the_mode_of_state_functions() -> None:
    with pytest.raises(TypeError, match="state_functions"):

        class _Door(GenStateMachine[Any, Any]):
            @impl
            def locked(self, event: Any, content: Any, data: Any) -> Any: ...

    with pytest.raises(TypeError, match="'_locked'"):

        class _Private(Door):
            @impl
            def _locked(self, event: Any, content: Any, data: Any) -> Any: ...

    with pytest.raises(TypeError, match="did you mean 'terminate'"):

        class _Typo(GenStateMachine[Any, Any]):
            @impl
            def terminat(self, reason: Any, state: Any, data: Any) -> Any: ...


def test_the_contract_can_be_asked_for() -> None:
    assert Door.behaviour_info("callbacks") == [
        ("init", 1),
        ("handle_event", 4),
        ("terminate", 3),
        ("code_change", 4),
        ("format_status", 2),
    ]


def test_states_are_functions(run: Any) -> None:
    async def main() -> None:
        door = await Door.start_link("1234")
        assert await Door.call(door, "0000") == "wrong"
        assert await Door.call(door, "1234") == "welcome"
        assert await Door.call(door, "1234") == "come in"
        Door.cast(door, "new")
        assert await Door.call(door, "1234") == "wrong"
        assert await get_state(door) == ("locked", "new")

    run(main)


def test_a_state_may_have_the_name_of_a_function_of_the_client(run: Any) -> None:
    class Player(GenStateMachine[str, int]):
        callback_mode = "state_functions"

        @impl
        def init(self, arg: Any) -> Any:
            return MachineOk("stop", 0)

        @impl
        def stop(self, event: Any, content: Any, data: Any) -> Any:
            return KeepState(data + 1)

    async def main() -> None:
        pid = await Player.start_link()
        Player.cast(pid, "x")
        assert await get_state(pid) == ("stop", 1)
        await GenStateMachine.stop(pid)

    run(main)


@pytest.mark.parametrize(
    ("state", "reason"),
    [("nowhere", "undef"), ("terminate", "undef"), ("call", "undef"), ("__init__", "undef"), (("a", 1), "badarg")],
)
def test_a_state_that_is_no_function_ends_the_machine(run: Any, state: Any, reason: str) -> None:
    """Observed: `undef` for an atom, `badarg` for anything else; the machine has changed its state already."""
    ends: list[Any] = []

    class Lost(Door):
        @impl
        def open(self, event: Any, content: Any, data: Any) -> Any:
            return NextState(state, data)

        @impl
        def terminate(self, reason: Any, state: Any, data: Any) -> None:
            ends.append((reason, state))

    async def main() -> None:
        pid = await Lost.start("1")
        await Lost.call(pid, "1")
        Lost.cast(pid, "go")
        Lost.cast(pid, "and now")
        assert await otp.wait_down(pid) == otp.Crash(reason)
        assert ends == [(reason, state)]
        ends.clear()

    run(main)


def test_an_event_that_matches_no_case_ends_the_machine_and_the_report_says_so(
    run: Any, caplog: pytest.LogCaptureFixture
) -> None:
    class Narrow(Door):
        @impl
        def locked(self, event: Any, content: Any, data: Any) -> Any:
            match event:
                case "info":
                    return KeepStateAndData()

    async def main() -> None:
        pid = await Narrow.start("1", name="narrow")
        Narrow.cast(pid, "what")
        assert await otp.wait_down(pid) == otp.Crash(("bad_return_from_state_function", None))

    run(main)
    assert "Narrow.locked('cast', 'what'), state 'locked'" in caplog.text
    assert "no case match" in caplog.text


def test_a_call_may_be_postponed(run: Any) -> None:
    async def main() -> None:
        door = await Door.start_link("1")
        otp.send(door, "postponed")
        await Door.call(door, "1")
        assert await Door.call(door, "x") == "come in"

    run(main)
