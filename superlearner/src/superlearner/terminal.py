"""What people read on the terminal: news on standard output, problems on standard error, each at once."""

from __future__ import annotations

import sys

__all__ = ["complain", "say"]


def say(text: str) -> None:
    """A line of news."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def complain(text: str) -> None:
    """A line about a problem, with the program's name in front."""
    sys.stderr.write(f"superlearner: {text}\n")
    sys.stderr.flush()
