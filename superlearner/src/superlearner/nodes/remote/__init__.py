"""Nodes in other processes: asked over a link, their answers untrusted.

The counterpart is `superlearner.backend`, which runs in the process of the node.
"""

from __future__ import annotations

from superlearner.nodes.remote.failures import BadAnswer, NodeBusy, NodeGone, NodeSilent, RemoteError
from superlearner.nodes.remote.following import follow
from superlearner.nodes.remote.link import Link
from superlearner.nodes.remote.remote_node import RemoteNode

__all__ = ["BadAnswer", "Link", "NodeBusy", "NodeGone", "NodeSilent", "RemoteError", "RemoteNode", "follow"]
