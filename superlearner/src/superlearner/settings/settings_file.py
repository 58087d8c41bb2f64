"""`superlearner.toml` on disk: its values, and the line of each."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from otp.redaction import without_secrets

__all__ = ["LARGEST", "Signature", "TomlFile", "UnreadableFile", "read_toml", "signature"]

LARGEST: Final = 100_000
"""Size in bytes above which the file is assumed to be a wrong one."""

PLACE: Final = re.compile(r" \(at line (\d+), column (\d+)\)")

Signature = tuple[int, int, int, int, int]
"""Version of a file: file system, inode, times of change (ns), size."""


class UnreadableFile(ValueError):
    """The file exists but cannot be read; `line` is the place, if known."""

    def __init__(self, problem: str, line: int | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.line = line


@dataclass(frozen=True, slots=True)
class TomlFile:
    """Contents of the file."""

    values: dict[str, Any] = field(default_factory=dict[str, Any])
    lines: dict[str, int] = field(default_factory=dict[str, int])


def signature(path: Path) -> Signature | None:
    """Return the version of a file; None if it cannot be accessed."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size


def read_toml(path: Path) -> TomlFile | None:
    """Read the file; None if there is none.

    Raises:
        UnreadableFile: it is not TOML, not text, too large, or not readable.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UnreadableFile(f"cannot be read: {reason}; check its permissions") from None
    if len(content) > LARGEST:
        raise UnreadableFile(f"expected at most {LARGEST:,} bytes, got more; is it the right file?")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UnreadableFile("expected text in UTF-8, got other bytes", line) from None
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _no_toml(str(error), text) from None
    except RecursionError:
        raise UnreadableFile("expected lines such as `port = 4001`, got too many nested brackets") from None
    return TomlFile(values, {name: line_of(text, name) for name in values})


def _no_toml(said: str, text: str) -> UnreadableFile:
    found = PLACE.search(said)
    line = int(found[1]) if found is not None else text.count("\n") + 1
    lines = text.splitlines()
    shown = without_secrets(lines[line - 1].strip(), 80) if line <= len(lines) else ""
    where = "" if not shown else f" in `{shown}`"
    words = PLACE.sub("", said).replace(" (at end of document)", " at the end")
    return UnreadableFile(f"{words[:1].lower()}{words[1:]}{where}; expected lines such as `port = 4001`", line)


def line_of(text: str, name: str) -> int:
    r"""Return the line of a top-level key or of its table.

    >>> line_of("# ours\nport = 4001\n[shop]", "port"), line_of("[shop]\nport = 1", "shop")
    (2, 1)
    """
    key = re.escape(name)
    found = re.search(rf"^[ \t]*(?:\[+[ \t]*)?(?:{key}|\"{key}\"|'{key}')[ \t]*(?:=|\]|\.)", text, re.MULTILINE)
    return 1 if found is None else text.count("\n", 0, found.start()) + 1
