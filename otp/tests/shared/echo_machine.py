"""A state machine that keeps what it is sent, and returns it with its state on request."""

from __future__ import annotations

from typing import Any

from otp import KeepState, ReplyTo


def echo(event: Any, content: Any, state: Any, data: Any) -> Any:
    match event:
        case ("call", caller):
            return KeepState(data, ReplyTo(caller, (content, state, data)))
        case _:
            return KeepState(content)
