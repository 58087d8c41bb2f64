"""Frames sent to the viewer of a page."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any


async def frame(viewer: Any) -> dict[str, Any]:
    async with asyncio.timeout(20):
        return json.loads(await viewer.next())


async def until(viewer: Any, wanted: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    """Return the next frame that matches."""
    while True:
        found = await frame(viewer)
        if wanted(found):
            return found
