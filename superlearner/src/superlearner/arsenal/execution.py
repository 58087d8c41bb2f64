"""Running one operation: scope, parameters, dry run, audit, telemetry. The same for every door."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from superlearner.arsenal.context import Context, DryRun
from superlearner.arsenal.declaration import Operation, Paged
from superlearner.arsenal.failures import Detail, OperationError
from superlearner.control.terms import json_of, text_of

__all__ = ["Answer", "checked", "execute"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation answered, as JSON's types; `meta` for a page of a list."""

    data: Any
    meta: dict[str, int] | None = None


def checked(operation: Operation, given: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of an operation out of JSON values; for doors that have not validated them.

    Raises:
        OperationError: `validation_error`, a detail for each problem.
    """
    try:
        model = operation.model.model_validate(dict(given))
    except ValidationError as error:
        details = [_detail(problem) for problem in error.errors()]
        first = details[0]
        raise OperationError("validation_error", f"{first.field}: {first.problem}", details=details) from None
    return {one.name: getattr(model, one.name) for one in operation.parameters}


def _detail(problem: Any) -> Detail:
    where = ".".join(str(part) for part in problem["loc"]) or "parameters"
    hint = "this parameter is required" if problem["type"] == "missing" else f"got {text_of(problem.get('input'), 100)}"
    return Detail(where, problem["msg"], hint)


async def execute(operation: Operation, context: Context, parameters: Mapping[str, Any]) -> Answer:
    """Run an operation with checked parameters.

    Raises:
        OperationError: it could not be done.
    """
    if not context.user.may(operation.scope):
        error = OperationError(
            "missing_scope",
            f"{operation.name} needs the scope {operation.scope}, and {context.user.name} has "
            f"{', '.join(sorted(context.user.scopes)) or 'none'}",
            hint="send a credential: `superlearner token` prints the owner's",
        )
        _account(operation, context, parameters, 0, error.code)
        raise error
    begun = time.perf_counter_ns()
    outcome = "internal_error"
    try:
        result = await operation.function(context, **parameters)
        if operation.changes and not context.announced:
            raise RuntimeError(
                f"{operation.name} changed something without ctx.about_to; this is a bug, please report it"
            )
        outcome = "ok"
    except DryRun as dry:
        outcome = "dry_run"
        return Answer({"dry_run": True, "would": dry.would, "affects": list(dry.affects)})
    except OperationError as error:
        outcome = error.code
        raise
    finally:
        _account(operation, context, parameters, time.perf_counter_ns() - begun, outcome)
    if operation.paged:
        page: Paged[Any] = result
        return Answer(operation.encode.dump_python(page.items, mode="json", exclude_unset=True), _meta(page))
    return Answer(operation.encode.dump_python(result, mode="json", exclude_unset=True))


def _meta(page: Paged[Any]) -> dict[str, int]:
    pages = -(-page.total // page.per_page)
    return {"total": page.total, "page": page.page, "per_page": page.per_page, "total_pages": pages}


def _account(operation: Operation, context: Context, parameters: Mapping[str, Any], took_ns: int, outcome: str) -> None:
    """Tell telemetry of every execution, and the audit log of every one that changed something or was to."""
    platform = context.platform
    platform.telemetry.execute(
        "operation.stop",
        {"duration": took_ns / 1e9},
        {"operation": operation.name, "door": context.door, "outcome": outcome},
    )
    if operation.changes and outcome != "dry_run":
        platform.audit.record(
            user=context.user.name,
            door=context.door,
            operation=operation.name,
            parameters=json_of(dict(parameters)),
            did=context.announced[-1] if context.announced else None,
            outcome=outcome,
            duration=took_ns / 1e9,
        )
