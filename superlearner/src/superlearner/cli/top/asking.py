"""Requests for one refresh: five operations; one briefly watches messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from superlearner.cli.asking import ask
from superlearner.cli.finding import FoundPlatform
from superlearner.cli.manifest import Entry, entry_of_verb
from superlearner.cli.remote import Remote
from superlearner.cli.top.figures import ScreenFrame, frame_of

__all__ = ["Looking"]

LISTED: Final = 200
MOST: Final = 1_000
"""Processes of the platform that are left out, at most."""


@dataclass(frozen=True, slots=True)
class Looking:
    """A source of frames from a platform.

    Args:
        remote: the platform; located for each frame.
        measure_ms: time to watch messages for each frame; 0 to skip that.
        node: the node; None for the platform's default.
    """

    remote: Remote
    measure_ms: int
    node: str | None = None

    def frame(self) -> ScreenFrame:
        """Return the current frame. Raises as `find` and `ask`."""
        platform = self.remote.platform()
        shape = self._ask(platform, "tree", "show", limit=1000)
        listed = self._ask(platform, "process", "list", sort="-mailbox", per_page=LISTED)
        own = self._ask(platform, "process", "list", whose="platform", per_page=MOST)
        point = self._ask(platform, "system", "metrics", window_s=1)
        work = self._ask(platform, "system", "bottlenecks", measure_ms=self.measure_ms) if self.measure_ms else None
        return frame_of(shape, listed, work and work["measured"], point and point["now"], {one["pid"] for one in own})

    def _ask(self, platform: FoundPlatform, category: str, verb: str, **values: Any) -> Any:
        """Return the answer; None if it is only available for the platform's own node."""
        entry: Entry = entry_of_verb(category, verb) or {}
        if self.node is not None and not entry["on_node"]:
            return None
        return ask(platform, entry, values, node=self.node).data
