"""The static files as a whole, with a hash of all of them for caching."""

from __future__ import annotations

import hashlib
import os
import posixpath
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

__all__ = ["COMMENT", "STATIC", "StaticTree"]

STATIC: Final = Path(__file__).parent / "static"
HASH_LENGTH: Final = 12
COMMENT: Final = re.compile(r"^[ \t]*/\*\*.*?\*/[ \t]*\n?", re.DOTALL | re.MULTILINE)
"""A comment of our JavaScript that has its lines for itself."""
VERSION: Final = re.compile(r"[0-9a-f]{12}")
Stamp = tuple[int, int]
"""The time of a file's last change, and its size."""

IMPORT: Final = re.compile(rb"""\n(?:import|export)\b[^"'();=]*["'](\.{1,2}/[^"']+)["']""")
"""A static import; a dynamic one does not begin a line, or has parentheses."""


class StaticTree:
    """The static files below a folder, their version, and their imports.

    The version is a hash of all names and contents. It is part of the path, so relative imports between modules and
    addresses in style sheets stay inside one version. The first page computes it, in about 10 ms; `look` recomputes it
    after a file has changed, so the next page shows an edit.

    >>> files = StaticTree(STATIC)
    >>> files.url("icon.svg") == f"/static/{files.version}/icon.svg"
    True
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._stamps: dict[str, Stamp] = {}
        self._version = ""
        self._imports: dict[str, list[str]] = {}

    @property
    def version(self) -> str:
        """Return the hash of the files as of the last look."""
        self._look_once()
        return self._version

    def look(self) -> None:
        """Detect changes since the last look."""
        stamps = dict(_stamps(self.folder))
        if stamps != self._stamps:
            self._stamps = stamps
            self._read()

    def url(self, path: str) -> str:
        """Return the address of a file, below the root path."""
        return f"/static/{self.version}/{path}"

    def modules(self, entries: Iterable[str]) -> tuple[str, ...]:
        """Return `entries` and all modules that they import statically, nearest first."""
        self._look_once()
        found = dict.fromkeys(entries)
        waiting = list(found)
        for path in waiting:
            new = [one for one in self._imports.get(path, ()) if one not in found]
            found.update(dict.fromkeys(new))
            waiting += new
        return tuple(found)

    def split(self, path: str) -> tuple[str | None, str]:
        """Return the version in a requested path, if any, and the path of the file."""
        version, _, rest = path.partition("/")
        return (version, rest) if VERSION.fullmatch(version) else (None, path)

    def is_current(self, version: str, path: str) -> bool:
        """Return whether a file is unchanged since that version was computed."""
        found = self._stamps.get(path) if version == self.version else None
        return found is not None and found == _stamp(os.stat(self.folder / path))

    def _look_once(self) -> None:
        if not self._version:
            self.look()

    def _read(self) -> None:
        self._imports = {}
        found = hashlib.sha256()
        for path in sorted(self._stamps):
            content = (self.folder / path).read_bytes()
            found.update(f"{path}\0{len(content)}\0".encode())
            found.update(content)
            if path.endswith(".js"):
                folder = posixpath.dirname(path)
                named = (posixpath.join(folder, one.decode()) for one in IMPORT.findall(b"\n" + content))
                self._imports[path] = list(map(posixpath.normpath, named))
        self._version = found.hexdigest()[:HASH_LENGTH]


def _stamps(folder: Path | str, before: str = "") -> Iterator[tuple[str, Stamp]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _stamps(entry.path, f"{before}{entry.name}/")
            else:
                yield f"{before}{entry.name}", _stamp(entry.stat())


def _stamp(stat: os.stat_result) -> Stamp:
    return stat.st_mtime_ns, stat.st_size
