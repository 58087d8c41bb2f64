"""The Chromium of this machine that a program drives."""

from __future__ import annotations

import shutil
from typing import Final

__all__ = ["ARGUMENTS", "chromium", "headless_chromium"]

WHOLE: Final = ("chromium", "chromium-browser", "google-chrome")
SHELL: Final = "chromium-headless-shell"

ARGUMENTS: Final = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
"""What it is started with: it draws by itself, and asks nobody on the network for anything."""


def chromium() -> str | None:
    """The path of a whole Chromium, as a person has it; None if there is none."""
    return next(filter(None, map(shutil.which, WHOLE)), None)


def headless_chromium() -> str | None:
    """The path of the one that can only be driven, where there is one: it takes a third less of the processor."""
    return shutil.which(SHELL) or chromium()
