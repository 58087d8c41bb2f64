"""The documentation inside the product: the pages of `docs/`, their order, their look, and a search over them."""

from __future__ import annotations

from superlearner.teaching.manual.book import Manual, NoSuchPage
from superlearner.teaching.manual.contents import ContentsEntry, ContentsPart
from superlearner.teaching.manual.moved import current
from superlearner.teaching.manual.rendering import DocsHeading, Rendered, inline
from superlearner.teaching.manual.search import Hit, Indexed

__all__ = [
    "ContentsEntry",
    "DocsHeading",
    "Hit",
    "Indexed",
    "Manual",
    "NoSuchPage",
    "ContentsPart",
    "Rendered",
    "current",
    "inline",
]
