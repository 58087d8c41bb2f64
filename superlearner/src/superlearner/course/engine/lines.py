"""Lines of an answer, for sentences: of a definition, of a text in it, and of an error."""

# What learners define has no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import dis
import linecache
import traceback
from types import CodeType, CoroutineType, ModuleType
from typing import Any

import otp
from superlearner.control.mistakes import explain_missing_return, locate

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

    def of_result(self, cls: str, callback: str, reason: Any, message: str | None) -> tuple[str, str]:
        """Return the line of a wrong result of a callback, or "", and why it is None, if that is known."""
        source = "".join(linecache.getlines(str(self._answer.__file__)))
        missing = explain_missing_return(source, cls, callback, reason, message)
        place = locate(source, cls, callback, reason, message)
        return "" if place is None else f"line {place[0]}: ", "" if missing is None else missing.why

    def of_coroutine(self, coroutine: CoroutineType[Any, Any, Any]) -> str:
        """Return the line of the call that made a coroutine."""
        origin = coroutine.cr_origin
        return f"line {origin[0][1]}: " if origin and origin[0][0] == self._answer.__file__ else ""

    def of_name(self, name: str, *texts: str) -> str:
        """Return the line of the first of these texts, in the definition of a name or in what it uses; else its own.

        A class uses its base classes, and the constants and functions of the answer that it names, but no other class.
        """
        defined = next((code for code in _codes(self._code) if code.co_name == name), None)
        if defined is None:
            return ""
        places = [defined, *self._used_by(name, defined)]
        lines = [_line_with(place, text) for text in texts for place in places]
        line = next(filter(None, lines), defined.co_firstlineno)
        return f"line {line}: "

    def _used_by(self, name: str, defined: CodeType) -> list[list[dis.Instruction] | CodeType]:
        """Return the functions and base classes that a definition uses, and the statements that define what it uses."""
        steps_of = _definitions(self._code)
        classes = {each for each, steps in steps_of.items() if any(step.opname == "LOAD_BUILD_CLASS" for step in steps)}
        bases = [step.argval for step in steps_of.get(name, []) if step.argval in steps_of]
        named = [each for code in _codes(defined) for each in code.co_names if each in steps_of and each not in classes]
        used = [each for each in dict.fromkeys([*bases, *named]) if each != name]
        codes = [code for code in _codes(self._code)[1:] if code.co_name in used]
        return [*codes, *(steps_of[each] for each in used)]

    def of_global(self) -> str:
        """Return the line of the first assignment to a global name in a function."""
        steps = (step for each in _codes(self._code)[1:] for step in dis.get_instructions(each))
        lines = (step.positions.lineno for step in steps if step.opname == "STORE_GLOBAL" and step.positions)
        return f"line {line}: " if (line := next(lines, None)) else ""

    def of_spec(self, supervisor: str, reason: Any) -> str:
        """Return the line of the value or class at the end of the reason of an invalid spec or flag."""
        while type(reason) is tuple and reason:
            reason = reason[-1]
        text = reason.__name__ if isinstance(reason, type) else reason if type(reason) is str else "Children"
        if found := self.of_name(supervisor, text, "Children"):
            return found
        line = _line_with(self._code, text)
        return f"line {line}: " if line else ""


def _codes(code: CodeType | None) -> list[CodeType]:
    """Return a code object and all inside it, outermost first."""
    if code is None:
        return []
    return [code, *(each for inner in code.co_consts if isinstance(inner, CodeType) for each in _codes(inner))]


def _definitions(code: CodeType | None) -> dict[str, list[dis.Instruction]]:
    """Return the steps that define each global name: of an assignment, a function or a class."""
    found: dict[str, list[dis.Instruction]] = {}
    steps: list[dis.Instruction] = []
    for step in dis.get_instructions(code) if code is not None else ():
        steps.append(step)
        if step.opname == "STORE_NAME":
            found.setdefault(step.argval, []).extend(steps)
            steps = []
    return found


def _line_with(place: CodeType | list[dis.Instruction] | None, text: str) -> int | None:
    """Return the line of the first use of a value or name in a code object or in some of its steps."""
    if isinstance(place, list):
        return next((line for step in place if (line := _line_in(step, step.argval, text))), None)
    found = (
        _line_in(step, code.co_consts[step.arg or 0] if step.opname == "KW_NAMES" else step.argval, text)  # as in 3.11
        for code in _codes(place)
        for step in dis.get_instructions(code)
    )
    return next(filter(None, found), None)


def _line_in(step: dis.Instruction, value: Any, text: str) -> int | None:
    """Return the line of a step that uses a value or name."""
    if step.positions is None or step.opname.startswith("IMPORT"):
        return None
    return step.positions.lineno if value == text or (type(value) is tuple and text in value) else None
