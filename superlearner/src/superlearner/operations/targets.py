"""What a parameter names: processes and supervisors of a node, and the control layer's refusals as an operation's."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final

import otp
from otp import Pid, observer
from superlearner.control.names import is_critical, registered_name
from superlearner.control.reasons import text_of_reason
from superlearner.control.steer import MalformedPid, NotThere, Refused, Unanswered, resolve, resolve_supervisor
from superlearner.control.supervising import taken_along
from superlearner.control.terms import TooDeep, plain_pid, term_of_json
from superlearner.operations.context import Context
from superlearner.operations.failures import OperationError

__all__ = [
    "answering",
    "asking",
    "called",
    "feels",
    "process_of",
    "protect",
    "server_of",
    "supervisor_of",
    "term_of",
]

MOST_NAMED: Final = 100
"""Processes of one kind that are told of those who feel an end."""

LISTINGS: Final = {"process": "processes", "child": "supervisors/{name}/children"}
"""Where those of a kind are listed; all others are below the supervisors."""


def process_of(context: Context, text: str) -> Pid:
    """The living process that `text` names. Raises OperationError: `malformed_pid`, `process_not_found`."""
    with answering():
        return resolve(context.node, text)


def supervisor_of(context: Context, text: str) -> Pid:
    """The living supervisor that `text` names. Raises OperationError: `malformed_pid`, `supervisor_not_found`."""
    with answering():
        return resolve_supervisor(context.node, text)


def server_of(context: Context, text: str) -> Pid:
    """The living process of a behaviour that `text` names; a coroutine answers none of what `otp.sys` asks.

    Raises OperationError: as `process_of`, and `not_a_server`.
    """
    pid = process_of(context, text)
    found = observer.process(context.node, pid, messages=0, length=1, exits=0, related=0)
    if found is not None and found.kind == "coroutine":
        raise OperationError(
            "not_a_server",
            f"expected a behaviour, {called(pid)} is a plain function",
            hint="behaviours such as GenServer, Supervisor and Agent can be held, asked for their state and debugged",
        )
    return pid


def term_of(value: Any, field: str) -> Any:
    """A JSON value as the term that a process gets. Raises OperationError: `validation_error`, if it is too deep.

    Args:
        value: what came as `field`; a list becomes a tuple.
        field: the parameter, for the error.
    """
    try:
        return term_of_json(value)
    except TooDeep as error:
        raise OperationError("validation_error", f"{field}: {error}") from None


def protect(context: Context, pid: Pid, *, force: bool | None) -> None:
    """Refuse what would end a process that the platform needs; a dry run says that it takes force.

    Args:
        context: who asks for what.
        pid: the process.
        force: whether they insist; None where insisting is of no use.

    Raises:
        Refused: of `control.steer`.
    """
    if force or not is_critical(pid):
        return
    why = f"{called(pid)} keeps the platform alive"
    if force is None or not context.dry_run:
        raise Refused(why)
    context.takes_force = why


def called(pid: Pid) -> str:
    """A process in a sentence: its name and pid."""
    name = registered_name(pid)
    return plain_pid(pid) if name is None else f"{name} ({plain_pid(pid)})"


def feels(pid: Pid, reason: str | None = None) -> list[str]:
    """Who feels the end of a process: itself, all that are linked with it, and whom its supervisor restarts with it.

    Args:
        pid: the process that would end.
        reason: why; None if no supervisor has to deal with it.
    """
    links = (otp.process_info(pid, "links") or ())[:MOST_NAMED]
    along = [] if reason is None else taken_along(pid, reason)[:MOST_NAMED]
    return [called(one) for one in dict.fromkeys((pid, *links, *along))]


@contextmanager
def answering() -> Generator[None]:
    """Turn what the control layer raises into an operation's errors."""
    try:
        yield
    except MalformedPid as error:
        raise OperationError("malformed_pid", str(error), hint="see GET /api/v1/processes") from None
    except NotThere as error:
        listing = LISTINGS.get(error.kind, "supervisors")
        raise OperationError(f"{error.kind}_not_found", str(error), hint=f"see GET /api/v1/{listing}") from None
    except Refused as error:
        raise OperationError(
            "critical_process_protection", str(error), hint='to do it all the same, send {"force": true}'
        ) from None
    except Unanswered as error:
        raise OperationError("timeout", str(error), hint="a longer timeout_ms, or look what it is doing") from None
    except otp.NoProcess:
        raise OperationError("process_not_found", "the process has just ended") from None
    except otp.AlreadyStarted as error:
        raise OperationError("already_started", f"it runs already, as {error.pid}") from None
    except otp.StartError as error:
        raise OperationError("start_failed", f"it does not start: {text_of_reason(error.reason)}") from None
    except otp.CallTimeout:
        raise OperationError(
            "timeout", "it did not answer in time", hint="a longer timeout_ms, or look what it is doing"
        ) from None
    except otp.CallExit as error:
        reason = text_of_reason(error.cause_reason)
        raise OperationError("call_failed", f"the process ended before it answered: {reason}") from None


@contextmanager
def asking() -> Generator[None]:
    """As `answering`, for what `otp.sys` is asked: a process that hides its state refuses."""
    try:
        with answering():
            yield
    except otp.BadArgument as error:
        raise OperationError("sensitive_process", str(error), hint="the process hides its state on purpose") from None
