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
"""What it is started with: it draws by itself, and asks nobody on the network for anything."""


def chromium(*, windowless: bool = False) -> str | None:
    """Its path, as a person has it; None if there is none.

    Args:
        windowless: take the one without windows where it is installed: tests need two thirds of the time with it.
    """
    return next(filter(None, map(shutil.which, ((WINDOWLESS,) if windowless else ()) + NAMES)), None)
