"""Answers of a member to commands on its machine: the state of the cluster, and connecting to an address."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from otp.cluster import Cluster, Member
from superlearner.cluster.control import Control, records
from superlearner.cluster.member_report import gather_reports
from superlearner.cluster.status import status_of
from superlearner.cluster.ways import member_name
from superlearner.nodes.nodes import full_name

__all__ = ["address_of", "check_ended", "control_of"]


Joined = Callable[[float], Awaitable[Cluster]]
"""Returns the cluster, if need be after so many seconds. Raises `LookupError` if the member has not joined by then."""


def control_of(
    folder: Path,
    name: str,
    joined: Joined,
    simulated: Callable[[], Mapping[str, bool]] = dict[str, bool],
    disconnected: Callable[[], Mapping[str, str | None]] = dict[str, str | None],
) -> Control:
    """Return the socket of a member.

    Args:
        folder: the data directory.
        name: the name of the member.
        joined: returns its cluster.
        simulated: returns which members it simulates, and whether each one runs.
        disconnected: returns the members that were disconnected, with their addresses, if more than its own requests
            did that.
    """
    parted: dict[str, str | None] = {}

    def apart(cluster: Cluster) -> dict[str, str | None]:
        for member in cluster.members():
            parted.pop(member.name, None)
        return {**parted, **disconnected()}

    async def status(request: dict[str, Any]) -> dict[str, Any]:
        timeout = float(request.get("timeout") or 0)
        cluster = await joined(timeout)
        if request.get("size") is not None:
            with contextlib.suppress(TimeoutError):
                await cluster.wait_size(int(request["size"]), timeout)
        found = simulated()
        shown = await status_of(cluster, apart(cluster))
        return {**shown, "simulated": [{"name": one, "up": up} for one, up in found.items()]}

    async def connect(request: dict[str, Any]) -> dict[str, Any]:
        cluster = await joined(0)
        await cluster.connect(address_of(cluster, str(request.get("address")), apart(cluster)))
        return {"members": [member.name for member in cluster.members()]}

    async def disconnect(request: dict[str, Any]) -> dict[str, Any]:
        cluster = await joined(0)
        member = _find(request, cluster.members()[1:], "connected")
        parted[member] = next(one.address for one in cluster.members() if one.name == member)
        cluster.disconnect(member)
        return {"name": member, "disconnected": True}

    async def forget(request: dict[str, Any]) -> dict[str, Any]:
        cluster = await joined(0)
        if (member := member_name(str(request.get("name")))) in apart(cluster):
            check_ended(folder, member)
            parted.pop(member, None)
            return {"name": member, "forgotten": True}
        member = _find(request, cluster.lost(), "lost")
        await cluster.forget(member)
        return {"name": member, "forgotten": True}

    async def reports(_request: dict[str, Any]) -> dict[str, Any]:
        return await gather_reports(await joined(0))

    handlers = {
        "status": status, "connect": connect, "disconnect": disconnect, "forget": forget, "reports": reports,
    }  # fmt: skip
    return Control(folder, name, handlers)


def address_of(cluster: Cluster, text: str, disconnected: Mapping[str, str | None]) -> str:
    """Return the address of a member, given as its name, or else the text. Raises `LookupError`."""
    known = {**disconnected, **{member.name: member.address for member in (*cluster.lost(), *cluster.members()[1:])}}
    if (address := known.get(full_name(text))) is not None:
        return address
    if ":" in text or "/" in text:
        return text
    names = "".join(f", or {one}" for one, address in known.items() if address is not None)
    raise LookupError(f"there is no member {text!r}; try an address such as tcp/127.0.0.1:7447{names}")


def check_ended(folder: Path, name: str) -> None:
    """Refuse to forget a disconnected member that runs on this machine. Raises `LookupError`."""
    found = next((record for record in records(folder) if record.name == name), None)
    if found is not None:
        raise LookupError(f"{name} still runs (process {found.os_pid}); connect it again, or end it first")


def _find(request: dict[str, Any], known: list[Member], what: str) -> str:
    """Return the name of a member; `b` is also `b@127.0.0.1`. Raises `LookupError`."""
    asked, names = str(request.get("name")), [member.name for member in known]
    if (found := member_name(asked)) not in names:
        expected = f"expected one of {', '.join(names)}" if names else "no member is"
        raise LookupError(f"{found} is not {what}; {expected}")
    return found
