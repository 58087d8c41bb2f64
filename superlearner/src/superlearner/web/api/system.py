"""The system: how it is, and the description of this API."""

from __future__ import annotations

import sys
import time
from typing import Any

from fastapi import APIRouter, Request

import otp
from otp import observer
from superlearner.web.api.described import Answer, Health, answers
from superlearner.web.api.parts import NodeOf, PlatformOf
from superlearner.web.envelope import Envelope

__all__ = ["router"]

router = APIRouter()


@router.get("/system/health", tags=["system"], summary="How the platform is", responses=answers(Answer[Health]))
async def health(node: NodeOf, platform: PlatformOf) -> Envelope[dict[str, Any]]:
    """Numbers of the node, and which parts of the platform are up."""
    info = observer.info(node)
    parts = {name: node.whereis(name) is not None for name in ("services", "playground", "web")}
    hub = platform.hub
    metrics: dict[str, Any] = {
        "total_processes": info.processes,
        "supervisors": info.supervisors,
        "run_queue": info.run_queue,
        "spawned": info.spawned,
        "message_queue_lengths": sum(otp.process_info(pid, "message_queue_len") or 0 for pid in node.processes()),
        "memory_usage": _resident_bytes(),
        "restarts": None if hub is None else hub.model.restarts,
        "viewers": None if hub is None else len(hub.viewers),
    }
    data: dict[str, Any] = {
        "status": "healthy" if platform.ready and all(parts.values()) else "degraded",
        "parts": parts,
        "node": info.name,
        "version": platform.version,
        "python": info.python,
        "uptime_s": round(time.time() - platform.started_at, 1),
        "metrics": metrics,
    }
    return Envelope(data=data)


@router.get(
    "/arsenal/docs", tags=["arsenal"], summary="This API as an OpenAPI document", responses=answers(dict[str, Any])
)
async def docs(request: Request) -> dict[str, Any]:
    """The bare document, without the envelope."""
    return request.app.openapi()


def _resident_bytes() -> int | None:
    """Memory of this operating-system process, None where it cannot be told."""
    if not sys.platform.startswith("linux"):
        return None
    with open("/proc/self/statm", encoding="ascii") as file:
        pages = int(file.read().split()[1])
    import resource

    return pages * resource.getpagesize()
