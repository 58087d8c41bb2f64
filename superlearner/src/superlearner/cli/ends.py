"""How a command ends: its exit codes, and the words in front of them."""

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
    """Say on standard error why it could not be done, and end with `code`."""
    complain(message)
    raise typer.Exit(code)
