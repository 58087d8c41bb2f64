"""One look at the platform: four questions, of which one watches messages for a moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from superlearner.cli.asking import ask
from superlearner.cli.finding import Platform
from superlearner.cli.manifest import Entry, entry_of_verb
from superlearner.cli.remote import Remote
from superlearner.cli.top.figures import Frame, frame_of

__all__ = ["Looking"]

LISTED: Final = 200


@dataclass(frozen=True, slots=True)
class Looking:
    """Asks a platform how it is.

    Args:
        remote: the platform; looked for anew each time.
        measure_ms: how long messages are watched, each time; 0 for not at all.
        node: the node that is asked; None for the one that is meant then.
    """

    remote: Remote
    measure_ms: int
    node: str | None = None

    def frame(self) -> Frame:
        """How it is now. Raises as `find` and `ask`."""
        platform = self.remote.platform()
        shape = self._ask(platform, "tree", "show", limit=1000)
        listed = self._ask(platform, "process", "list", sort="-mailbox", per_page=LISTED)
        point = self._ask(platform, "system", "metrics", window_s=1)
        work = self._ask(platform, "system", "bottlenecks", measure_ms=self.measure_ms) if self.measure_ms else None
        return frame_of(shape, listed, work and work["measured"], point and point["now"])

    def _ask(self, platform: Platform, category: str, verb: str, **values: Any) -> Any:
        """The answer; None for what is only known of the platform's own node, if another one is asked."""
        entry: Entry = entry_of_verb(category, verb) or {}
        if self.node is not None and not entry["on_node"]:
            return None
        return ask(platform, entry, values, node=self.node).data
