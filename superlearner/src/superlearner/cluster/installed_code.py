"""The code of this program, to compare it with that of other members: a hash of each installed package.

A package that is installed from a wheel is hashed by its record, which has the hash of each file. Of an editable one,
the sources are hashed.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from hashlib import blake2b
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any, Final

__all__ = ["LOADED_AT", "installed_code"]

LOADED_AT: Final = time.time()
"""The time at which this program began to load its code, in seconds since 1970."""
DIGITS: Final = 4
"""Bytes of a hash that are compared."""
OF_THIS_PLACE: Final = ("../", "direct_url.json", "INSTALLER", "REQUESTED", "RECORD", ".pyc")
"""Beginnings and ends of files that differ with the place of an installation, and not with its code."""
OUTSIDE: Final = frozenset({"__pycache__", "site-packages", "node_modules"})


def installed_code() -> dict[str, Any]:
    """Return the version of Python, each package with version and hash, and what has changed since the start.

    It reads the sources of editable packages, which may take some hundred milliseconds.

    >>> sorted(installed_code())
    ['changed', 'packages', 'python']
    """
    packages = {str(one.name).lower().replace("_", "-"): _describe(one) for one in distributions()}
    return {"python": ".".join(map(str, sys.version_info[:3])), "packages": packages, "changed": changed_modules()}


def _describe(one: Distribution) -> str:
    digest = blake2b(digest_size=DIGITS)
    record = one.read_text("RECORD") or ""
    lines = [line for line in record.splitlines() if not _is_of_this_place(line.partition(",")[0])]
    for root in _source_roots(one, lines):
        for path in sorted(_sources(root)):
            digest.update(path.relative_to(root).as_posix().encode())
            with suppress(OSError):  # removed meanwhile
                digest.update(path.read_bytes())
    digest.update("\n".join(sorted(line for line in lines if ".pth" not in line)).encode())
    return f"{one.version} {digest.hexdigest()}"


def _is_of_this_place(path: str) -> bool:
    return path.startswith(OF_THIS_PLACE[0]) or path.endswith(OF_THIS_PLACE[1:])


def _source_roots(one: Distribution, lines: list[str]) -> Iterator[Path]:
    """Yield the folders that an editable package adds to the path."""
    for name in (line.partition(",")[0] for line in lines):
        if name.endswith(".pth"):
            with suppress(OSError):
                text = Path(str(one.locate_file(name))).read_text(encoding="utf-8")
                folders = [Path(line) for line in text.splitlines() if not line.startswith("import ")]
                yield from (folder for folder in folders if folder.is_dir())


def _sources(root: Path) -> Iterator[Path]:
    """Yield the modules below a folder, without virtual environments and hidden folders."""
    for folder, folders, files in os.walk(root):
        folders[:] = [
            name
            for name in folders
            if name not in OUTSIDE and not name.startswith(".") and not Path(folder, name, "pyvenv.cfg").exists()
        ]
        yield from (Path(folder, name) for name in files if name.endswith(".py"))


def changed_modules(since: float = LOADED_AT) -> list[str]:
    """Return the top names of loaded modules whose files have changed since a time: this program runs older code."""
    found: set[str] = set()
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None)
        try:
            if path and os.stat(path).st_mtime > since:
                found.add(name.partition(".")[0])
        except (OSError, TypeError, ValueError):
            continue  # it is in an archive, or removed
    return sorted(found)
