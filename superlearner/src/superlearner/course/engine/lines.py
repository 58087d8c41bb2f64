"""Lines of an answer, for sentences: of a definition, of a text in it, and of an error."""

# What learners define has no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import dis
import traceback
from types import CodeType, ModuleType
from typing import Any

import otp

__all__ = ["AnswerLines"]


class AnswerLines:
    r"""The lines of an answer. Each begins a sentence, as `line 15: `, or is "" if it is not known.

    Args:
        code: the code object of the answer, or None.
        answer: its module.

    >>> answer = ModuleType("answer")
    >>> answer.__file__ = "answer.py"
    >>> code = compile("one = 1\ndef two():\n    return 'three'", "answer.py", "exec")
    >>> AnswerLines(code, answer).of_name("two"), AnswerLines(code, answer).of_name("two", "three")
    ('line 2: ', 'line 3: ')
    """

    def __init__(self, code: CodeType | None, answer: ModuleType) -> None:
        self._code = code
        self._answer = answer

    def of_reason(self, reason: Any) -> str:
        """Return the line that raised an error."""
        lines: list[int | None] = []
        file = self._answer.__file__
        if isinstance(reason, otp.Crash):
            lines = [line for of, line, _ in reason.stack if of == file]
        elif isinstance(reason, Exception):
            lines = [frame.lineno for frame in traceback.extract_tb(reason.__traceback__) if frame.filename == file]
        return f"line {lines[-1]}: " if lines else ""

    def of_name(self, name: str, *texts: str) -> str:
        """Return the line of the first of these texts, in the definition of a name or elsewhere; else its own."""
        defined = next((code for code in _codes(self._code) if code.co_name == name), None)
        if defined is None:
            return ""
        lines = [_line_with(code, text) for text in texts for code in (defined, self._code)]
        line = next(filter(None, lines), defined.co_firstlineno)
        return f"line {line}: "

    def of_global(self) -> str:
        """Return the line of the first assignment to a global name in a function."""
        steps = (step for each in _codes(self._code)[1:] for step in dis.get_instructions(each))
        lines = (step.positions.lineno for step in steps if step.opname == "STORE_GLOBAL" and step.positions)
        return f"line {line}: " if (line := next(lines, None)) else ""

    def of_value(self, reason: Any) -> str:
        """Return the line of the text at the end of a reason."""
        while type(reason) is tuple and reason:
            reason = reason[-1]
        line = _line_with(self._code, reason) if type(reason) is str else None
        return f"line {line}: " if line else ""


def _codes(code: CodeType | None) -> list[CodeType]:
    """Return a code object and all inside it, outermost first."""
    if code is None:
        return []
    return [code, *(each for inner in code.co_consts if isinstance(inner, CodeType) for each in _codes(inner))]


def _line_with(code: CodeType | None, text: str) -> int | None:
    """Return the line of the first use of a value or name in a code object."""
    return next(
        (
            step.positions.lineno
            for each in _codes(code)
            for step in dis.get_instructions(each)
            if step.positions is not None and not step.opname.startswith("IMPORT")
            if step.argval == text or (type(step.argval) is tuple and text in step.argval)
        ),
        None,
    )
