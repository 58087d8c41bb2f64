"""What people read on the terminal: news on standard output, problems on standard error, each at once."""

from __future__ import annotations

import sys

from superlearner.base.printable import printable_lines

__all__ = ["complain", "say"]


def say(text: str, end: str = "\n") -> None:
    """A line of news; what the terminal has no character for becomes a question mark."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(f"{text}{end}".encode(encoding, "replace").decode(encoding))
    sys.stdout.flush()


def complain(text: str) -> None:
    """A line about a problem, with the program's name in front."""
    sys.stderr.write(f"superlearner: {printable_lines(text)}\n")
    sys.stderr.flush()
