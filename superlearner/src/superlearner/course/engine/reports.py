"""Reports of crashes: those of a check's own servers are no output of the answer."""

from __future__ import annotations

import functools
import logging
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from superlearner.course.engine.exercise import Check

if TYPE_CHECKING:
    from superlearner.course.engine.scenario import Scenario

__all__ = ["unreported", "without_reports"]


@contextmanager
def without_reports() -> Generator[None, None, None]:
    """Log nothing inside.

    >>> with without_reports():
    ...     logging.getLogger("otp").isEnabledFor(logging.CRITICAL)
    False
    """
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def unreported(check: Check) -> Check:
    """Return a check that logs nothing: one whose servers are all its own."""

    @functools.wraps(check)
    async def silent(scenario: Scenario) -> None:
        with without_reports():
            await check(scenario)

    return silent
