"""Pure functions that compute metrics of a history at a given time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from superlearner.observing.analytics.history import History

__all__ = ["Direction", "FailureRate", "Outlook", "Trend", "failure_rate", "seconds_to_give_up", "trend_of"]

NS: Final = 1_000_000_000
ENOUGH: Final = 5
"""Least number of restarts in both windows that make a trend."""
PACE: Final = 10
"""Number of newest attempts that the pace is computed from."""

Direction = Literal["rising", "steady", "falling"]
Outlook = Literal["quiet", "holds", "gives_up", "unlimited", "ended", "unknown"]
"""Forecasts; `quiet`: fewer than two restarts, `holds`: the budget lasts."""


@dataclass(frozen=True, slots=True)
class FailureRate:
    """Restarts of the last `window_ms`; `rate` is per second."""

    restarts: int
    rate: float
    window_ms: int


@dataclass(frozen=True, slots=True)
class Trend:
    """The trend of a supervisor's restarts.

    Attributes:
        now: metrics of the window that ends now.
        before: metrics of the window before that.
        change: rate (restarts per second) of `now` minus that of `before`.
        direction: the sign of `change`.
        outlook: forecast for the restart budget at the current pace.
        seconds_to_give_up: seconds until the budget is used up; None if it lasts or cannot be computed.
        mean_recovery_s: mean time from a child's end to its restart; None without a restart.
        longest_recovery_s: the longest such time.
        mean_between_s: mean time between the restarts that are kept; None for fewer than two.
    """

    now: FailureRate
    before: FailureRate
    change: float
    direction: Direction
    outlook: Outlook
    seconds_to_give_up: float | None
    mean_recovery_s: float | None
    longest_recovery_s: float | None
    mean_between_s: float | None

    @property
    def enough(self) -> bool:
        """True if both windows have restarts enough for a trend; of fewer, `change` and `direction` say little."""
        return self.now.restarts + self.before.restarts >= ENOUGH


def failure_rate(history: History, now: int, window_ms: int) -> FailureRate:
    """Return the restarts of the last `window_ms`; `now` is ns of the node's clock."""
    return _rate(history.restarts.since(now - window_ms * 1_000_000), window_ms)


def trend_of(history: History, now: int, window_ms: int) -> Trend:
    """Return the trend at `now` (ns of the node's clock), from two windows."""
    this = failure_rate(history, now, window_ms)
    both = history.restarts.since(now - 2 * window_ms * 1_000_000)
    before = _rate(both - this.restarts, window_ms)
    change = round(this.rate - before.rate, 6)
    outlook, seconds = _outlook(history, now)
    recoveries = history.recoveries
    return Trend(
        now=this,
        before=before,
        change=change,
        direction="rising" if change > 0 else "falling" if change < 0 else "steady",
        outlook=outlook,
        seconds_to_give_up=seconds,
        mean_recovery_s=None if not recoveries else round(history.recovery_ns / recoveries / NS, 6),
        longest_recovery_s=None if not recoveries else round(history.longest_recovery_ns / NS, 6),
        mean_between_s=_mean_between(history.restarts.newest(0)),
    )


def seconds_to_give_up(times: Sequence[int], allowed: int, window: int, now: int) -> float | None:
    """Return the seconds until the budget is used up; None if it lasts.

    Args:
        times: times of restart attempts, ns, oldest first; at least those within `window` before `now`.
        allowed: restarts allowed within `window`.
        window: length in ns.
        now: time in ns.

    The pace is the mean interval of the last ten attempts in the window, or the time since the last one if that is
    longer. Example: one restart per second, three allowed in five seconds. The third restart comes in one second, and
    the fourth, which exceeds the limit, in two.

    >>> seconds_to_give_up([0, 1 * NS], allowed=3, window=5 * NS, now=1 * NS)
    2.0
    >>> seconds_to_give_up([0, 2 * NS], allowed=3, window=5 * NS, now=2 * NS) is None
    True
    """
    counting = [at for at in times if at >= now - window]
    if len(counting) < 2:
        return None
    last = counting[-1]
    newest = counting[-PACE:]
    step = max((last - newest[0]) // (len(newest) - 1), now - last)
    first = max(now, last + step)
    in_window = allowed + 1 if step == 0 else window // step + 1
    oldest = 0
    for ahead in range(1, allowed + 2):
        at = first + (ahead - 1) * step
        while oldest < len(counting) and counting[oldest] < at - window:
            oldest += 1
        if len(counting) - oldest + min(ahead, in_window) > allowed:
            return round((at - now) / NS, 6)
        if oldest == len(counting) and in_window <= allowed:
            return None
    return None


def _outlook(history: History, now: int) -> tuple[Outlook, float | None]:
    allowed, window = history.allowed, history.window_s
    if history.ended_at is not None:
        return "ended", None
    if allowed == "infinity":
        return "unlimited", None
    if allowed is None or window is None:
        return "unknown", None
    limit = now if window == "infinity" else round(window * NS)
    counting = history.attempts.newest(now - limit)
    if len(counting) < 2:
        return "quiet", None
    seconds = seconds_to_give_up(counting, allowed, limit, now)
    return ("holds", None) if seconds is None else ("gives_up", seconds)


def _rate(restarts: int, window_ms: int) -> FailureRate:
    return FailureRate(restarts, round(restarts * 1000 / window_ms, 6), window_ms)


def _mean_between(times: Sequence[int]) -> float | None:
    return None if len(times) < 2 else round((times[-1] - times[0]) / (len(times) - 1) / NS, 6)
