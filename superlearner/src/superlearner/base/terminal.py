"""Messages on the terminal: news on standard output, problems on standard error."""

from __future__ import annotations

import sys

from superlearner.base.printable import printable_lines

__all__ = ["complain", "say", "unwritable"]


def say(text: str, end: str = "\n") -> None:
    """Print a line of news; characters that cannot be encoded become `?`."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(f"{text}{end}".encode(encoding, "replace").decode(encoding))
    sys.stdout.flush()


def complain(text: str) -> None:
    """Print a line about a problem, with the program's name in front."""
    sys.stderr.write(f"superlearner: {printable_lines(text)}\n")
    sys.stderr.flush()


def unwritable(error: OSError) -> str:
    """Return why a file of the data directory could not be used, and what to try.

    >>> unwritable(OSError(30, "Read-only file system", "/data/members"))
    '/data/members: Read-only file system; try --data-dir with another folder'
    """
    where = "" if error.filename is None else f"{error.filename}: "
    return f"{where}{error.strerror or error}; try --data-dir with another folder"
