"""Errors at the prompt in a line or two: code, message, hints."""

from __future__ import annotations

import code
import os
import traceback
from typing import Final

import otp
import superlearner
from superlearner.cli.plain import clip, paragraph, plain

__all__ = ["SHORT", "NoField", "NoPlatform", "OperationFailed", "WrongCall", "traceback_of", "words_of"]

LONGEST: Final = 1000
OURS: Final = (code.__file__, *(os.path.join(one.__path__[0], "") for one in (otp, superlearner)))


class OperationFailed(Exception):
    """An operation failed.

    Attributes:
        code: the stable name of the error, such as `process_not_found`.
        hints: suggested remedies.
    """

    def __init__(self, code: str, message: str, hints: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.hints = hints

    def __str__(self) -> str:
        """Return code, message and hints, as the prompt shows them."""
        lines = [f"{plain(self.code)}: {clip(paragraph(super().__str__()), LONGEST)}"]
        return "\n".join([*lines, *(f"  {clip(paragraph(hint), LONGEST)}" for hint in self.hints)])


class NoPlatform(OperationFailed):
    """No platform answers; the next call looks for it again."""


class WrongCall(TypeError):
    """An operation was called with wrong arguments."""


class NoField(AttributeError):
    """An answer has no such field."""


SHORT: Final = (OperationFailed, WrongCall, NoField)
"""Errors without a traceback, which would only show our own code."""


def words_of(error: BaseException) -> str:
    """Return the text of a `SHORT` error."""
    return str(error) if isinstance(error, OperationFailed) else paragraph(str(error))


def traceback_of(error: BaseException) -> str:
    """Return a traceback with the frames of what was typed, but not of the prompt and of SuperLearner."""
    found = traceback.TracebackException.from_exception(error)
    pending: list[traceback.TracebackException | None] = [found]
    while pending:
        part = pending.pop()
        if part is not None:
            theirs = [frame for frame in part.stack if not frame.filename.startswith(OURS)]
            part.stack = traceback.StackSummary.from_list(theirs)
            pending += [part.__cause__, part.__context__]
    return "".join(found.format())
