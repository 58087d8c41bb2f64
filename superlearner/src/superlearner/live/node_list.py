"""The `platform` topic, sent to every page: nodes, and counts of sandbox changes and of restarts outside of sandboxes.

A frame is sent on each change, and none in between.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from weakref import WeakValueDictionary

import msgspec

from superlearner.live.viewer import Viewer
from superlearner.nodes.kinds import SANDBOX
from superlearner.nodes.nodes import Nodes
from superlearner.operations.rights.homes import home_node
from superlearner.operations.rights.ownership import node_names
from superlearner.operations.rights.users import User
from superlearner.store import MomentRow

__all__ = ["NodeList"]

BEHIND: Final = 10
to_json: Final = msgspec.json.Encoder().encode


class NodeList:
    """The source of the `platform` topic; each frame has the complete state.

    Args:
        nodes: the attached nodes.
        head: additional fields: epoch, version.
        user: a user who sees only their own nodes; None for all others.
    """

    def __init__(self, nodes: Nodes, head: Mapping[str, Any], user: User | None = None) -> None:
        self._nodes = nodes
        self._head = dict(head)
        self._viewers: set[Viewer] = set()
        self._sandboxes = 0
        self._restarts = 0
        self._user = user
        self._of: WeakValueDictionary[str, NodeList] = WeakValueDictionary()
        if user is None:
            nodes.listen(self._changed)

    def of(self, user: User) -> NodeList:
        """Return the source for a user: for one with only `own`, it has no node of others."""
        if not user.only_own:
            return self
        found = self._of.get(user.name)
        if found is None:
            found = self._of[user.name] = NodeList(self._nodes, self._head, user)
            found._sandboxes = self._sandboxes
        return found

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
        for one in list(self._of.values()):
            one._sandboxes += 1
        self._sandboxes += 1
        self._changed(self._nodes)

    def count_restart(self, row: MomentRow) -> None:
        """Notify pages that list the restarts of all nodes of a new one."""
        if row.kind == str(SANDBOX):
            return
        self._restarts += 1
        frame = self._frame(self._nodes)
        for viewer in self._viewers:
            viewer.offer(frame)

    def _changed(self, nodes: Nodes) -> None:
        frame = self._frame(nodes)
        for viewer in self._viewers:
            viewer.offer(frame)
        for one in list(self._of.values()):
            one._changed(nodes)

    def _frame(self, nodes: Nodes) -> bytes:
        if self._user is None:
            names, rests, left, held = nodes.names(), nodes.find(None) is None, nodes.left, nodes.holds
            awaited = [name for name in nodes.awaited if name not in names]
        else:
            home = home_node(self._user)
            names = [home, *(name for name in node_names(nodes, self._user) if name != home)]
            rests, left = nodes.find(home) is None, {name: why for name, why in nodes.left.items() if name == home}
            awaited: list[str] = []
            held = {}
        said = {"nodes": names, "rests": rests, "left": left, "awaited": awaited, "held": held}
        said |= {"sandboxes": self._sandboxes, "restarts": self._restarts}
        return to_json({"k": "s", **self._head, **said})
