"""The installed Chromium that programs control."""

from __future__ import annotations

import shutil
from typing import Final

__all__ = ["ARGUMENTS", "chromium"]

NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
WINDOWLESS: Final = "chromium-headless-shell"
"""Debian's package of the same engine without windows and tabs."""

ARGUMENTS: Final = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
"""Start-up flags: render in software, make no network requests of its own."""


def chromium(*, windowless: bool = False) -> str | None:
    """Return the path of an installed Chromium, None if there is none.

    Args:
        windowless: prefer the windowless package, which cuts test time by a third; else it is the last choice.
    """
    names = (WINDOWLESS, *NAMES) if windowless else (*NAMES, WINDOWLESS)
    return next(filter(None, map(shutil.which, names)), None)
