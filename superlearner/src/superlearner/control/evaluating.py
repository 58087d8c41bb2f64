"""Python that a person typed, run by a process of a node."""

from __future__ import annotations

import ast
import io
import traceback
from dataclasses import dataclass, field
from functools import partial
from inspect import CO_COROUTINE
from typing import Any, Final

import otp
from otp import Node
from superlearner.control.reasons import text_of_reason

__all__ = ["Evaluated", "Failed", "evaluate", "read"]

FILE: Final = "<eval>"


class Failed(Exception):
    """The code raised, or its process was ended; the text says what, and at which line."""


@dataclass(slots=True)
class Evaluated:
    """What became of it: `value` is that of the last line, if that is an expression."""

    value: Any = None
    printed: io.StringIO = field(default_factory=io.StringIO)
    error: str | None = None


def read(source: str) -> ast.Module:
    """The code, not yet run; raises SyntaxError."""
    try:
        return compile(source, FILE, "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except (ValueError, RecursionError, MemoryError) as error:  # a NUL, or too deep for the compiler
        raise SyntaxError(str(error)) from None


async def evaluate(node: Node, code: ast.Module, seconds: float) -> Evaluated:
    r"""Run code in a process of the node, where names are its own: `await GenServer.call("cart", "total")`.

    It knows `otp` and whatever it imports, and nothing of what was run before. `print` writes into what is answered.

    Args:
        node: where it runs. It shares the loop of the node: while it holds that, nobody else runs.
        code: of `read`.
        seconds: after which its process is killed.

    Raises:
        Failed: it raised, or somebody ended its process.
        TimeoutError: it was not through in time.

    >>> import otp
    >>> from otp import Agent
    >>> async def main():
    ...     await Agent.start_link(lambda: 3, name="cart")
    ...     code = read("print('asked')\nawait otp.Agent.get('cart', lambda n: n + 1)")
    ...     found = await evaluate(otp.node(), code, 5)
    ...     return found.value, found.printed.getvalue()
    >>> otp.run(main)
    (4, 'asked\n')
    """
    found = Evaluated()
    pid = node.spawn(_run, code, found)
    try:
        reason = await otp.wait_down(pid, seconds)
    except BaseException:  # its time is over, or nobody waits for it any more
        otp.exit(pid, "kill")
        raise
    if found.error is not None or reason not in ("normal", "noproc"):
        raise Failed(found.error or f"its process was ended: {text_of_reason(reason)}")
    return found


async def _run(code: ast.Module, found: Evaluated) -> None:
    names: dict[str, Any] = {"__name__": "__eval__", "otp": otp, "print": partial(print, file=found.printed)}
    statements = list(code.body)
    last = statements.pop() if statements and isinstance(statements[-1], ast.Expr) else None
    try:
        await _step(ast.Module(statements, []), "exec", names)
        if isinstance(last, ast.Expr):
            found.value = await _step(ast.Expression(last.value), "eval", names)
    except (Exception, SystemExit, KeyboardInterrupt) as error:  # these two would end the whole program
        found.error = _told(error)


async def _step(part: ast.Module | ast.Expression, mode: str, names: dict[str, Any]) -> Any:
    code = compile(part, FILE, mode, ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    value = eval(code, names)
    return await value if code.co_flags & CO_COROUTINE else value


def _told(error: BaseException) -> str:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == FILE]
    words = "".join(traceback.format_exception_only(error)).strip()
    return f"line {lines[-1]}: {words}" if lines else words
