"""The circuit breaker in front of the payment provider."""

from __future__ import annotations

from typing import Any

from otp import GenStateMachine, KeepState, MachineOk, NextState, ReplyTo, StateTimeout, impl

FAILURES = 5  # in a row, until it opens
PAUSE = 2.0  # seconds, until it lets one request try


class Breaker(GenStateMachine):
    """A machine that answers `"is_allowed"`; after each request, cast `"worked"` or `"failed"`."""

    callback_mode = "state_functions"

    @impl
    def init(self, arg: Any):
        return MachineOk("closed", 0)

    def closed(self, event: Any, content: Any, failures: int):
        match event, content:
            case ("call", caller), "is_allowed":
                return KeepState(failures, ReplyTo(caller, True))
            case "cast", "worked":
                return KeepState(0)
            case "cast", "failed" if failures + 1 < FAILURES:
                return KeepState(failures + 1)
            case "cast", "failed":
                return NextState("open", 0, StateTimeout(PAUSE, "try one"))

    def open(self, event: Any, content: Any, failures: int):
        match event, content:
            case ("call", caller), "is_allowed":
                return KeepState(failures, ReplyTo(caller, False))
            case "cast", "worked":
                return NextState("closed", 0)
            case "cast", "failed":
                return KeepState(failures)
            case "state_timeout", "try one":
                return NextState("half_open", 0)

    def half_open(self, event: Any, content: Any, failures: int):
        match event, content:
            case ("call", caller), "is_allowed":  # one request is allowed, the next one after another pause
                return NextState("open", 0, ReplyTo(caller, True), StateTimeout(PAUSE, "try one"))
            case "cast", "worked":
                return NextState("closed", 0)
            case "cast", "failed":
                return KeepState(failures)
