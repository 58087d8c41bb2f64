"""The part of the platform that runs beside a remote node: it executes operations and sends the content of pages.

It is what `observer_backend` is in Erlang, for every operation of `superlearner`: the platform forwards an operation on
a node in another process (`superlearner.nodes.remote`), and all facts are read here, at one instant, in one round trip.
"""

from __future__ import annotations

from superlearner.backend.boot import serve, start
from superlearner.backend.server import Backend

__all__ = ["Backend", "serve", "start"]
