"""The code that a process runs: its class or function, and the active callback."""

# Behaviours have no type here.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from otp._structure import mro, name_of
from otp.kernel.values.pids import Pid
from otp.kernel.values.process import DEAD
from otp.observer.reading import waiting_at

if TYPE_CHECKING:
    from otp.kernel.steps.node import Node
    from otp.kernel.values.process import Process

__all__ = ["Code", "Running", "running"]


@dataclass(frozen=True, slots=True)
class Code:
    """A function: its first line, and its current line, None while it is not running."""

    name: str
    file: str
    first_line: int
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Running:
    """The code of a process: `what` is its class or function, `callbacks` the functions of its own class.

    `now` is the active one; None while the process waits for a message.
    """

    what: str
    callbacks: tuple[Code, ...]
    now: Code | None


def running(node: Node, pid: Pid) -> Running | None:
    """Return the code that a process runs.

    Returns None if it is not alive. No source is read, no code of it runs.

    >>> import otp
    >>> from otp import GenServer, Ok, impl, observer
    >>> class Till(GenServer[int]):
    ...     @impl
    ...     def init(self, arg):
    ...         return Ok(arg)
    >>> async def main():
    ...     till = await Till.start_link(3)
    ...     found = observer.running(otp.trace.node_of(till), till)
    ...     return found.what, [one.name for one in found.callbacks], found.now
    >>> otp.run(main)
    ('Till', ['init'], None)
    """
    p: Process | None = node.process_table.get(pid.id)
    if p is None or p is not pid or p.status == DEAD:
        return None
    places = waiting_at(p)
    if p.callbacks is None:
        outermost: Any = getattr(p.coroutine, "cr_code", None)
        function = [] if type(outermost) is not CodeType else [_code(outermost.co_qualname, outermost)]
        return Running(function[0].name if function else "", tuple(function), _standing(function, places))
    cls: type = p.callbacks.cls
    found = list(_functions(cls))
    x = p.ext
    callback = None if x is None or p.coroutine is None else x.callback
    at_work = [one for one in found if one.name == callback]
    return Running(name_of(cls), tuple(found), _standing(at_work, places) or (at_work[0] if at_work else None))


def _standing(functions: list[Code], places: Any) -> Code | None:
    """Return the function in this list that is running at one of the places."""
    for one in functions:
        for place in places:
            if place.file == one.file and place.function.rpartition(".")[2] == one.name.rpartition(".")[2]:
                return Code(one.name, one.file, one.first_line, place.line)
    return None


def _functions(cls: type) -> Iterator[Code]:
    """Yield the functions of a class and its bases up to the runtime's own, the class's first."""
    seen: set[str] = set()
    for base in mro(cls):
        attributes: Any = type.__dict__["__dict__"].__get__(base)
        if str(attributes.get("__module__")).startswith("otp.behaviours"):
            break
        for name, value in attributes.items():
            function = value.__func__ if type(value) in (staticmethod, classmethod) else value
            if type(function) is FunctionType and name not in seen:
                seen.add(name)
                yield _code(name, function.__code__)


def _code(name: str, code: CodeType) -> Code:
    return Code(name, code.co_filename, code.co_firstlineno)
