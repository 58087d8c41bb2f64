"""Answers of a member to commands on its machine: the state of the cluster, and connecting to an address."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from otp.cluster import Cluster
from superlearner.cluster.control import Control
from superlearner.cluster.status import status_of

__all__ = ["control_of"]


def control_of(folder: Path, name: str, cluster: Callable[[], Cluster | None]) -> Control:
    """Return the socket of a member; `cluster` returns None while it has not joined."""

    def joined() -> Cluster:
        found = cluster()
        if found is None:
            raise LookupError(f"{name} has not joined its cluster")
        return found

    async def status(request: dict[str, Any]) -> dict[str, Any]:
        if request.get("size") is not None:
            with contextlib.suppress(TimeoutError):
                await joined().wait_size(int(request["size"]), float(request["timeout"]))
        return await status_of(joined())

    async def connect(request: dict[str, Any]) -> dict[str, Any]:
        await joined().connect(str(request.get("address")))
        return {"members": [member.name for member in joined().members()]}

    return Control(folder, name, {"status": status, "connect": connect})
