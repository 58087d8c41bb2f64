"""The generated part of a documentation page; the rest is written by hand."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

__all__ = ["write_figures"]

BEGIN: Final = "<!-- figures: begin -->"
END: Final = "<!-- figures: end -->"


def write_figures(name: str, lines: Iterable[str]) -> None:
    """Replace the figures of the page `docs/NAME` by `lines`."""
    path = Path(__file__).parent.parent / "docs" / name
    page = path.read_text(encoding="utf-8")
    before, after = page.partition(BEGIN)[0], page.partition(END)[2]
    path.write_text(f"{before}{BEGIN}\n" + "\n".join(lines) + f"\n{END}{after}", encoding="utf-8")
