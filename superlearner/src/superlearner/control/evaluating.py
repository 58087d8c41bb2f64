"""Evaluation of Python code, typed by a user, in a process of a node."""

from __future__ import annotations

import ast
import asyncio
import io
import traceback
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from inspect import CO_COROUTINE
from typing import Any, Final
from weakref import WeakKeyDictionary

import otp
from otp import Node
from otp.observer.hints import hint_for
from otp.redaction import without_secrets
from superlearner.control.protection import protection_of
from superlearner.control.reasons import text_of_reason

__all__ = ["Evaluated", "Failed", "evaluate", "read"]

FILE: Final = "<eval>"
WORKBENCH: Final = "workbench"
"""The name of the process that keeps the names of its node."""

PRINTED: Final = 100_000
"""Maximum characters of output that are kept."""


class Failed(Exception):
    """The code raised, or its process was killed; the message has reason and line.

    Attributes:
        line: the line of the code that raised; None if it is not known.
        printed: the output before.
    """

    def __init__(self, text: str, line: int | None = None, printed: str = "") -> None:
        super().__init__(text)
        self.line = line
        self.printed = printed


class Printed(io.StringIO):
    """The beginning of what is printed; the rest is dropped."""

    def write(self, s: str, /) -> int:
        """Keep what fits."""
        super().write(s[: max(0, PRINTED - self.tell())])
        return len(s)


@dataclass(slots=True)
class Evaluated:
    """The result: `value` is that of the last line if it is an expression."""

    value: Any = None
    printed: Printed = field(default_factory=Printed)
    error: str | None = None
    line: int | None = None


@dataclass(slots=True)
class Workbench:
    """The names of a node's evaluations, and the process that runs them; the names outlive it."""

    names: dict[str, Any] = field(default_factory=dict[str, Any])
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    key: otp.Ref = field(default_factory=otp.make_ref)
    pid: otp.Pid | None = None


_workbenches: WeakKeyDictionary[Node, Workbench] = WeakKeyDictionary()


def read(source: str) -> ast.Module:
    """Parse the code without running it; raises SyntaxError."""
    try:
        return compile(source, FILE, "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except (ValueError, RecursionError, MemoryError) as error:  # a NUL byte, or nested too deeply for the compiler
        raise SyntaxError(str(error)) from None


async def evaluate(node: Node, code: ast.Module, seconds: float, *, keep: bool = False) -> Evaluated:
    r"""Run code in a process of the node.

    Names are those of the node: `await GenServer.call("cart", "total")`.

    The code has `otp` and its own imports. The result includes what it prints.

    Args:
        node: the node to run it on. The code shares the node's loop and can block it.
        code: the result of `read`.
        seconds: the time after which its process is killed.
        keep: run it in the node's workbench, one after the other: a process, registered as `workbench`, that stays,
            with what is linked to it, and names that stay even if the process ends. Otherwise nothing is kept.

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
    if keep:
        reason = await _on_workbench(node, code, seconds, found)
    else:
        names: dict[str, Any] = {}
        pid = _spawn(node, _run, code, found, names)
        try:
            reason = await otp.wait_down(pid, seconds)
        except BaseException:  # timed out or cancelled
            otp.exit(pid, "kill")
            raise
    if found.error is not None or reason not in ("normal", "noproc"):
        text = found.error or f"its process was ended: {text_of_reason(reason)}"
        raise Failed(text, found.line, found.printed.getvalue())
    return found


def _spawn(node: Node, run: Callable[..., Awaitable[None]], *args: Any) -> otp.Pid:
    """Start a process of the user, also on the node of the platform."""
    pid = node.spawn(run, *args)
    if (protection := protection_of(node)) is not None:
        protection.release(pid)
    return pid


async def _on_workbench(node: Node, code: ast.Module, seconds: float, found: Evaluated) -> Any:
    """Return `normal` when the code has run, else the reason with which the process ended."""
    bench = _workbenches.setdefault(node, Workbench())
    async with bench.turn:
        if bench.pid is None or not otp.is_alive(bench.pid):
            bench.pid = _spawn(node, _serve, bench)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        down = asyncio.ensure_future(otp.wait_down(bench.pid))
        try:
            await asyncio.sleep(0)  # it waits now, and misses no reason
            otp.send(bench.pid, (bench.key, code, found, done))
            await asyncio.wait((done, down), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if done.done():
                return "normal"
            if down.done():
                return down.result()
            raise TimeoutError
        except BaseException:  # timed out or cancelled
            otp.exit(bench.pid, "kill")
            raise
        finally:
            down.cancel()


async def _serve(bench: Workbench) -> None:
    """Run one code after the other; other messages are left to the code."""
    if otp.whereis(WORKBENCH) is None:
        otp.register(WORKBENCH, otp.self())
    while True:
        _, code, found, done = await otp.receive(lambda message: _is_cell(message, bench.key))
        await _run(code, found, bench.names)
        with suppress(TimeoutError):  # an exit signal that the code sent to itself comes first
            await otp.receive(lambda _: False, timeout=0)
        if not done.done():
            done.set_result(None)


def _is_cell(message: Any, key: otp.Ref) -> bool:
    match message:
        case (first, _, _, _):
            return first == key
        case _:
            return False


async def _run(code: ast.Module, found: Evaluated, names: dict[str, Any]) -> None:
    names.setdefault("__name__", "__eval__")
    names.setdefault("otp", otp)
    names["print"] = partial(print, file=found.printed)
    statements = list(code.body)
    last = statements.pop() if statements and isinstance(statements[-1], ast.Expr) else None
    try:
        await _step(ast.Module(statements, []), "exec", names)
        if isinstance(last, ast.Expr):
            found.value = await _step(ast.Expression(last.value), "eval", names)
    except (Exception, SystemExit, KeyboardInterrupt) as error:  # the last two would end the whole program
        found.error, found.line = _describe_error(error)


async def _step(part: ast.Module | ast.Expression, mode: str, names: dict[str, Any]) -> Any:
    code = compile(part, FILE, mode, ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    value = eval(code, names)
    return await value if code.co_flags & CO_COROUTINE else value


def _reason_of(error: BaseException, words: str) -> Any:
    """Return the reason with which a process would end by an exception, or the server that it called."""
    if isinstance(error, otp.CallExit):
        return error.cause_reason
    stack = tuple((one.filename, one.lineno or 0, one.name) for one in traceback.extract_tb(error.__traceback__))
    return otp.Crash(otp.ExceptionTerm(type(error).__name__, (), words.partition(": ")[2]), stack)


def _describe_error(error: BaseException) -> tuple[str, int | None]:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == FILE]
    words = without_secrets("".join(traceback.format_exception_only(error)).strip())
    if "Did you" not in words and (hint := hint_for(_reason_of(error, words), None)):  # Python has suggested a name
        words = f"{words}; {hint}"
    return (f"line {lines[-1]}: {words}", lines[-1]) if lines else (words, None)
