"""The one way to the log: a handler that fails must not become the end of a scheduler."""

from __future__ import annotations

import logging
import sys
import traceback
from typing import Any

__all__ = ["say"]

logger = logging.getLogger("otp")


def say(level: int, text: str, *args: Any, exc_info: BaseException | None = None) -> None:
    """Log on the logger `otp`; what a handler or a filter raises goes to the standard error stream."""
    if not logger.isEnabledFor(level):
        return
    try:
        logger.log(level, text, *args, exc_info=exc_info, stacklevel=2)
    except Exception:
        if sys.stderr is not None:  # pyright: ignore[reportUnnecessaryComparison]
            traceback.print_exc()
