"""The seeds of the long random histories that a run of the slow tests takes."""

from __future__ import annotations

import os
from datetime import date

__all__ = ["share_of"]


def share_of(seeds: range) -> range:
    """Return all seeds, or with SHARE=3 every third one: other ones on the next day, and all of them in three days."""
    share = int(os.environ.get("SHARE") or 1)
    return seeds[date.today().toordinal() % share :: share]
