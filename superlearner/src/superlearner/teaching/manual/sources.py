"""The locations and names of the pages, in a wheel and in a checkout.

A page has a path in the repository (`docs/behaviours/supervisor.md`), used by links between pages, and a name
(`behaviours/supervisor`), used by people and in addresses.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Final

__all__ = ["CONTENTS", "Sources"]

CONTENTS: Final = "docs/README.md"
BESIDE: Final = {"CHANGELOG.md": "changelog", "CONTRIBUTING.md": "contributing", "SECURITY.md": "security-policy"}
"""Pages at the root of the repository, where people expect them, and their names."""

PACKED: Final = Path(__file__).parent / "pages"
CHECKOUT: Final = Path(__file__).parents[5]
PICTURES: Final = {
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webp": "image/webp",
    ".json": "application/json",
}
"""Media types of pictures, and of the recordings beside them."""


class Sources:
    """The files of the documentation.

    Args:
        folder: contains `docs/` and the pages beside it; by default the location for this package.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or (PACKED if PACKED.is_dir() else CHECKOUT)

    def pages(self) -> list[str]:
        """Return the paths of all pages, sorted, without the table of contents."""
        below = (path.relative_to(self._folder).as_posix() for path in (self._folder / "docs").rglob("*.md"))
        beside = (name for name in BESIDE if (self._folder / name).is_file())
        return sorted({*below, *beside} - {CONTENTS}) if (self._folder / CONTENTS).is_file() else []

    def text(self, page: str) -> str:
        """Return the Markdown of a page."""
        return (self._folder / page).read_text(encoding="utf-8")

    def picture(self, name: str) -> tuple[Path, str] | None:
        """Return the path and media type of a picture, by its name; None if missing."""
        folder = (self._folder / "docs").resolve()
        kind = PICTURES.get(PurePosixPath(name).suffix)
        try:
            path = (folder / name).resolve()
            return (path, kind) if kind is not None and path.is_relative_to(folder) and path.is_file() else None
        except (OSError, ValueError):  # an impossible file name: too long, or with a null character
            return None


def name_of(page: str) -> str:
    """Return the name of a page in addresses and commands.

    >>> name_of("docs/behaviours/supervisor.md"), name_of("docs/decisions/README.md"), name_of("CHANGELOG.md")
    ('behaviours/supervisor', 'decisions', 'changelog')
    """
    return BESIDE.get(page) or page.removeprefix("docs/").removesuffix(".md").removesuffix("/README")


def resolved(page: str, link: str) -> str:
    """Return the repository path that a relative link on a page leads to.

    >>> resolved("docs/behaviours/task.md", "../library.md"), resolved("docs/library.md", "../SECURITY.md")
    ('docs/library.md', 'SECURITY.md')
    """
    parts: list[str] = []
    for part in (PurePosixPath(page).parent / link).parts:
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)
