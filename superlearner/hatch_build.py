"""Puts the documentation into what is built: into the wheel as `superlearner/teaching/manual/pages`.

A wheel is built in a checkout, where the pages are in the parent folder, or from a source distribution, which includes
them. An editable installation reads them where they are.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

IN_WHEEL = "superlearner/teaching/manual/pages"
IN_SOURCES = "pages"
BESIDE = ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")


class Pages(BuildHookInterface[Any]):
    """Adds the pages to the files of a build."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Before the files are collected."""
        if version == "editable":
            return
        folder = Path(self.root)
        packed = folder / IN_SOURCES
        source = packed if packed.is_dir() else folder.parent
        target = IN_WHEEL if self.target_name == "wheel" else IN_SOURCES
        files = [*(source / "docs").rglob("*.md"), *(source / name for name in BESIDE)]
        shown = "".join(path.read_text(encoding="utf-8") for path in files)
        files += [path for path in (source / "docs" / "pictures").iterdir() if path.name in shown]
        for path in files:
            build_data["force_include"][str(path)] = f"{target}/{path.relative_to(source).as_posix()}"
