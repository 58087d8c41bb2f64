"""The steps of a guide for contributors, done as printed: files to create, and lines to add to files.

A code block belongs to the file that the line before it names: `path/to/file.py`:
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

__all__ = ["follow"]

STEP: Final = re.compile(r"`([\w./-]+/[\w.-]+\.\w+)`:\n\n```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def follow(guide: str, folder: Path) -> list[str]:
    """Create and change the files of `folder` that a guide names; return their paths.

    Args:
        guide: the Markdown of the guide.
        folder: a copy of the repository.
    """
    done: list[str] = []
    for path, language, text in STEP.findall(guide):
        file = folder / path
        if language == "diff":
            before, after = (_side(text, sign) for sign in "-+")
            old = file.read_text(encoding="utf-8")
            assert old.count(before) == 1, (
                f"{path}: expected these lines once, got {old.count(before)} times:\n{before}"
            )
            file.write_text(old.replace(before, after), encoding="utf-8")
        else:
            assert not file.exists(), f"{path}: expected a new file"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        done.append(path)
    return done


def _side(diff: str, sign: str) -> str:
    return "".join(f"{line[1:]}\n" for line in diff.splitlines() if line[:1] in (" ", sign))
