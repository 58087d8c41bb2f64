"""Shared by the tests of state machines: a machine made from a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from otp import GenStateMachine, MachineOk, impl


@pytest.fixture
def machine() -> Callable[..., type[GenStateMachine[Any, Any]]]:
    """`machine(handle, first, enters=…, ends=…)`: a class whose callbacks are functions, see `machine_of`."""
    return machine_of


def machine_of(
    handle: Callable[..., Any], first: Any = None, *, enters: bool = False, ends: Callable[..., Any] | None = None
) -> type[GenStateMachine[Any, Any]]:
    """A class whose callbacks are functions: `handle(event, content, state, data)`, `ends(reason, state, data)`."""

    class Machine(GenStateMachine[Any, Any]):
        state_enter = enters

        @impl
        def init(self, arg: Any) -> Any:
            return MachineOk("a", arg) if first is None else first(arg) if callable(first) else first

        @impl
        def handle_event(self, event: Any, content: Any, state: Any, data: Any) -> Any:
            return handle(event, content, state, data)

        if ends is not None:

            @impl
            def terminate(self, reason: Any, state: Any, data: Any) -> Any:
                return ends(reason, state, data)

    return Machine
