"""A node in another process, as the platform has it: asked over a link, and believed nothing.

The other side is `superlearner.backend`, which runs where the node is.
"""

from __future__ import annotations

from superlearner.nodes.remote.failures import BadAnswer, NodeBusy, NodeGone, NodeSilent, RemoteError
from superlearner.nodes.remote.link import Link
from superlearner.nodes.remote.remote_node import RemoteNode

__all__ = ["BadAnswer", "Link", "NodeBusy", "NodeGone", "NodeSilent", "RemoteError", "RemoteNode"]
