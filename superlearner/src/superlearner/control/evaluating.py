"""Evaluation of Python code, typed by a user, in a process of a node."""

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
from otp.redaction import without_secrets
from superlearner.control.reasons import text_of_reason

__all__ = ["Evaluated", "Failed", "evaluate", "read"]

FILE: Final = "<eval>"


class Failed(Exception):
    """The code raised, or its process was killed; the message has reason and line."""


@dataclass(slots=True)
class Evaluated:
    """The result: `value` is that of the last line if it is an expression."""

    value: Any = None
    printed: io.StringIO = field(default_factory=io.StringIO)
    error: str | None = None


def read(source: str) -> ast.Module:
    """Parse the code without running it; raises SyntaxError."""
    try:
        return compile(source, FILE, "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except (ValueError, RecursionError, MemoryError) as error:  # a NUL byte, or nested too deeply for the compiler
        raise SyntaxError(str(error)) from None


async def evaluate(node: Node, code: ast.Module, seconds: float) -> Evaluated:
    r"""Run code in a process of the node.

    Names are those of the node: `await GenServer.call("cart", "total")`.

    The code has `otp` and its own imports, and no state of earlier runs. The result includes what it prints.

    Args:
        node: the node to run it on. The code shares the node's loop and can block it.
        code: the result of `read`.
        seconds: the time after which its process is killed.

    Raises:
        Failed: it raised, or its process was killed.
        TimeoutError: it took too long.

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
    except BaseException:  # timed out or cancelled
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
    except (Exception, SystemExit, KeyboardInterrupt) as error:  # the last two would end the whole program
        found.error = _told(error)


async def _step(part: ast.Module | ast.Expression, mode: str, names: dict[str, Any]) -> Any:
    code = compile(part, FILE, mode, ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    value = eval(code, names)
    return await value if code.co_flags & CO_COROUTINE else value


def _told(error: BaseException) -> str:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == FILE]
    words = without_secrets("".join(traceback.format_exception_only(error)).strip())
    return f"line {lines[-1]}: {words}" if lines else words
