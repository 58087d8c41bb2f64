"""Python inside a node: only where that is allowed."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from superlearner.control.evaluating import Failed, evaluate, read
from superlearner.control.slots import id_text
from superlearner.control.terms import clip, json_of, safe_text, text_of
from superlearner.operations.context import Context
from superlearner.operations.declaration import operation
from superlearner.operations.failures import Detail, OperationError
from superlearner.operations.parameters import TimeoutMs
from superlearner.operations.results_evaluating import EvaluationResult
from superlearner.operations.seams import Evaluation

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
            description="lines of Python; `await` is allowed, and the last line is answered if it is an expression",
            examples=["1 + 1", "await otp.GenServer.call('counter_1', 'get_value')"],
        ),
    ],
    timeout_ms: TimeoutMs = 5000,
) -> EvaluationResult:
    """Evaluate Python inside a node.

    In a sandbox, or in a platform and its tree started with --allow-eval. It runs in a process of its own on the node,
    knows `otp` and what it imports, and is killed when its time is over; a line that holds the loop holds the node.
    """
    if not evaluation.allowed:
        raise OperationError(
            "eval_not_allowed",
            f"{ctx.node.name} evaluates nothing",
            hint="a sandbox does; a platform and its tree do if it is started with --allow-eval",
        )
    try:
        code = read(source)
    except SyntaxError as error:
        told = f"line {error.lineno or 1}, column {error.offset or 1}: {error.msg}"
        raise OperationError("validation_error", f"source: {told}", details=[Detail("source", told)]) from None
    lines = source.count("\n") + 1
    ctx.about_to(f"evaluate {lines} line{'s' if lines > 1 else ''} of Python in {ctx.node.name}")
    try:
        found = await evaluate(ctx.node, code, timeout_ms / 1000)
    except Failed as error:
        raise OperationError("eval_failed", clip(safe_text(str(error)), LONGEST_ERROR)) from None
    except TimeoutError:
        raise OperationError(
            "timeout", f"it was not through within {timeout_ms / 1000:g} s, and was ended", hint="a longer timeout_ms"
        ) from None
    return EvaluationResult(
        node=ctx.node.name,
        type=id_text(type(found.value)),
        text=text_of(found.value, LONGEST),
        value=json_of(found.value),
        printed=clip(safe_text(found.printed.getvalue()), LONGEST),
    )
