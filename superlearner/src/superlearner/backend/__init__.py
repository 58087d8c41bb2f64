"""The platform's half that runs where a node is: it carries out operations there and sends what pages show.

As Erlang's `observer_backend`, for everything that `superlearner` offers: the platform forwards an operation on a node
in another process (`superlearner.nodes.remote`), and what it needs is read here, at one instant and in one round trip.
"""

from __future__ import annotations

from superlearner.backend.boot import serve, start
from superlearner.backend.server import Backend

__all__ = ["Backend", "serve", "start"]
