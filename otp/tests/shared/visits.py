"""Programs with doors and visitors, run in real time."""

from __future__ import annotations

import asyncio
from typing import Any

from otp.doors import Door, Visitor


def run(main: Any) -> Any:
    """Run `await main()` for a minute at most."""
    return asyncio.run(asyncio.wait_for(main(), 60))


def visitor_of(door: Door) -> Visitor:
    return Visitor(door.record.address, door.record.token)
