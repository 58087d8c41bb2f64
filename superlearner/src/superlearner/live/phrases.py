"""The sentences of the feed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

__all__ = ["Restarts", "after_restart", "flags_text", "gave_up_text", "left_text", "trigger_text"]

UNREMARKABLE: Final = 1000
"""A supervisor that allows this many restarts has no budget worth a word."""


@dataclass(slots=True)
class Restarts:
    """What a supervisor has restarted in one story, what failed, and what is left of its budget.

    `restarted` are the labels of the children by the keys of their slots: a label alone says not who it is.
    """

    restarted: dict[str, str] = field(default_factory=dict[str, str])
    successor: str = ""
    failure: str = ""
    used: int | None = None
    max: Any = None
    window_s: Any = None

    def add(self, group: Mapping[str, str], data: Mapping[str, Any], successor: str = "") -> None:
        """These (key → label) were started again; `successor` is the new pid of a child without an id."""
        self.restarted |= group
        self.successor = successor
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
        restarted = list(self.restarted.values())
        return {"restarted": restarted, "used": self.used, "max": self.max, "window_s": self.window_s}

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


def after_restart(supervisor: str, strategy: str, key: str | None, who: str, restarts: Restarts) -> str:
    """What the supervisor did about the end of `who` in the slot `key`, and what is left.

    >>> done = Restarts({"s/ledger": "ledger", "s/cart": "cart", "s/mailer": "mailer"}, used=1, max=3, window_s=5)
    >>> after_restart("shop_sup", "rest_for_one", "s/ledger", "ledger", done)
    '; shop_sup (rest_for_one) restarted ledger and the 2 after it; 2 of 3 restarts left in 5 s'
    """
    if not restarts.restarted:
        return restarts.failure
    others = len([child for child in restarts.restarted if child != key])
    whom = f"it as {restarts.successor}" if restarts.successor else who
    if others and strategy == "rest_for_one":
        whom += f" and the {others} after it" if others > 1 else " and the one after it"
    elif others and strategy == "one_for_all":
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


def flags_text(who: str, before: str | None, data: Mapping[str, Any]) -> str:
    """A supervisor has other flags; `before` is the strategy that it was known to have.

    >>> flags_text("shop_sup", "one_for_one", {"strategy": "one_for_all", "max_restarts": 3, "max_seconds": 5})
    'shop_sup changed its strategy from one_for_one to one_for_all'
    >>> flags_text("shop_sup", "one_for_one", {"strategy": "one_for_one", "max_restarts": 9, "max_seconds": 5})
    'shop_sup is one_for_one as before, and allows 9 restarts in 5 s now'
    """
    old, new = data.get("before"), data.get("strategy")
    was = cast("Mapping[str, Any]", old).get("strategy") if isinstance(old, Mapping) else before
    if not isinstance(new, str) or not isinstance(was, str):
        return f"{who} changed its strategy"
    if was != new:
        return f"{who} changed its strategy from {was} to {new}"
    allowed, window = data.get("max_restarts"), data.get("max_seconds")
    seconds = f"{window:g} s" if isinstance(window, int | float) else str(window)
    return f"{who} is {was} as before, and allows {allowed} restarts in {seconds} now"
