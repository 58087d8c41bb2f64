"""Execution of an operation: scope, parameters, dry run, audit and telemetry, the same for every interface."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, Final

from pydantic import ValidationError

from superlearner.base.identifiers import OF_KEYWORDS
from superlearner.base.shortage import shortage_of
from superlearner.base.telemetry import Telemetry
from superlearner.base.validation import describe_problems
from superlearner.control.steer import looks_like_pid
from superlearner.control.terms import clip, text_of
from superlearner.nodes.nodes import WatchedNode
from superlearner.operations.context import Context, DryRun
from superlearner.operations.declaration import THINGS, Answer, Download, Operation, Paged
from superlearner.operations.engine.audit import AuditLog, redact_parameters
from superlearner.operations.engine.elsewhere import MOST_ASKED, ask_briefly, describe_elsewhere
from superlearner.operations.engine.forwarding import LONGEST_S, forward
from superlearner.operations.engine.give_up_notes import Ask, add_give_up, describe_empty
from superlearner.operations.engine.registry import Registry
from superlearner.operations.engine.routes import ROUTE, filled
from superlearner.operations.engine.seams import LivePages, Ownership
from superlearner.operations.engine.services import Services
from superlearner.operations.failures import Detail, OperationError
from superlearner.operations.rights.users import NODE_SCOPES

__all__ = ["ask", "checked", "execute", "refuse_without_scope", "run"]

LONGEST: Final = 500
REFUSALS: Final = frozenset({"missing_scope", "critical_process_protection", "sensitive_process", "eval_not_allowed"})
"""Outcomes that the audit log has of all operations, not only of those that change something."""
SHOWN_BY: Final = {
    "process_not_found": ("process.info", "pid"),
    "supervisor_not_found": ("supervisor.info", "name"),
    "trace_not_found": ("trace.info", "trace_id"),
}
"""By code of the error: the operation that looks for the same on a node, and the parameter with its name."""
UNSURE: Final = re.compile("; did you mean |, and no process with this pid ")
"""The beginning of the suggestions in an error, which are left out if another node has what was asked for."""
AFTER_NAME: Final = re.compile(r"(?=; did you mean | \(|$)")
"""The place for the node in such an error."""
LONGEST_NAME: Final = 200
BY_LINK: Final = "link"
"""The interface of a request that a platform sends to a node in another program."""


def _show(services: Services, context: Context) -> None:
    """Show a change on the pages before the next frame is due; a remote node does so itself."""
    found = context.nodes.find(context.on)
    if isinstance(found, WatchedNode):
        services.get(LivePages).hurry(found.node)


def checked(operation: Operation, given: Mapping[str, Any]) -> dict[str, Any]:
    """Validate JSON values and return the parameters of an operation.

    Raises:
        OperationError: `validation_error`, with a detail for each problem.
    """
    try:
        model = operation.model.model_validate(dict(given))
    except ValidationError as error:
        found = describe_problems(error.errors(), lambda value: text_of(value, 100))
        details = [Detail(".".join(place) or "parameters", words, hint) for place, words, hint in found]
        first = details[0]
        raise OperationError("validation_error", f"{first.field}: {first.problem}", details=details) from None
    return {one.name: getattr(model, one.name) for one in operation.parameters}


async def ask(ctx: Context, services: Services, name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer of another operation for the same user and node.

    Raises:
        OperationError: the operation failed or was refused.
    """
    found = services.get(Registry).known(name)
    return (await run(services, found, ctx, checked(found, parameters))).data


def refuse_without_scope(
    services: Services, operation: Operation, context: Context, parameters: Mapping[str, Any]
) -> None:
    """Refuse a user without the scope before their parameters are validated.

    Interfaces that validate parameters call this first, so that the errors reveal nothing. `parameters` are those
    known so far, for the audit log.

    Raises:
        OperationError: `missing_scope`.
    """
    if not _may(operation, context):
        raise _missing_scope(services, operation, context, parameters)


async def execute(services: Services, operation: Operation, context: Context, parameters: Mapping[str, Any]) -> Answer:
    """Run an operation with checked parameters; if the request named no node, the answer also describes other nodes.

    Args:
        services: those of the platform; the operation gets what its signature names.
        operation: the operation.
        context: the request's user, node and interface.
        parameters: as `checked` returns them.

    Raises:
        OperationError: the operation failed or was refused.
    """
    try:
        answer = await run(services, operation, context, parameters)
    except OperationError as error:
        await _explain_absence(services, operation, context, parameters, error)
        raise
    if context.claims == "page" or operation.streams or isinstance(answer.data, Download):
        return answer  # a page shows which node it is about

    async def ask_on(node: str) -> Answer:
        return await run(services, operation, context.on_node(node), checked(operation, {}))

    beside = await describe_elsewhere(context, operation, parameters, ask_on)
    if context.door != BY_LINK and (
        note := await describe_empty(operation, parameters, answer, _asks_on_node(services, context))
    ):
        beside = {"note": note, **beside}
    return replace(answer, meta={**(answer.meta or {}), **beside}) if beside else answer


