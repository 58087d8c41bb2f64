"""Exit codes of commands, and their error messages."""

from __future__ import annotations

import sys
from itertools import pairwise, takewhile
from pathlib import Path
from typing import Final, NoReturn

import typer

from superlearner.base.data_dir import in_data_dir
from superlearner.base.terminal import complain

__all__ = ["FAILED", "INTERRUPTED", "NO_PLATFORM", "USAGE", "fail"]

FAILED: Final = 1
USAGE: Final = 2
NO_PLATFORM: Final = 3
INTERRUPTED: Final = 130
DATA_DIR: Final = "--data-dir"


def fail(message: str, code: int = FAILED) -> NoReturn:
    """Write an error message to standard error and end with `code`; its commands act on the same data directory."""
    complain(in_data_dir(message, _given_data_dir()))
    raise typer.Exit(code)


def _given_data_dir() -> Path | None:
    """Return the data directory that was typed, before or after the verb."""
    words = list(takewhile(lambda word: word != "--", sys.argv[1:]))
    typed = [after for before, after in pairwise(words) if before == DATA_DIR]
    typed += [word.partition("=")[2] for word in words if word.startswith(f"{DATA_DIR}=")]
    return Path(typed[-1]) if typed else None
