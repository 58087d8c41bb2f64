"""What goes wrong at the prompt, in a line or two: the code, what is wrong, what to try."""

from __future__ import annotations

from typing import Final

from superlearner.cli.plain import clip, plain

__all__ = ["SHORT", "NoField", "NoPlatform", "OperationFailed", "WrongCall", "words_of"]

LONGEST: Final = 1000


class OperationFailed(Exception):
    """An operation could not be done.

    Attributes:
        code: the stable name of the error, as `process_not_found`.
        hints: what to try.
    """

    def __init__(self, code: str, message: str, hints: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.hints = hints

    def __str__(self) -> str:
        """Code, message and hints, as the prompt shows them."""
        lines = [f"{plain(self.code)}: {clip(plain(super().__str__()), LONGEST)}"]
        return "\n".join([*lines, *(f"  {clip(plain(hint), LONGEST)}" for hint in self.hints)])


class NoPlatform(OperationFailed):
    """No platform answers; the next call looks for it again."""


class WrongCall(TypeError):
    """An operation was called with arguments that it does not take."""


class NoField(AttributeError):
    """An answer has no such field."""


SHORT: Final = (OperationFailed, WrongCall, NoField)
"""What is shown without a traceback: the place is what was typed, and ours says nothing."""


def words_of(error: BaseException) -> str:
    """An error of `SHORT` as it is shown."""
    return str(error) if isinstance(error, OperationFailed) else plain(str(error))
