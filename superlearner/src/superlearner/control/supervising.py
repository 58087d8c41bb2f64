"""Supervisors' data on themselves and their children, and their restarts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from types import FunctionType, MethodType
from typing import Any, Final

import otp
from otp import Pid, Supervisor
from otp.observer.prediction import Flags, Prediction, Sibling, predict
from otp.redaction import HIDDEN, hides, is_secret
from superlearner.control.slots import DYNAMIC, id_text
from superlearner.control.terms import is_a, plain_pid, text_of
from superlearner.control.tree import record_of, supervisor_state

__all__ = [
    "NotRestartable",
    "Step",
    "children_of",
    "flags_of",
    "list_running",
    "list_stopped_with",
    "pid_of",
    "predict_all",
    "restart_all",
    "restart_whole",
    "spec_of",
    "text_of_record",
]


MOST_READ: Final = 10_000
"""Limit of children for predictions; reading more would block the loop."""


@dataclass(frozen=True, slots=True)
class Step:
    """A supervisor, its child that ends, and its predicted reaction."""

    supervisor: Pid
    child: str
    flags: Flags
    found: Prediction
    untouched_count: int


class NotRestartable(Exception):
    """The supervisor cannot be restarted; the message gives reason and remedy."""


def flags_of(supervisor: Pid) -> Flags | None:
    """Return the flags of a supervisor, None if it is starting or has ended."""
    state = supervisor_state(supervisor)
    if state is None:
        return None
    used = state.used(round(otp.monotonic() * 1e9))
    return Flags(state.strategy, state.max_restarts, state.max_seconds, state.auto_shutdown, used)


def text_of_id(record: Any) -> str:
    """Return a child's displayed name: its id, or the pid of a dynamic child."""
    if record.id is not None:
        return id_text(record.id)
    return plain_pid(record.pid if record.pid is not None else record.old)


def text_of_record(supervisor: Pid, child: Any) -> str:
    """Return `text_of_id` of the child with that id, or that pid if dynamic."""
    state = supervisor_state(supervisor)
    if state is None:
        return text_of(child)
    for record in state.children:
        if record.pid is child or (record.id is not None and record.id is child):
            return _pid_text(record) if state.strategy in DYNAMIC else text_of_id(record)
    return child if is_a(child, str) else text_of(child)


def pid_of(supervisor: Pid, child: Any) -> Pid | None:
    """Return the running process of the child with that id, or a dynamic child's pid."""
    state = supervisor_state(supervisor)
    for record in () if state is None else state.children:
        if record.pid is not None and (record.pid is child or (record.id is not None and record.id is child)):
            return record.pid if otp.is_alive(record.pid) else None
    return None


def children_of(supervisor: Pid) -> list[tuple[Pid, str]]:
    """Return a supervisor's running children in start order, with displayed names."""
    return [(one.pid, text_of_id(one)) for one in _running(supervisor)]


def list_running(supervisor: Pid) -> Iterator[Pid]:
    """Yield a supervisor's running children in start order, none for another process."""
    return (one.pid for one in _running(supervisor))


def _running(supervisor: Pid) -> Iterator[Any]:
    state = supervisor_state(supervisor)
    records = () if state is None else state.children
    return (one for one in records if one.pid is not None and otp.is_alive(one.pid))


def siblings_of(supervisor: Pid, child: str) -> list[Sibling]:
    """Return a supervisor's children in start order.

    For a dynamic supervisor only the given child: its siblings are not affected.
    """
    state = supervisor_state(supervisor)
    if state is None:
        return []
    dynamic = state.strategy in DYNAMIC
    found: list[Sibling] = []
    for record in state.children:
        shown = _pid_text(record) if dynamic else text_of_id(record)
        if dynamic and shown != child:
            continue
        running = record.pid is not None and otp.is_alive(record.pid)
        found.append(Sibling(shown, record.spec.restart, running, bool(record.spec.significant)))
    return found


def _pid_text(record: Any) -> str:
    return plain_pid(record.pid if record.pid is not None else record.old)


def predict_all(supervisor: Pid, child: str, reason: str, strategy: str | None = None) -> list[Step]:
    """Predict the effects of a child's end, upwards until a supervisor survives it.

    Args:
        supervisor: a living supervisor.
        child: the displayed name of its child.
        reason: the child's exit reason.
        strategy: a strategy to assume for the first supervisor instead of its own.
    """
    steps: list[Step] = []
    at, ended, why = supervisor, child, reason
    while True:
        flags = flags_of(at)
        siblings = siblings_of(at, ended)
        if flags is None or all(one.id != ended for one in siblings):
            return steps
        if strategy is not None and not steps:
            flags = replace(flags, strategy=strategy)
        found = predict(flags, siblings, ended, why)
        state = supervisor_state(at)
        unseen = 0 if state is None else len(state) - len(siblings)
        steps.append(Step(at, ended, flags, found, len(found.untouched) + unseen))
        above = otp.process_info(at, "parent")
        record = record_of(at)
        if not found.ends_supervisor or above is None or record is None:
            return steps
        state = supervisor_state(above)
        dynamic = state is not None and state.strategy in DYNAMIC
        at, ended, why = above, _pid_text(record) if dynamic else text_of_id(record), "shutdown"


