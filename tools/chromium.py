"""The Chromium of this machine that a program drives."""

from __future__ import annotations

import shutil
from typing import Final

__all__ = ["ARGUMENTS", "chromium"]

NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
WINDOWLESS: Final = "chromium-headless-shell"
"""The same engine without windows, tabs and what draws them: Debian's package of this name."""

ARGUMENTS: Final = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
"""Flags to start it with: it renders in software and makes no network request of its own."""


def chromium(*, windowless: bool = False) -> str | None:
    """Return the path of an installed Chromium, None if there is none.

    Args:
        windowless: take the one without windows where it is installed: tests need two thirds of the time with it.
    """
    return next(filter(None, map(shutil.which, ((WINDOWLESS,) if windowless else ()) + NAMES)), None)
