"""For whom a page is looked at: in which theme, and how wide."""

from __future__ import annotations

from typing import Final

import pytest

__all__ = ["EYES"]

EYES: Final = (
    ("light", 1440),
    ("dark", 390),
    pytest.param("dark", 1440, marks=pytest.mark.slow),
    pytest.param("light", 390, marks=pytest.mark.slow),
)
"""Both themes and both widths in every run, and each with each in `make full`: axe takes most of a page's test."""
