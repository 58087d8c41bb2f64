"""Evaluation of Python code, typed by a user, in a process of a node."""

from __future__ import annotations

import ast
import asyncio
import io
import traceback
from collections.abc import Awaitable, Callable, Mapping
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
from superlearner.control.failures import explain_start, failed_child, unwrapped
from superlearner.control.handled import callback_of, class_of, handled_by
from superlearner.control.mistakes import explain_missing_return, function_at, locate
from superlearner.control.protection import protection_of
from superlearner.control.reasons import own_frame, tagged, text_of_reason
from superlearner.control.slots import id_text
from superlearner.control.terms import is_a

__all__ = ["FILE", "Evaluated", "Failed", "evaluate", "read"]

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
    reason: Any = None
    """The reason for which a process ended that the code started or called, if that was the error."""


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
    if found.error is None and reason in ("normal", "noproc"):
        return found
    text = found.error or f"its process was ended: {text_of_reason(reason)}"
    text, line = _explain_end(node, code, found.reason or reason) or (text, None)
    if line is None and found.line is not None:
        text, line = f"line {found.line}: {text.removeprefix(f'line {found.line}: ')}", found.line
    raise Failed(text, line, found.printed.getvalue())


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
        match error:
            case otp.StartError():
                found.reason = error.reason
            case otp.CallExit():
                found.reason = error.cause_reason
            case _:
                pass


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
    match getattr(error, "otp_place", None):
        case (str(file), int(line)) if file == FILE:
            lines.append(line)
            words = words.replace(f" ({FILE}:{line})", "", 1)
        case _:
            pass
    return (f"line {lines[-1]}: {words}", lines[-1]) if lines else (words, None)


def _explain_end(node: Node, code: ast.Module, reason: Any) -> tuple[str, int | None] | None:
    """Return the mistake for which a process ended, and its line in the code; None for other reasons."""
    *_, why = unwrapped(reason)
    tag, rest = tagged(why)
    if tag == "EXIT" and len(rest) == 1:
        return _explain_end(node, code, rest[0])
    line, function, says = None, "", ""
    if is_a(why, otp.Crash) and (frame := own_frame(why)) is not None and frame[0] == FILE:
        _, at, function = frame
        line = at if function_at(code, at) == function else None  # else it stands in the code of another evaluation
        says = explain_start(why).partition("\n")[0]
    elif tag == "bad_return_value" and len(rest) == 1 and (end := _find_end(node, why)) is not None:
        cls, callback = class_of(end), callback_of(end) or ""
        place = locate(code, cls, callback, why, handled_by(end))
        line, function = (None, f"{cls}.{callback}") if place is None else place
        missing = explain_missing_return(code, cls, callback, why, handled_by(end))
        says = (missing and missing.why) or hint_for(why, callback) or ""
        says = says if rest[0] is None else f"it returned {text_of_reason(rest[0])}; {says}"
    if not says:
        return None
    children = "".join(
        f"{id_text(child[0])} did not start: " for one in unwrapped(reason) if (child := failed_child(one))
    )
    return f"{children}{f'line {line} in ' if line else ''}{function}: {says}", line


def _find_end(node: Node, reason: Any) -> Mapping[str, Any] | None:
    """Return the data of the newest end of a process in a callback for this reason."""
    words = text_of_reason(reason).partition(", which is ")[0]  # the class of a result is lost in an event
    ends = (event.data for event in reversed(otp.trace.history(node)) if event.kind == "exited")
    same = (
        end
        for end in ends
        if end.get("callback") and words == text_of_reason(end["reason"]).partition(", which is ")[0]
    )
    return next(same, None)
