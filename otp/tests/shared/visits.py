"""Programs with doors and visitors, run in real time."""

from __future__ import annotations

import asyncio
from typing import Any


def run(main: Any) -> Any:
    """Run `await main()` for a minute at most."""
    return asyncio.run(asyncio.wait_for(main(), 60))
