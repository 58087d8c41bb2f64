"""The Chromium of this machine that a program drives."""

from __future__ import annotations

import shutil
from typing import Final

__all__ = ["ARGUMENTS", "chromium"]

NAMES: Final = ("chromium", "chromium-browser", "google-chrome")

ARGUMENTS: Final = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
"""What it is started with: it draws by itself, and asks nobody on the network for anything."""


def chromium() -> str | None:
    """Its path, as a person has it; None if there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)