async def run(services: Services, operation: Operation, context: Context, parameters: Mapping[str, Any]) -> Answer:
    """Run an operation as `execute` does, without a word about other nodes or about supervisors that gave up."""
    if context.on is None and operation.on_node and not context.user.only_own:
        context.on = _find_default_node(operation, context)
    if not _may(operation, context):
        raise _missing_scope(services, operation, context, parameters)
    begun = time.perf_counter_ns()
    outcome = "internal_error"
    limit = asyncio.timeout(None if "timeout_ms" in parameters else LONGEST_S)
    try:
        async with limit:
            if _depends_on_owner(operation, context):
                await services.get(Ownership).admit(operation, context, parameters)
            _check_node(operation, context)
            _check_choice(operation, context)
            _check_period(parameters)
            remote = None if operation.here or not operation.on_node else context.remote
            if remote is not None:
                answer = await forward(operation, context, remote, parameters)
                outcome = "ok"
                return answer
            given = {OF_KEYWORDS.get(name, name): value for name, value in parameters.items()}
            result = await operation.function(*services.arguments(operation, context), **given)
        if operation.changes and not context.announced:
            raise RuntimeError(
                f"{operation.name} changed something without ctx.about_to; this is a bug, please report it"
            )
        outcome = "ok"
        if operation.changes and operation.on_node and context.claims == "page":
            _show(services, context)
    except DryRun as dry:
        outcome = "dry_run"
        return Answer({"dry_run": True, "would": dry.would, "affects": list(dry.affects)})
    except TimeoutError:
        if not limit.expired():
            raise
        outcome = "timeout"
        raise OperationError(
            "timeout",
            f"{operation.name} did not answer within {LONGEST_S:g} s; the request may still complete",
            hint="check for suspended or stuck processes: GET /api/v1/system/anomalies",
        ) from None
    except OperationError as error:
        outcome = error.code
        _fill_routes(services, operation, context, parameters, error)
        raise
    except OSError as error:
        lacking = shortage_of(error)
        if lacking is None:
            raise
        outcome = "service_unavailable"
        raise OperationError(
            outcome,
            clip(f"{operation.name} cannot run now, this machine does not have enough {lacking}: {error}", LONGEST),
            hint="try again, or end what is no longer needed",
        ) from error
    finally:
        _account(services, operation, context, parameters, time.perf_counter_ns() - begun, outcome)
    if operation.streams:
        return Answer(None, stream=result)
    if isinstance(result, Download):
        return Answer(result)
    if operation.paged:
        page: Paged[Any] = result
        return Answer(operation.encode.dump_python(page.items, mode="json", exclude_unset=True), _meta(page))
    return Answer(operation.encode.dump_python(result, mode="json", exclude_unset=True))


async def _explain_absence(
    services: Services, operation: Operation, context: Context, parameters: Mapping[str, Any], error: OperationError
) -> None:
    """Say in the error about a missed process where it is, or that it gave up."""
    named_none = error.code in SHOWN_BY and context.asked is None
    if named_none and await _name_other_node(services, context, parameters, error):
        return
    if context.door == BY_LINK or context.conceals:  # the platform has stored more than the node knows
        return
    if await add_give_up(parameters, error, _asks_on_node(services, context)):
        _fill_routes(services, operation, context, parameters, error)


def _asks_on_node(services: Services, context: Context) -> Ask:
    """Return a function that asks another operation about the node of a request, even if the request named none."""
    return partial(ask, context.on_node(context.on or context.home.name), services)


async def _name_other_node(
    services: Services, context: Context, parameters: Mapping[str, Any], error: OperationError
) -> bool:
    """Name the node that has this process or trace, if another node has it; return whether one has.

    Name the only service in the error if it was asked, and no node has it.
    """
    shown_by, key = SHOWN_BY[error.code]
    # the trace of a process is found by its name, too
    field = next((one for one in (key, "pid", "root") if one in parameters), key)
    name = parameters.get(field)
    if not isinstance(name, str) or looks_like_pid(name):  # processes of several nodes may have one pid
        return False
    shows = services.get(Registry).known(shown_by)

    async def has(node: str) -> bool:
        try:
            asked = checked(shows, {key: name})
            await ask_briefly(context, node, lambda: run(services, shows, context.on_node(node), asked))
        except (OperationError, TimeoutError):
            return False
        return True

    here = context.on or context.home.name
    others = [one.name for one in context.nodes if one.name != here and context.user.sees(one.owner)][:MOST_ASKED]
    answers = await asyncio.gather(*(has(node) for node in others))
    found = next((node for node, there in zip(others, answers, strict=True) if there), None)
    if found is not None:
        where = f"{found} has one" if key == "trace_id" else f"it is on {found}"  # each node counts its own traces
        error.message = f"{UNSURE.split(error.message)[0]} on {here}; {where}"
        error.details = (Detail(field, error.message, f"--node {found} selects its node"),)
    elif here == context.nodes.find_only_service():
        error.message = AFTER_NAME.sub(f" on {here}", error.message, count=1)
    return found is not None


