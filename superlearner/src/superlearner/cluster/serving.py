"""Answers of a member to commands on its machine: the state of the cluster, and connecting to an address."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from otp.cluster import Cluster, Member
from superlearner.cluster.control import Control
from superlearner.cluster.member_report import gather_reports
from superlearner.cluster.status import status_of
from superlearner.cluster.ways import member_name

__all__ = ["control_of"]


Joined = Callable[[float], Awaitable[Cluster]]
"""Returns the cluster, if need be after so many seconds. Raises `LookupError` if the member has not joined by then."""


def control_of(
    folder: Path, name: str, joined: Joined, simulated: Callable[[], Mapping[str, bool]] = dict[str, bool]
) -> Control:
    """Return the socket of a member; `simulated` returns which members it simulates, and whether each one runs."""

    async def status(request: dict[str, Any]) -> dict[str, Any]:
        timeout = float(request.get("timeout") or 0)
        cluster = await joined(timeout)
        if request.get("size") is not None:
            with contextlib.suppress(TimeoutError):
                await cluster.wait_size(int(request["size"]), timeout)
        found = simulated()
        return {**await status_of(cluster), "simulated": [{"name": one, "up": up} for one, up in found.items()]}

    async def connect(request: dict[str, Any]) -> dict[str, Any]:
        cluster = await joined(0)
        await cluster.connect(str(request.get("address")))
        return {"members": [member.name for member in cluster.members()]}

    async def disconnect(request: dict[str, Any]) -> dict[str, Any]:
        cluster = await joined(0)
        member = _find(request, cluster.members()[1:], "connected")
        cluster.disconnect(member)
        return {"name": member}

    async def forget(request: dict[str, Any]) -> dict[str, Any]:
        cluster = await joined(0)
        member = _find(request, cluster.lost(), "lost")
        await cluster.forget(member)
        return {"name": member}

    async def reports(_request: dict[str, Any]) -> dict[str, Any]:
        return await gather_reports(await joined(0))

    handlers = {
        "status": status, "connect": connect, "disconnect": disconnect, "forget": forget, "reports": reports,
    }  # fmt: skip
    return Control(folder, name, handlers)


def _find(request: dict[str, Any], known: list[Member], what: str) -> str:
    """Return the name of a member; `b` is also `b@127.0.0.1`. Raises `LookupError`."""
    asked, names = str(request.get("name")), [member.name for member in known]
    if (found := member_name(asked)) not in names:
        expected = f"expected one of {', '.join(names)}" if names else "no member is"
        raise LookupError(f"{found} is not {what}; {expected}")
    return found
