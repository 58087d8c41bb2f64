"""The system as a whole."""

from __future__ import annotations

import sys
import time

import otp
from otp import observer
from superlearner.arsenal.context import Context
from superlearner.arsenal.declaration import operation
from superlearner.arsenal.results import Health, Metrics, Parts


@operation("system.health", http=("GET", "/system/health"), scope="read")
async def health(ctx: Context) -> Health:
    """How the platform is.

    Numbers of the node, and which parts of the platform are up.
    """
    platform, node = ctx.platform, ctx.node
    info = observer.info(node)
    parts = Parts(
        services=node.whereis("services") is not None,
        playground=node.whereis("playground") is not None,
        web=node.whereis("web") is not None,
        store=platform.store.trouble is None,
    )
    hub = platform.hub
    metrics = Metrics(
        total_processes=info.processes,
        supervisors=info.supervisors,
        run_queue=info.run_queue,
        spawned=info.spawned,
        message_queue_lengths=sum(otp.process_info(pid, "message_queue_len") or 0 for pid in node.processes()),
        memory_usage=_resident_bytes(),
        restarts=None if hub is None else hub.model.restarts,
        viewers=None if hub is None else len(hub.viewers),
    )
    return Health(
        status="healthy" if platform.ready and all(parts.model_dump().values()) else "degraded",
        parts=parts,
        node=info.name,
        version=platform.version,
        python=info.python,
        uptime_s=round(time.time() - platform.started_at, 1),
        metrics=metrics,
    )


def _resident_bytes() -> int | None:
    """Memory of this operating-system process, None where it cannot be told."""
    if not sys.platform.startswith("linux"):
        return None
    with open("/proc/self/statm", encoding="ascii") as file:
        pages = int(file.read().split()[1])
    import resource

    return pages * resource.getpagesize()
