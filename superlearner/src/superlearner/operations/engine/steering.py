"""Exceptions of supervisors, applications and registries, converted to errors of operations."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import otp
from otp import Pid, sentences
from superlearner.control.events import TraceEvent, facts_of
from superlearner.control.failures import explain_start
from superlearner.control.names import display_name
from superlearner.control.reasons import text_of_reason
from superlearner.control.supervising import NotRestartable
from superlearner.control.terms import clip, plain_pid
from superlearner.control.wrong_results import end_of_start
from superlearner.operations.context import Context
from superlearner.operations.failures import Detail, OperationError
from superlearner.operations.targets import answering, called

__all__ = ["refuse_paused", "starting", "steering"]


def refuse_paused(supervisor: Pid) -> None:
    """Refuse a request to a paused supervisor, which would wait for it without an end.

    Raises:
        OperationError: `conflict`.
    """
    if otp.process_info(supervisor, "status") == "suspended":
        raise OperationError(
            "conflict",
            f"{called(supervisor)} is paused: it starts, stops and restarts no child",
            hint="POST /api/v1/supervisors/{name}/resume resumes it",
        )


@contextmanager
def steering() -> Generator[None]:
    """Convert exceptions as `answering` does, and those of supervisors: invalid requests and conflicts."""
    try:
        with answering(), _refusals():
            yield
    except otp.Exit as error:
        if error.reason == "timeout":
            raise OperationError("timeout", "it did not end in time", hint="set a longer timeout_ms") from None
        raise OperationError("conflict", f"it ended with another reason: {text_of_reason(error.reason)}") from None


@contextmanager
def starting(ctx: Context, supervisor: Pid) -> Generator[None]:
    """Convert exceptions as `steering` does; a failed start also has its line, and the command that explains it."""
    try:
        with steering():
            yield
    except OperationError as error:
        if error.code != "start_failed" or (told := _last_failed_start(ctx, supervisor)) is None:
            raise
        where, end = facts_of(told).where, end_of_start(told)
        at = "" if "\n" in error.message else sentences.at_place(where, error.message)
        name = None if end is None else display_name(end.pid) or end.data.get("name") or plain_pid(end.pid)
        explains = ctx.command("restart.list") if name is None else ctx.command("error.why", name)
        hint = f"`{explains}` {'lists it' if name is None else 'explains it'}"
        raise OperationError(error.code, f"{error.message}{at}", hint=hint) from None


def _last_failed_start(ctx: Context, supervisor: Pid) -> TraceEvent | None:
    """Return the newest event of a supervisor about a failed start on request."""
    events = reversed(otp.trace.history(ctx.node))
    return next((one for one in events if one.kind == "start_failed" and one.pid is supervisor), None)


@contextmanager
def _refusals() -> Generator[None]:
    try:
        yield
    except NotRestartable as error:
        raise OperationError("conflict", str(error)) from None
    except otp.NotFound:
        raise OperationError(
            "child_not_found", "the supervisor has no such child", hint="see GET /api/v1/supervisors/{name}/children"
        ) from None
    except otp.AlreadyPresent:
        raise OperationError(
            "conflict", "the supervisor has a stopped child with this id", hint="restart or delete it"
        ) from None
    except otp.AlreadyStarted:
        raise
    except otp.StartError as error:
        raise _start_error(error) from None
    except otp.BadArgument as error:
        problem = clip(str(error), 1000)
        field, _, words = problem.removeprefix("ChildStart(").partition("=…): ")
        if words and field.isidentifier():
            raise OperationError("validation_error", f"{field}: {words}", details=[Detail(field, words)]) from None
        raise OperationError("validation_error", problem) from None


def _start_error(error: otp.StartError) -> OperationError:
    if isinstance(error, ValueError):  # InvalidChildSpec: a spec or a flag is wrong
        return OperationError("validation_error", clip(str(error), 1000))
    match error.reason:
        case "running":
            return OperationError("conflict", "the child is running", hint="terminate it first")
        case "restarting":
            return OperationError("conflict", "the child is restarting", hint="terminate it first")
        case "simple_one_for_one":
            return OperationError("conflict", "dynamic children cannot be restarted", hint="terminate it by its pid")
        case "max_children":
            return OperationError("conflict", "the supervisor has reached its max_children")
        case (reason, otp.ChildSpec()):
            return OperationError("start_failed", f"the child failed to start: {explain_start(reason)}")
        case reason:
            return OperationError("start_failed", f"the child failed to start: {explain_start(reason)}")
