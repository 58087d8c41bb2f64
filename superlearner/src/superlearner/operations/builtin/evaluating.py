"""Evaluation of Python inside a node, where allowed."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from superlearner.control.evaluating import Failed, evaluate, read
from superlearner.control.slots import id_text
from superlearner.control.terms import clip, json_of, safe_text, text_of
from superlearner.operations.context import Context
from superlearner.operations.declaration import operation
from superlearner.operations.engine.seams import Evaluation
from superlearner.operations.failures import Detail, OperationError
from superlearner.operations.parameters import TimeoutMs
from superlearner.operations.results.evaluating import EvaluationResult

LONGEST: Final = 4000
LONGEST_ERROR: Final = 500


@operation(
    "node.eval",
    http=("POST", "/nodes/eval"),
    scope="code",
    changes=True,
    errors=("eval_not_allowed", "eval_failed", "timeout"),
    short="type text printed",
)
async def run(
    ctx: Context,
    evaluation: Evaluation,
    /,
    source: Annotated[
        str,
        Field(
            min_length=1,
            max_length=20_000,
            description="lines of Python; `await` is allowed, and the value of a last expression is returned",
            examples=["1 + 1", "await otp.GenServer.call('counter_1', 'get_value')"],
        ),
    ],
    timeout_ms: TimeoutMs = 5000,
    keep: Annotated[
        bool,
        Field(description="keep names and process for the next one: the process `workbench`; else nothing is kept"),
    ] = False,
) -> EvaluationResult:
    """Evaluate Python inside a node.

    The node is a sandbox, or the platform was started with --allow-eval. The code runs in a process of the node, with
    `otp` and its own imports, and is killed at the timeout. A line that blocks the loop blocks the node. If it raises,
    the details of the error have its `line` and what it `printed`.
    """
    if not evaluation.allowed:
        raise OperationError(
            "eval_not_allowed",
            f"{ctx.node_name} does not allow evaluation",
            hint="use a sandbox, or start the platform with --allow-eval",
        )
    try:
        code = read(source)
    except SyntaxError as error:
        problem = f"line {error.lineno or 1}, column {error.offset or 1}: {error.msg}"
        raise OperationError("validation_error", f"source: {problem}", details=[Detail("source", problem)]) from None
    lines = source.count("\n") + 1
    ctx.about_to(f"evaluate {lines} line{'s' if lines > 1 else ''} of Python in {ctx.node_name}")
    try:
        found = await evaluate(ctx.node, code, timeout_ms / 1000, keep=keep)
    except Failed as error:
        told = {"line": "" if error.line is None else str(error.line), "printed": error.printed}
        details = [Detail(name, clip(safe_text(text), LONGEST)) for name, text in told.items() if text]
        raise OperationError("eval_failed", clip(safe_text(str(error)), LONGEST_ERROR), details=details) from None
    except TimeoutError:
        raise OperationError(
            "timeout",
            f"it did not finish within {timeout_ms / 1000:g} s and was killed",
            hint="set a longer timeout_ms",
        ) from None
    return EvaluationResult(
        node=ctx.node.name,
        type=id_text(type(found.value)),
        text=text_of(found.value, LONGEST),
        value=json_of(found.value),
        printed=clip(safe_text(found.printed.getvalue()), LONGEST),
    )
