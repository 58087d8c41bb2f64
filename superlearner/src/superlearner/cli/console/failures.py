"""Errors at the prompt in a line or two: code, message, hints."""

from __future__ import annotations

from typing import Final

from superlearner.cli.plain import clip, plain

__all__ = ["SHORT", "NoField", "NoPlatform", "OperationFailed", "WrongCall", "words_of"]

LONGEST: Final = 1000


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
        lines = [f"{plain(self.code)}: {clip(plain(super().__str__()), LONGEST)}"]
        return "\n".join([*lines, *(f"  {clip(plain(hint), LONGEST)}" for hint in self.hints)])


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
    return str(error) if isinstance(error, OperationFailed) else plain(str(error))
