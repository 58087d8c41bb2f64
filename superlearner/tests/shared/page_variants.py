"""The themes and widths in which tests open a page."""

from __future__ import annotations

from typing import Final

import pytest

__all__ = ["VARIANTS"]

VARIANTS: Final = (
    ("light", 1440),
    ("dark", 390),
    pytest.param("dark", 1440, marks=pytest.mark.slow),
    pytest.param("light", 390, marks=pytest.mark.slow),
)
"""Both themes and both widths; all combinations in `make full` only."""
