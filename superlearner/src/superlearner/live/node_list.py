"""The `platform` topic, sent to every page: nodes and a count of sandbox changes.

A frame is sent on each change, and none in between.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from superlearner.live.viewer import Viewer
from superlearner.nodes.nodes import Nodes

__all__ = ["NodeList"]

BEHIND: Final = 10
to_json: Final = msgspec.json.Encoder().encode


class NodeList:
    """The source of the `platform` topic; each frame has the complete state.

    Args:
        nodes: the attached nodes.
        head: additional fields: epoch, version.
    """

    def __init__(self, nodes: Nodes, head: Mapping[str, Any]) -> None:
        self._nodes = nodes
        self._head = dict(head)
        self._viewers: set[Viewer] = set()
        self._sandboxes = 0
        nodes.listen(self._changed)

    def attach(self) -> Viewer:
        """Return a new viewer; its first frame is a snapshot."""
        viewer = Viewer(self, BEHIND)
        self._viewers.add(viewer)
        return viewer

    def detach(self, viewer: Viewer) -> None:
        """Remove a viewer."""
        self._viewers.discard(viewer)

    def snapshot(self) -> bytes:
        """Return the current state."""
        return self._frame(self._nodes)

    def sandboxes_changed(self) -> None:
        """Notify pages that show sandboxes of a change, so that they reload the list."""
        self._sandboxes += 1
        self._changed(self._nodes)

    def _changed(self, nodes: Nodes) -> None:
        frame = self._frame(nodes)
        for viewer in self._viewers:
            viewer.offer(frame)

    def _frame(self, nodes: Nodes) -> bytes:
        rests = nodes.find(None) is None
        said = {"nodes": nodes.names(), "rests": rests, "left": nodes.left, "sandboxes": self._sandboxes}
        return to_json({"k": "s", **self._head, **said})
