"""Detection of pages that are wider than the window."""

from __future__ import annotations

__all__ = ["SIDEWAYS"]

SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
"""Script that returns by how many pixels a page scrolls sideways."""
