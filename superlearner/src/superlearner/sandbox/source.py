"""The source of a sandbox, checked in a separate program before anything starts.

SourceProblem (Exception)    .line .column .message .hint: the place, the problem, and what to try
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any, Final

import otp
from otp.redaction import source_without_secrets
from superlearner.sandbox import syntax

__all__ = ["MOST_SOURCE", "Source", "SourceProblem", "check_source"]

MOST_SOURCE: Final = 200_000
"""Maximum number of characters of a source."""

PATIENCE_S: Final = 8.0
"""Seconds to wait for a check, which ends itself after two seconds of processor time."""

LONGEST: Final = 500


class SourceProblem(Exception):
    """A source that cannot be started; `line` and `column` count from 1, as in editors."""

    def __init__(
        self, line: int, column: int, message: str, hint: str | None = None, end: tuple[int, int] | None = None
    ) -> None:
        super().__init__(f"line {line}, column {column}: {message}")
        self.line = line
        self.column = column
        self.message = message
        self.hint = hint
        self.end = end


@dataclass(frozen=True, slots=True)
class Source:
    """Valid Python source, and the name of the class to start."""

    text: str
    starts: str

    @property
    def sha256(self) -> str:
        """Return a hash that identifies the version."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()


async def check_source(text: str) -> Source:
    r"""Check a text and return it as a source.

    Args:
        text: Python, with the class `Main`, or one Supervisor or Application that no other uses.

    Raises:
        SourceProblem: it is not valid; the error says where.
        TimeoutError: this machine is too busy to check it.

    >>> import otp
    >>> otp.run(lambda: check_source("from otp import Supervisor\nclass Main(Supervisor): ...")).starts
    'Main'
    """
    found = await otp.Task.run_blocking(lambda: _run_syntax_check(text))
    if "starts" in found:
        return Source(text, found["starts"])
    problem = found["problem"]
    end = (problem["end_line"], problem["end_column"]) if "end_line" in problem else None
    message, after, quoted = str(problem["message"])[:LONGEST].partition(" after ")
    message += after + source_without_secrets(quoted)
    raise SourceProblem(problem["line"], problem["column"], message, problem.get("hint"), end)


def _run_syntax_check(text: str) -> dict[str, Any]:
    """Return the result of the other program, which runs nothing of the text."""
    command = [sys.executable, "-I", "-S", syntax.__file__]
    try:
        done = subprocess.run(
            command, input=text.encode("utf-8", "surrogatepass"), capture_output=True, timeout=PATIENCE_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise TimeoutError(f"this machine is busy: it could not check the code within {PATIENCE_S:g} s") from None
    if done.returncode != 0:
        message, hint = "Python needs too much time or memory to read it", "try a shorter text, less deeply nested"
        return {"problem": {"line": 1, "column": 1, "message": message, "hint": hint}}
    return json.loads(done.stdout)
