"""Command files that the command line reads instead of importing the operations.

python -m tools.commands            writes the files; run it after you add or change an operation
python -m tools.commands --check    lists the files that differ from what the operations declare
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from superlearner.cli.manifest import FOLDER
from superlearner.operations.adapters.cli import manifest


def written() -> dict[Path, str]:
    """Return the content of each file."""
    return {
        FOLDER / f"{category}.json": json.dumps(entries, indent=1, ensure_ascii=False) + "\n"
        for category, entries in manifest().items()
    }


def differing() -> list[str]:
    """Return the names of files that are missing, obsolete or outdated."""
    wanted = written()
    there = {file: file.read_text(encoding="utf-8") for file in FOLDER.glob("*.json")}
    return sorted(file.name for file in {*wanted, *there} if wanted.get(file) != there.get(file))


def write() -> None:
    """Write all files."""
    FOLDER.mkdir(exist_ok=True)
    wanted = written()
    for file in set(FOLDER.glob("*.json")) - set(wanted):
        file.unlink()
    for file, text in wanted.items():
        file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:] != ["--check"]:
        write()
    elif wrong := differing():
        sys.exit(f"the commands of {', '.join(wrong)} are not what the operations declare: run make commands")
