"""Readings of the nodes in other programs, as exporters show them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from superlearner.observing.monitoring.tally import NAMES, OTHERS

__all__ = ["NodeReading", "SupervisorNames"]


@dataclass(frozen=True, slots=True)
class NodeReading:
    """The metrics of one node.

    Args:
        node: its name on the platform.
        numbers: values by the name of their metric, without the common prefix; None if the node did not answer.
        anomalies: active anomalies by type.
        restarts, give_ups: by supervisor.
    """

    node: str
    numbers: Mapping[str, float] | None = None
    anomalies: Mapping[str, int] = field(default_factory=dict[str, int])
    restarts: Mapping[str, int] = field(default_factory=dict[str, int])
    give_ups: Mapping[str, int] = field(default_factory=dict[str, int])


class SupervisorNames:
    """The supervisors of one node that have labels of their own: the first hundred; a program may start any number.

    >>> names = SupervisorNames()
    >>> names.add_up([("shop", 2), ("shop", 1), ("till", 0)])
    {'shop': 3, 'till': 0}
    """

    def __init__(self) -> None:
        self._known: set[str] = set()

    def add_up(self, counts: Iterable[tuple[str, int]]) -> dict[str, int]:
        """Return the sum of the counts by label."""
        found: dict[str, int] = {}
        for name, count in counts:
            key = name[:120]
            if key not in self._known:
                if len(self._known) >= NAMES:
                    key = OTHERS
                else:
                    self._known.add(key)
            found[key] = found.get(key, 0) + count
        return found
