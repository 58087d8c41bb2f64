"""The documentation inside the product: the pages of `docs/`, their order, their look, and a search over them."""

from __future__ import annotations

from superlearner.manual.book import Manual, NoSuchPage
from superlearner.manual.contents import Entry, Part
from superlearner.manual.moved import current
from superlearner.manual.rendering import Heading, Rendered, inline
from superlearner.manual.search import Hit, Indexed

__all__ = ["Entry", "Heading", "Hit", "Indexed", "Manual", "NoSuchPage", "Part", "Rendered", "current", "inline"]
