"""Source files of the repository: tracked, or new and not ignored."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_MADE = {"__pycache__", "node_modules", "build", "dist", "htmlcov"}


def written_files(root: Path = ROOT) -> Iterator[Path]:
    """Yield paths relative to ``root``, sorted; without git, unhidden source files."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=root,
        capture_output=True,
        check=False,
    )
    if listed.returncode == 0:
        names = sorted(set(listed.stdout.decode().split("\0")) - {""})
        yield from (Path(name) for name in names if (root / name).is_file())
        return
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _MADE)
        yield from (Path(folder, name).relative_to(root) for name in sorted(names))
