"""What a viewer of a page is sent, frame by frame."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any


async def frame(viewer: Any) -> dict[str, Any]:
    async with asyncio.timeout(20):
        return json.loads(await viewer.next())


async def until(viewer: Any, wanted: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    """The first of the next frames that is wanted."""
    while True:
        found = await frame(viewer)
        if wanted(found):
            return found