def _fill_routes(
    services: Services, operation: Operation, context: Context, parameters: Mapping[str, Any], error: OperationError
) -> None:
    """Fill in the routes in the hints of an error, from the parameters of the request and its node."""
    if not any(one.hint is not None and ROUTE.search(one.hint) for one in error.details):
        return
    routes = services.get(Registry).routes
    node = context.nodes.option_of(context.on) if operation.on_node else None

    def acts_on_node(method: str, target: str) -> bool:
        found = routes.find(method, target)
        other = None if found is None else services.get(Registry).get(found.name)
        return other is not None and other.on_node

    error.details = tuple(
        one if one.hint is None else replace(one, hint=filled(one.hint, parameters, node, acts_on_node))
        for one in error.details
    )


def _find_default_node(operation: Operation, context: Context) -> str | None:
    """Return the default node; None for an operation that runs in the platform while that node is down.

    It is the only service beside a platform without a tree, except on a page, which shows its node.
    """
    nodes = context.nodes
    service = None if context.claims == "page" else nodes.find_only_service()
    default = service or nodes.default
    return None if operation.here and not operation.outlives and nodes.find(default) is None else default


def _check_node(operation: Operation, context: Context) -> None:
    """Check that the named node exists, and that the operation acts on nodes."""
    if context.on is None:
        return
    if operation.on_node:
        if not operation.outlives:
            _ = context.found
    elif context.on != context.home.name:
        raise OperationError(
            "validation_error",
            f"node: expected none, {operation.name} applies to the platform itself",
            hint="leave it out",
        )


def _check_choice(operation: Operation, context: Context) -> None:
    """Check that a change names its node if it might be meant for several: the default node may have become another."""
    nodes = context.nodes
    if context.asked is not None or context.claims == "page" or not (operation.changes and operation.on_node):
        return
    services = [] if context.user.only_own else nodes.find_services()
    if services and nodes.find_only_service() is None:
        names = ", ".join([*services, context.home.name])
        raise OperationError(
            "validation_error",
            f"node: expected a name, got none: {operation.name} may be meant for {names}",
            hint="add --node with one of these names",
        )


def _may(operation: Operation, context: Context) -> bool:
    """Return whether the user may call the operation, perhaps only on things of theirs: then `Ownership` decides."""
    user = context.user
    if operation.of == "everyone" or user.may(operation.scope):
        return True
    if "own" not in user.scopes or operation.of == "platform":
        return False
    if operation.of == "user" or operation.of in THINGS:
        return True
    if user.only_own and context.owner != user.name:  # their home, or a node that does not exist for them
        return operation.scope in NODE_SCOPES
    return user.may(operation.scope, context.owner)


def _depends_on_owner(operation: Operation, context: Context) -> bool:
    """Return whether the things that the request names decide."""
    return context.user.only_own or (operation.of in THINGS and not context.user.may(operation.scope))


def _missing_scope(
    services: Services, operation: Operation, context: Context, parameters: Mapping[str, Any]
) -> OperationError:
    error = context.missing_scope(operation.name, operation.scope)
    _account(services, operation, context, parameters, 0, error.code)
    return error


def _meta(page: Paged[Any]) -> dict[str, Any]:
    pages = -(-page.total // page.per_page)
    why = {name: value for name, value in (("note", page.note), ("since", page.since)) if value is not None}
    return {"total": page.total, "page": page.page, "per_page": page.per_page, "total_pages": pages, **why}


def _check_period(parameters: Mapping[str, Any]) -> None:
    """Raise OperationError if a period ends before it begins."""
    since, until = parameters.get("since"), parameters.get("until")
    if isinstance(since, float) and isinstance(until, float) and since > until:
        times = [f"{datetime.fromtimestamp(one):%Y-%m-%d %H:%M:%S}" for one in (since, until)]
        problem = f"expected a time before until ({times[1]}), got {times[0]}"
        raise OperationError(
            "validation_error", f"since: {problem}", details=[Detail(None, problem, "exchange since and until")]
        )


def _account(
    services: Services,
    operation: Operation,
    context: Context,
    parameters: Mapping[str, Any],
    took_ns: int,
    outcome: str,
) -> None:
    """Report every execution to telemetry, and each change and each refusal to the audit log."""
    telemetry, audit = services.get(Telemetry), services.get(AuditLog)
    telemetry.execute(
        "operation.stop",
        {"duration": took_ns / 1e9},
        {"operation": operation.name, "door": context.claims, "outcome": outcome},
    )
    refused = outcome in REFUSALS or (context.conceals and outcome != "ok")
    if refused or (operation.changes and outcome != "dry_run"):
        audit.record(
            user=context.user.name,
            door=context.door,
            claims=context.claims,
            operation=operation.name,
            parameters=redact_parameters(parameters),
            did=context.announced[-1] if context.announced else None,
            outcome=outcome,
            duration=took_ns / 1e9,
            node=_node_of(operation, context),
        )


def _node_of(operation: Operation, context: Context) -> str | None:
    """Return the requested node for the audit log, even if there is no such node."""
    if not operation.on_node:
        return None
    return clip(context.home.name if context.on is None else context.on, LONGEST_NAME)
