"""Whether a page is wider than what is seen of it."""

from __future__ import annotations

__all__ = ["SIDEWAYS"]

SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
"""What a page says, evaluated: by how many pixels it scrolls sideways."""
