"""Messages on the terminal: news on standard output, problems on standard error."""

from __future__ import annotations

import sys

from superlearner.base.printable import printable_lines

__all__ = ["complain", "say"]


def say(text: str, end: str = "\n") -> None:
    """Print a line of news; characters that cannot be encoded become `?`."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(f"{text}{end}".encode(encoding, "replace").decode(encoding))
    sys.stdout.flush()


def complain(text: str) -> None:
    """Print a line about a problem, with the program's name in front."""
    sys.stderr.write(f"superlearner: {printable_lines(text)}\n")
    sys.stderr.flush()
