"""Another class handles the events of a running machine, in its own mode, or ends it.

Source: Erlang/OTP, stdlib, `gen_statem`; gen_statem_SUITE.
"""

from __future__ import annotations

from typing import Any

import otp
from otp import (
    ChangeModule,
    GenStateMachine,
    KeepState,
    KeepStateAndData,
    MachineOk,
    NextState,
    PopModule,
    PushModule,
    RepeatState,
    impl,
)
from otp.sys import get_state, get_status


class Counting(GenStateMachine[Any, Any]):
    """Handles what is pushed upon it: counts, and pops."""

    state_enter = True

    @impl
    def init(self, arg: Any) -> Any: ...

    @impl
    def handle_event(self, event: Any, content: Any, state: Any, data: Any) -> Any:
        match event, content:
            case "enter", old:
                return KeepState((*data, ("enter", old, state)))
            case "cast", "back":
                return NextState("a", data, PopModule())
            case _:
                return RepeatState((*data, content))

    @impl
    def terminate(self, reason: Any, state: Any, data: Any) -> None:
        otp.send("obs", ("counting", reason, state))


def test_another_class_handles_events_in_its_own_mode(run: Any) -> None:
    """gen_statem_SUITE: change, push and pop of callback modules."""

    class Basis(GenStateMachine[Any, Any]):
        callback_mode = "state_functions"

        @impl
        def init(self, arg: Any) -> Any:
            return MachineOk("a", ())

        @impl
        def a(self, event: Any, content: Any, data: Any) -> Any:
            match content:
                case "push":
                    return NextState("b", (*data, "pushed"), PushModule(Counting))
                case "change":
                    return KeepState((*data, "changed"), ChangeModule(Counting))
                case _:
                    return KeepState((*data, "basis"))

    async def main() -> None:
        otp.register("obs", otp.self())
        pid = await Basis.start()
        for content in ("x", "push", "y", "back", "z", "change", "end"):
            Basis.cast(pid, content)
        state, data = await get_state(pid)
        assert state == "a"
        assert data == (
            "basis",
            "pushed",
            ("enter", "a", "b"),
            "y",
            ("enter", "b", "b"),
            "basis",
            "changed",
            "end",
            ("enter", "a", "a"),
        )
        assert (await get_status(pid)).module is Basis
        await GenStateMachine.stop(pid)
        assert await otp.receive() == ("counting", "normal", "a")

    run(main)


def test_a_class_that_cannot_take_over_ends_the_machine(run: Any, machine: Any) -> None:
    async def main() -> None:
        def handle(event: Any, content: Any, state: Any, data: Any) -> Any:
            return KeepStateAndData(content)

        for wrong in (ChangeModule(int), PushModule(otp.GenServer), PopModule()):
            pid = await machine(handle).start()
            GenStateMachine.cast(pid, wrong)
            assert await otp.wait_down(pid) == otp.Crash(("bad_action_from_state_function", wrong))

    run(main)
