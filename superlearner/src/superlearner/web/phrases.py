"""The sentences of the feed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

__all__ = ["Restarts", "after_restart", "gave_up_text", "left_text", "trigger_text"]

UNREMARKABLE: Final = 1000
"""A supervisor that allows this many restarts has no budget worth a word."""


@dataclass(slots=True)
class Restarts:
    """What a supervisor has restarted in one story, what failed, and what is left of its budget."""

    restarted: list[str] = field(default_factory=list[str])
    failure: str = ""
    used: int | None = None
    max: Any = None
    window_s: Any = None

    def add(self, group: Sequence[str], data: Mapping[str, Any]) -> None:
        """These were started again."""
        self.restarted += [child for child in group if child not in self.restarted]
        self.failure = ""
        self._budget(data)

    def failed(self, who: str, reason: str, data: Mapping[str, Any]) -> None:
        """Starting this one again failed."""
        self.failure = f"; starting {who} again failed: {reason}"
        self._budget(data)

    def parts(self) -> dict[str, Any]:
        """For clients that write their own sentence."""
        if self.used is None:
            return {}
        return {"restarted": self.restarted, "used": self.used, "max": self.max, "window_s": self.window_s}

    def _budget(self, data: Mapping[str, Any]) -> None:
        self.used, self.max, self.window_s = data["used"], data["allowed"], data["window"]


def trigger_text(who: str, what: str, reason: str) -> str:
    """How a story begins.

    >>> trigger_text("ledger", "crashed", "ValueError('negative amount')")
    "ledger crashed: ValueError('negative amount')"
    """
    if what == "killed":
        return f"{who} was killed"
    return f"{who} crashed: {reason}" if what == "crashed" else f"{who} ended: {reason}"


def after_restart(supervisor: str, strategy: str, who: str, restarts: Restarts) -> str:
    """What the supervisor did about it, and what is left.

    >>> done = Restarts(["ledger", "cart", "mailer"], "", 1, 3, 5)
    >>> after_restart("shop_sup", "rest_for_one", "ledger", done)
    '; shop_sup (rest_for_one) restarted ledger and the 2 after it; 2 of 3 restarts left in 5 s'
    """
    if not restarts.restarted:
        return restarts.failure
    others = len([child for child in restarts.restarted if child != who])
    whom = who
    if others and strategy == "rest_for_one":
        whom += f" and the {others} after it" if others > 1 else " and the one after it"
    elif others:
        whom += f" and the other {others}" if others > 1 else " and the other one"
    kind = f" ({strategy})" if strategy else ""
    return f"; {supervisor}{kind} restarted {whom}{left_text(restarts)}{restarts.failure}"


def left_text(restarts: Restarts) -> str:
    """The rest of the budget, where there is one."""
    if not isinstance(restarts.max, int) or restarts.used is None or restarts.max >= UNREMARKABLE:
        return ""
    left = max(0, restarts.max - restarts.used)
    return f"; {left} of {restarts.max} restarts left in {restarts.window_s:g} s"


def gave_up_text(who: str, child: str, reason: str, data: Mapping[str, Any]) -> str:
    """A supervisor exceeded its budget.

    >>> gave_up_text("shop_sup", "ledger", "killed", {"used": 4, "allowed": 3, "window": 5})
    'shop_sup gave up: 4 restarts in 5 s, allowed are 3 (last: ledger, killed)'
    """
    used, allowed, window = data["used"], data["allowed"], data["window"]
    return f"{who} gave up: {used} restarts in {window:g} s, allowed are {allowed} (last: {child}, {reason})"
