"""The live page's group of unsupervised processes, updated while it is watched. The platform's own are not in it.

`stand` and `ended` are pure, like the projector; `Alone` watches the node. Many processes may come and go between two
looks without ever being shown: a new process appears only if it is still alive at the next look, and only the oldest
are listed individually.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, Final

import otp
from otp import Node, Pid
from otp.observer.tree import is_child
from otp.trace import Event
from superlearner.control.listing import processes_of
from superlearner.control.names import is_critical
from superlearner.control.slots import Slot
from superlearner.control.terms import plain_pid
from superlearner.control.tree import TreeReader
from superlearner.live.projection import Projection, graft, patch, put, remove
from superlearner.live.rows import Row

__all__ = ["GROUP", "MOST", "Alone", "ended", "stand"]

GROUP: Final = "%alone"
"""The key of the group; no key part starts this way, see `control.slots.key_part`."""

MOST: Final = 200
"""Processes of the group listed individually; the others are counted."""


def stand(model: Projection, fresh: Iterable[Slot], total: int, at: float) -> set[str]:
    """Add processes to the model and set the total."""
    group = model.rows.get(GROUP)
    if total <= 0:
        return set() if group is None else remove(model, GROUP)
    if group is None:
        group = Row(
            key=GROUP, parent=None, id="Not supervised", name=None, pid=None, kind="group", what="", strategy=None,
            restart=None, state="running", since=at, children=total,
        )  # fmt: skip
        dirty = put(model, group)
        model.children[GROUP] = []
    else:
        dirty = patch(model, group, children=total)
    siblings = model.children[GROUP]
    for slot in fresh:
        key = f"{GROUP}/{slot.part}"
        if slot.pid is None or slot.pid in model.by_pid or key in model.rows or len(siblings) >= MOST:
            continue
        dirty |= graft(model, slot, GROUP, at)
        siblings.append(key)
    return dirty


def ended(model: Projection, pid: str) -> set[str]:
    """Remove a process that ended, if it is shown."""
    key = model.by_pid.get(pid)
    if key is None or model.rows[key].parent != GROUP:
        return set()
    count = model.rows[GROUP].children or 1
    return remove(model, key) | patch(model, model.rows[GROUP], children=max(0, count - 1))


class Alone:
    """The processes without a supervisor, oldest first, while there are viewers.

    Args:
        node: the node to watch.
        reader: reads top-level supervisors with everything below them.
        left: called when a displayed process ends, before its row is removed.
    """

    def __init__(self, node: Node, reader: TreeReader, left: Callable[[Event], None]) -> None:
        self.node = node
        self.reader = reader
        self.left = left
        self._all: dict[Pid, int] = {}
        self._looks = 0
        self._roots: frozenset[Pid] = frozenset()
        self._subscription: Any = None

    def begin(self, model: Projection, roots: Iterable[Pid], at: float) -> set[str]:
        """Read the current processes for the first viewer, then follow the events."""
        self.end()
        self._looks, self._roots = 1, frozenset(roots)
        self._all = dict.fromkeys((pid for pid in processes_of(self.node) if self._is_alone(pid)), 0)
        known = {plain_pid(pid) for pid in self._all}
        dirty: set[str] = set()
        for key in list(model.children.get(GROUP, ())):
            if (pid := model.rows[key].pid) not in known:
                dirty |= remove(model, key) if pid is None else ended(model, pid)
        self._subscription = self.node.subscribe(self._on_event, kinds={"spawned", "exited"})
        return dirty | self.look(model, at)

    def end(self) -> None:
        """Stop following events: the last viewer has gone."""
        if self._subscription is not None:
            self._subscription.close()
            self._subscription = None
        self._all.clear()

    def look(self, model: Projection, at: float) -> set[str]:
        """Show the processes that were already alive at the last look."""
        if self._subscription is None:
            return set()
        oldest = [pid for pid, since in islice(self._all.items(), MOST) if since < self._looks]
        self._looks += 1
        fresh = [self._slot(pid) for pid in oldest if otp.is_alive(pid) and plain_pid(pid) not in model.by_pid]
        return stand(model, fresh, len(self._all), at)

    def _is_alone(self, pid: Pid) -> bool:
        process: Any = pid
        return not is_child(process) and pid not in self._roots and not is_critical(pid)

    def _on_event(self, event: Event) -> None:
        pid = event.pid
        if pid is None:
            return
        if event.kind == "spawned":
            if self._is_alone(pid):
                self._all[pid] = self._looks
        elif self._all.pop(pid, None) is not None:
            self.left(event)

    def _slot(self, pid: Pid) -> Slot:
        return self.reader.process(pid)
