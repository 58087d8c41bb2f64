"""Answers of a member to commands on its machine: the state of the cluster, and connecting to an address."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from otp.cluster import Cluster
from superlearner.cluster.control import Control
from superlearner.cluster.status import status_of

__all__ = ["control_of"]


Joined = Callable[[float], Awaitable[Cluster]]
"""Returns the cluster, if need be after so many seconds. Raises `LookupError` if the member has not joined by then."""


def control_of(folder: Path, name: str, joined: Joined) -> Control:
    """Return the socket of a member."""

    async def status(request: dict[str, Any]) -> dict[str, Any]:
        timeout = float(request.get("timeout") or 0)
        cluster = await joined(timeout)
        if request.get("size") is not None:
            with contextlib.suppress(TimeoutError):
                await cluster.wait_size(int(request["size"]), timeout)
        return await status_of(cluster)

    async def connect(request: dict[str, Any]) -> dict[str, Any]:
        cluster = await joined(0)
        await cluster.connect(str(request.get("address")))
        return {"members": [member.name for member in cluster.members()]}

    return Control(folder, name, {"status": status, "connect": connect})
