"""Changing the flags and specs of a running supervisor, without starting or stopping children.

Source: OTP's `supervisor.erl`, `code_change/3` and `update_childspec`.
"""

from __future__ import annotations

from typing import Any

from otp.behaviours.server.child_spec import Children
from otp.behaviours.supervisor.dynamic_state import DynamicState
from otp.behaviours.supervisor.spec_check import SpecError, check_all, check_flags, check_spec
from otp.behaviours.supervisor.state import SupervisorState
from otp.kernel.values.errors import Error
from otp.kernel.values.process import Process

__all__ = ["change_flags", "replace_children"]

State = SupervisorState | DynamicState

FLAGS = ("strategy", "max_restarts", "max_seconds", "auto_shutdown")


def change_flags(me: Process, state: State, changes: dict[str, Any]) -> tuple[str, Any]:
    """Change some flags; children and counted restarts are kept."""
    now = {name: getattr(state, name) for name in FLAGS}
    if isinstance(state, DynamicState):
        now["strategy"] = "simple_one_for_one"
        if changes.get("strategy", now["strategy"]) != now["strategy"]:
            return ("error", ("supervisor_data", ("invalid_strategy", changes["strategy"])))
    flags = Children([], **{**now, **changes})
    try:
        check_flags(flags)
        if flags.strategy == "simple_one_for_one" and isinstance(state, SupervisorState):
            raise SpecError(("invalid_strategy", flags.strategy))
        for record in state.children:
            check_spec(record.spec, flags.auto_shutdown)
    except SpecError as error:
        return ("error", ("supervisor_data", error.reason))
    _take_over(me, state, flags)
    return ("ok", None)


def replace_children(me: Process, state: State, children: Children) -> None:
    """Apply the result of a new version of the class's `init`; raises `Error` to refuse."""
    dynamic = isinstance(state, DynamicState)
    try:
        check_flags(children)
        if dynamic != (children.strategy == "simple_one_for_one"):
            raise SpecError(("invalid_strategy", children.strategy))
        specs = check_all(children.children, children.auto_shutdown)
        if dynamic and len(specs) != 1:
            raise SpecError(("bad_start_spec", children.children))
    except SpecError as error:
        raise Error(error.reason) from None
    _take_over(me, state, children)
    if isinstance(state, DynamicState):
        state.template = specs[0]
    else:
        state.replace_specs(specs)


def _take_over(me: Process, state: State, flags: Children) -> None:
    before = {name: getattr(state, name) for name in FLAGS}
    state.change(flags)
    after = {name: getattr(state, name) for name in FLAGS}
    if after != before:
        me.runtime.tracer.emit("strategy_changed", me, {"before": before, **after})
