"""The part of the platform that runs beside a remote node.

It executes operations and streams page content, as Erlang's `observer_backend` does: the platform forwards an operation
on a remote node (`superlearner.nodes.remote`), and the backend reads all facts at one instant, in one round trip.
"""

from __future__ import annotations

from superlearner.backend.boot import serve, start
from superlearner.backend.server import Backend

__all__ = ["Backend", "serve", "start"]
