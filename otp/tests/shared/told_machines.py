"""Machines of OTP's gen_statem_SUITE, which follow instructions."""

from __future__ import annotations

from typing import Any

from otp import Exit, GenStateMachine, KeepStateAndData, MachineOk, ReplyTo, impl


def do(event: Any, content: Any, data: Any) -> Any:
    """Both machines: a function is the instruction; a call with anything else is answered with the data."""
    match event:
        case ("call", caller):
            return content(caller) if callable(content) else KeepStateAndData(ReplyTo(caller, (content, data)))
        case _:
            return content()


class Base(GenStateMachine[str, Any]):
    @impl
    def init(self, arg: Any) -> Any:
        return arg() if callable(arg) else MachineOk("idle", arg)

    @impl
    def terminate(self, reason: Any, state: str, data: Any) -> None:
        if data == "crash in terminate":
            raise Exit(("crash", "terminate"))

    @impl
    def format_status(self, state: str, data: Any) -> Any:
        return "formatted", state, data


class OneFunction(Base):
    @impl
    def handle_event(self, event: Any, content: Any, state: str, data: Any) -> Any:
        return do(event, content, data)