def list_stopped_with(pid: Pid, reason: str) -> list[Pid]:
    """Return the running processes that supervisors would stop if a process ended.

    Most of them restart with it. The list is empty if the process is not a child of a supervisor.

    Args:
        pid: the process that ends.
        reason: its exit reason.
    """
    above, record = otp.process_info(pid, "parent"), record_of(pid)
    state = None if above is None else supervisor_state(above)
    if above is None or record is None or state is None or len(state) > MOST_READ:
        return []
    child = _pid_text(record) if state.strategy in DYNAMIC else text_of_id(record)
    found: list[Pid] = []
    for step in predict_all(above, child, reason):
        running = {name: one for one, name in children_of(step.supervisor)} if step.found.stopped else {}
        found += [running[name] for name in step.found.stopped if name in running]
    return found


def spec_of(supervisor: Pid, child: Any) -> dict[str, Any] | None:
    """Return the spec of a child as bounded text, from the supervisor's table."""
    state = supervisor_state(supervisor)
    for record in () if state is None else state.children:
        if record.id is child if record.id is not None else record.pid is child:
            spec = record.spec
            return {
                "id": text_of_id(record),
                "start": _start_text(spec.start),
                "restart": spec.restart,
                "shutdown": spec.shutdown if is_a(spec.shutdown, int, float) else str(spec.shutdown),
                "type": spec.type,
                "significant": bool(spec.significant),
                "modules": _modules_text(spec.modules),
            }
    return None


def _start_text(start: Any) -> str:
    if type(start) is partial:
        function, given, named = start.func, start.args, start.keywords
    elif is_a(start, tuple) and start:
        function, given, named = start[0], start[1:], {}
    else:
        return text_of(start, 500)
    shown = [text_of(argument, 200) for argument in islice(given, 20)]
    shown += [
        f"{name}={HIDDEN if hides(is_secret, name, named[name]) else text_of(named[name], 200)}"
        for name in islice(named, 20)
    ]
    return f"{_function_text(function)}({', '.join(shown)})"


def _function_text(function: Any) -> str:
    if type(function) is not MethodType:
        return function.__name__ if type(function) is FunctionType else text_of(function, 200)
    owner = function.__self__
    return f"{id_text(owner)}.{function.__name__}" if is_a(owner, type) else function.__name__


def _modules_text(modules: Any) -> list[str]:
    if not is_a(modules, tuple, list):
        return [] if modules is None else [text_of(modules, 200)]
    return [id_text(one) for one in islice(modules, 20)]


async def restart_all(
    supervisor: Pid, about_to: Callable[[], None]
) -> list[tuple[str, Pid | None, otp.StartError | None]]:
    """Stop all children in reverse order and start them in order, as one_for_all does.

    The supervisor itself keeps running. Temporary children are not restarted. Returns each child with its new pid or
    start error. `about_to` is called after the checks.

    Raises:
        NotRestartable: the supervisor is dynamic; its children have no slots to be restarted in.
    """
    state = supervisor_state(supervisor)
    if state is None or state.strategy in DYNAMIC:
        raise NotRestartable("children of a dynamic supervisor cannot be restarted one by one; try mode hard")
    about_to()
    records = list(state.children)
    for record in reversed(records):
        await Supervisor.terminate_child(supervisor, record.id)
    outcome: list[tuple[str, Pid | None, otp.StartError | None]] = []
    for record in records:
        if record.spec.restart == "temporary":
            continue
        try:
            started: Any = await Supervisor.restart_child(supervisor, record.id)
        except otp.StartError as error:
            outcome.append((text_of_id(record), None, error))
        else:
            found = started[0] if is_a(started, tuple) else started
            outcome.append((text_of_id(record), found if isinstance(found, Pid) else None, None))
    return outcome


def above_of(supervisor: Pid) -> tuple[Pid, Any]:
    """Return the supervisor of a supervisor, and its child id there.

    Raises:
        NotRestartable: it has no supervisor that could restart it.
    """
    above, record = otp.process_info(supervisor, "parent"), record_of(supervisor)
    state = None if above is None else supervisor_state(above)
    if above is None or record is None or state is None:
        raise NotRestartable("it has no supervisor that could restart it; try mode soft")
    if state.strategy in DYNAMIC or record.spec.restart == "temporary":
        raise NotRestartable("its supervisor does not keep its slot (dynamic or temporary); try mode soft")
    return above, record.id


async def restart_whole(supervisor: Pid, about_to: Callable[[], None]) -> Pid | None:
    """Let its own supervisor stop and restart a supervisor with all its descendants.

    Returns the new pid. `about_to` is called after the checks.

    Raises:
        NotRestartable: it has no supervisor that could restart it.
        StartError: the restart failed.
    """
    above, id = above_of(supervisor)
    about_to()
    await Supervisor.terminate_child(above, id)
    started: Any = await Supervisor.restart_child(above, id)
    found = started[0] if is_a(started, tuple) else started
    return found if isinstance(found, Pid) else None
