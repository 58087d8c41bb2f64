"""Processes and supervisors that parameters name, and the control layer's exceptions as errors of operations."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from itertools import islice
from typing import Any, Final

import otp
from otp import Pid, observer
from superlearner.control.names import display_name, has_critical_children, is_critical
from superlearner.control.reasons import text_of_reason
from superlearner.control.steer import MalformedPid, NotThere, Unanswered, child_id, resolve, resolve_supervisor
from superlearner.control.supervising import list_running, list_stopped_with, pid_of, text_of_record
from superlearner.control.terms import TooDeep, plain_pid, term_of_json
from superlearner.control.wrong_results import reason_of_last
from superlearner.operations.context import Context
from superlearner.operations.failures import OperationError

__all__ = [
    "answering",
    "asking",
    "called",
    "child_of",
    "feels",
    "permit",
    "process_of",
    "protect",
    "protect_child",
    "protect_children",
    "server_of",
    "supervisor_of",
    "term_of",
]

MOST_NAMED: Final = 100
"""Most processes listed as affected by an exit, of each relation."""

LISTINGS: Final = {
    "process": "GET /api/v1/processes",
    "child": "GET /api/v1/supervisors/{name}/children",
    "registry": "GET /api/v1/registries",
}
"""The path that lists targets of a kind; others are listed under `supervisors`."""


def process_of(context: Context, text: str) -> Pid:
    """Return the living process that `text` names. Raises OperationError: `malformed_pid`, `process_not_found`."""
    with answering():
        return resolve(context.node, text)


def supervisor_of(context: Context, text: str) -> Pid:
    """Return the living supervisor that `text` names.

    Raises:
        OperationError: `malformed_pid`, `supervisor_not_found`.
    """
    with answering():
        return resolve_supervisor(context.node, text)


def child_of(supervisor: Pid, text: str) -> str:
    """Return the displayed id of the child that `text` names, or its pid if it is dynamic.

    Raises:
        OperationError: `child_not_found`.
    """
    with answering():
        return text_of_record(supervisor, child_id(supervisor, text))


def server_of(context: Context, text: str) -> Pid:
    """Return the living behaviour process that `text` names; plain coroutines do not answer `otp.sys`.

    Raises:
        OperationError: as `process_of`, and `not_a_server`.
    """
    pid = process_of(context, text)
    found = observer.process(context.node, pid, messages=0, length=1, exits=0, related=0)
    if found is not None and found.kind == "coroutine":
        raise OperationError(
            "not_a_server",
            f"expected a behaviour, {called(pid)} is a plain function",
            hint="choose a process of a behaviour such as GenServer, Supervisor or Agent",
        )
    return pid


def term_of(value: Any, field: str) -> Any:
    """Convert a JSON value to the term that a process receives.

    Args:
        value: the value; lists become tuples.
        field: the parameter's name, for the error.

    Raises:
        OperationError: `validation_error`, if the value is nested too deeply.
    """
    try:
        return term_of_json(value)
    except TooDeep as error:
        raise OperationError("validation_error", f"{field}: {error}") from None


def protect(context: Context, pid: Pid, *, force: bool | None) -> None:
    """Protect a process of the platform, as `permit` does. Raises OperationError."""
    if is_critical(pid):
        permit(context, f"{called(pid)} keeps the platform alive", force=force)


def protect_children(context: Context, supervisor: Pid, *, force: bool) -> None:
    """Protect the children of a supervisor of the platform, as `permit` does. Raises OperationError."""
    if has_critical_children(supervisor):
        permit(context, f"the children of {called(supervisor)} keep the platform alive", force=force)


def protect_child(context: Context, supervisor: Pid, child: str, *, force: bool) -> None:
    """Protect a child of the platform, running or not, as `permit` does.

    Raises:
        NotThere: the supervisor has no such child.
        OperationError: it is protected.
    """
    pid = pid_of(supervisor, child_id(supervisor, child))
    if pid is not None:
        protect(context, pid, force=force)
    else:
        protect_children(context, supervisor, force=force)


def permit(context: Context, why: str, *, force: bool | None, hint: str = "") -> None:
    """Permit a change of the platform's own processes only with `force` and the `admin` scope.

    A dry run only notes what the operation needs.

    Args:
        context: the context of the operation.
        why: a sentence about the protected process.
        force: the `force` parameter; None if the operation has none, and is always refused.
        hint: an alternative, before the hint to use `force`.

    Raises:
        OperationError: `critical_process_protection` without `force`, `missing_scope` without `admin`.
    """
    if force is None:
        raise OperationError("critical_process_protection", why, hint="choose a process of your own")
    may = context.user.may("admin")
    if force and may:
        return
    if context.dry_run:
        context.takes_force = why
    elif not force:
        hint += 'to do it anyway, send {"force": true}' + ("" if may else " with the owner's credential")
        raise OperationError("critical_process_protection", why, hint=hint)
    else:
        raise context.missing_scope("to change a process of the platform itself", "admin")


def called(pid: Pid) -> str:
    """Return the name and pid of a process for a sentence."""
    name = display_name(pid)
    return plain_pid(pid) if name is None else f"{name} ({plain_pid(pid)})"


def feels(pid: Pid, reason: str | None = None) -> list[str]:
    """List the processes that an exit affects: itself, linked ones, siblings restarted with it, and all below those.

    Args:
        pid: the process that would exit.
        reason: the exit reason; None if no supervisor would react.
    """
    links = (otp.process_info(pid, "links") or ())[:MOST_NAMED]
    along = [] if reason is None else list_stopped_with(pid, reason)[:MOST_NAMED]
    below = [pid, *along]
    for one in below:  # grows meanwhile
        new = (child for child in list_running(one) if child not in below)
        below += list(islice(new, max(0, MOST_NAMED - len(below))))
    return [called(one) for one in dict.fromkeys((pid, *links, *along, *below))]


@contextmanager
def answering(pid: Pid | None = None) -> Generator[None]:
    """Convert exceptions of the control layer to errors of operations.

    Args:
        pid: the process that is called; of its end, the error has the callback, and why that returned nothing.
    """
    try:
        yield
    except MalformedPid as error:
        raise OperationError("malformed_pid", str(error), hint="see GET /api/v1/processes") from None
    except NotThere as error:
        listing = LISTINGS.get(error.kind, "GET /api/v1/supervisors")
        raise OperationError(f"{error.kind}_not_found", str(error), hint=f"see {listing}") from None
    except Unanswered as error:
        resume = f"POST /api/v1/processes/{error.suspended}/resume resumes it; it then handles the waiting messages"
        hint = (
            "set a longer timeout_ms, or see GET /api/v1/processes/{pid}/backtrace"
            if error.suspended is None
            else resume
        )
        raise OperationError("timeout", str(error), hint=hint) from None
    except otp.NoProcess:
        raise OperationError("process_not_found", "the process has just ended") from None
    except otp.AlreadyStarted as error:
        raise OperationError("already_started", f"it is already running, as {error.pid}") from None
    except otp.StartError as error:
        raise OperationError("start_failed", f"the child failed to start: {text_of_reason(error.reason)}") from None
    except otp.CallTimeout:
        raise OperationError(
            "timeout",
            "it did not answer in time",
            hint="set a longer timeout_ms, or see GET /api/v1/processes/{pid}/backtrace",
        ) from None
    except otp.CallExit as error:
        reason = text_of_reason(error.cause_reason) if pid is None else reason_of_last(pid, error.cause_reason)
        raise OperationError("call_failed", f"the process ended before it answered: {reason}") from None


@contextmanager
def asking() -> Generator[None]:
    """Convert exceptions as `answering` does, and refusals of `otp.sys` by processes that hide their state."""
    try:
        with answering():
            yield
    except otp.BadArgument as error:
        raise OperationError(
            "sensitive_process", str(error), hint="the process set the flag sensitive, which hides its state"
        ) from None
