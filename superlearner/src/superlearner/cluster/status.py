"""The state of a cluster as one member sees it: a document for the command line, the API and the page."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import Any, Final

import otp
from otp import standstill
from otp.cluster import Cluster, Member
from superlearner.cluster.ways import BACKEND

__all__ = ["PING_S", "pings", "status_of"]

PING_S: Final = 1.0
"""Seconds that a member has to answer."""
SLOW_MS: Final = 200.0


async def pings(cluster: Cluster, names: Iterable[str] | None = None) -> dict[str, float | None]:
    """Return the round trips to members in milliseconds, by default to all; None for no answer within `PING_S`.

    They are asked at the same time.
    """
    others = [member.name for member in cluster.members()[1:]] if names is None else list(names)
    found = await asyncio.gather(*(_ping(cluster, name) for name in others))
    return dict(zip(others, found, strict=True))


async def _ping(cluster: Cluster, name: str) -> float | None:
    begun = time.perf_counter()
    try:
        async with standstill.timeout(PING_S):
            await cluster.distribution.whereis(BACKEND, name)
    except (TimeoutError, otp.CallExit):
        return None
    return (time.perf_counter() - begun) * 1000


async def status_of(cluster: Cluster, disconnected: Mapping[str, str | None] | None = None) -> dict[str, Any]:
    """Return members, their health with its evidence, and what is missing, as JSON can hold it.

    Args:
        cluster: as one member sees it.
        disconnected: the members that were disconnected from it, with their addresses.
    """
    times = await pings(cluster)
    members = cluster.members()
    lost = cluster.lost()
    settings = cluster.settings
    shown = [_line(member, times, own=place == 0) for place, member in enumerate(members)]
    well = not lost and not disconnected and all(line["health"] == "healthy" for line in shown)
    return {
        "cluster": cluster.node.name,
        "status": "healthy" if well else "degraded",
        "partition": "suspected" if any(one["health"] == "silent" for one in shown) or lost else "none",
        "size": len(members),
        "settings": {"heartbeat": settings.heartbeat, "dead": settings.dead, "settle": cluster.settle},
        "members": shown,
        "missing": [
            {"name": member.name, "incarnation": member.incarnation, "since": member.since, "reason": "lost"}
            for member in lost
        ]
        + [
            {"name": name, "address": address, "reason": "disconnected"}
            for name, address in (disconnected or {}).items()
        ],
    }


def _line(member: Member, times: dict[str, float | None], *, own: bool) -> dict[str, Any]:
    sent: Any = member.meta
    meta: Any = sent if type(sent) is dict else {}  # pyright: ignore[reportUnknownVariableType]
    if own:
        health, evidence = "healthy", "this member answers you"
    else:
        took = times.get(member.name)
        if took is None:
            health, evidence = "silent", f"no answer within {PING_S:g} s"
        else:
            health = "slow" if took > SLOW_MS else "healthy"
            evidence = f"answered in {took:.1f} ms, slow from {SLOW_MS:g} ms"
    return {
        "name": member.name,
        "status": member.status,
        "incarnation": member.incarnation,
        "own": own,
        "os_pid": _typed(meta, "os_pid", int),
        "address": member.address,
        "http": _typed(meta, "http", str),
        "kind": _typed(meta, "kind", str) or "node",
        "version": member.version,
        "since": member.since,
        "round_trip_ms": None if own else times.get(member.name),
        "health": health,
        "evidence": evidence,
    }


def _typed(meta: Any, key: str, kind: type) -> Any:
    """Return a value that another member sent, if it has the expected type."""
    value = meta.get(key)
    return value if type(value) is kind else None
