"""The attachment of a service to a platform under test."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from platform import release as platform_release
from typing import Any

__all__ = ["ATTACHED", "NODE", "OWNER", "TELLS_ENDS", "attach", "killed", "wait_for_nodes"]

TELLS_ENDS = tuple(int(one) for one in re.findall(r"\d+", platform_release())[:2]) >= (6, 15)
"""True if Linux tells how a process ended that is no child."""

OWNER = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}
ATTACHED = "/api/v1/nodes/attached"
NODE = "shop@127.0.0.1"


def killed(os_pid: int) -> str:
    """Return why a service is gone whose program was killed."""
    return f"its process {os_pid} no longer exists{': SIGKILL ended it' if TELLS_ENDS else ''}"


async def attach(platform: Any, address: str = NODE, **more: Any) -> Any:
    return await platform.client.post(ATTACHED, json={"address": address, **more}, headers=OWNER)


async def wait_for_nodes(platform: Any, wanted: Callable[[list[str]], bool]) -> None:
    """Wait until the names of the nodes are as wanted."""
    reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def look(nodes: Any) -> None:
        if not reached.done() and wanted([one.name for one in nodes]):
            reached.set_result(None)

    platform.platform.nodes.listen(look)
    look(platform.platform.nodes)
    await reached
