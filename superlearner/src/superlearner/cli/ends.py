"""Exit codes of commands, and their error messages."""

from __future__ import annotations

from typing import Final, NoReturn

import typer

from superlearner.base.terminal import complain

__all__ = ["FAILED", "INTERRUPTED", "NO_PLATFORM", "USAGE", "fail"]

FAILED: Final = 1
USAGE: Final = 2
NO_PLATFORM: Final = 3
INTERRUPTED: Final = 130


def fail(message: str, code: int = FAILED) -> NoReturn:
    """Write an error message to standard error and end with `code`."""
    complain(message)
    raise typer.Exit(code)
