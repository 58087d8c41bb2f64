"""Growth of a value over several samples."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, Final

from superlearner.control.clock import timestamp

__all__ = ["SHOWN", "knee", "latest_lowest", "latest_rise", "pace_text", "rises", "sample_lines", "slope", "summit"]

Samples = Sequence[tuple[float, float]]
BEND: Final = 0.05
"""The part of a growth by which a knee is below the straight line; less is noise."""
NEAR: Final = 0.02
"""The part of a growth by which a summit may be below the last value."""
SHOWN: Final = 20
"""The most values in the evidence of an anomaly."""


def slope(samples: Samples) -> float:
    """Return the slope of the line that fits `(time, value)`; 0 for fewer than two.

    >>> slope([(0, 0), (1, 10), (2, 20)])
    10.0
    """
    if len(samples) < 2:
        return 0.0
    mean_at = sum(at for at, _ in samples) / len(samples)
    mean = sum(value for _, value in samples) / len(samples)
    spread = sum((at - mean_at) ** 2 for at, _ in samples)
    return sum((at - mean_at) * (value - mean) for at, value in samples) / spread if spread else 0.0


def pace_text(rate: float) -> str:
    """Return a rate in words; fractions are shown below ten.

    >>> pace_text(7104.4), pace_text(145.0), pace_text(2.25)
    ('7,104 per second', '145 per second', '2.2 per second')
    """
    return f"{rate:,.0f} per second" if rate >= 10 else f"{rate:.2g} per second"


def rises(samples: Samples, noise: float = 0.0) -> bool:
    """Return whether values rise steadily, third by third, with few steps down by more than the noise.

    A queue that fills and empties has a positive slope at times, but does not rise.

    >>> rises([(n, n * n) for n in range(9)]), rises([(n, n % 4) for n in range(9)])
    (True, False)
    """
    third = len(samples) // 3
    if third < 1:
        return False
    values = [value for _, value in samples]
    low, middle, high = values[:third], values[third:-third], values[-third:]
    downs = sum(1 for before, after in pairwise(values) if after < before - noise)
    is_upward = _middle(low) - noise <= _middle(middle) <= _middle(high) + noise
    return max(low) < min(high) and is_upward and downs <= len(values) // 5


def knee(samples: Samples) -> tuple[float, float]:
    """Return the sample at which growth up to the last one begins: the one farthest below the line from first to last.

    >>> knee([(0, 100), (10, 101), (20, 100), (30, 200), (40, 300)]), knee([(0, 100), (10, 198), (20, 300)])
    ((20, 100), (0, 100))
    """
    (begun, first), (ended, last) = samples[0], samples[-1]
    rate = (last - first) / (ended - begun) if ended > begun else 0.0
    lowest = max(samples, key=lambda one: first + rate * (one[0] - begun) - one[1])
    below = first + rate * (lowest[0] - begun) - lowest[1]
    return lowest if below > BEND * (last - first) else samples[0]


def summit(samples: Samples) -> tuple[float, float]:
    """Return the sample at which growth up to the last value ends: the first that is close to it.

    >>> summit([(0, 100), (10, 200), (20, 300), (30, 299), (40, 300)]), summit([(0, 100), (10, 200), (20, 300)])
    ((20, 300), (20, 300))
    """
    last = samples[-1][1]
    return next(one for one in samples if one[1] >= last - NEAR * (last - samples[0][1]))


def latest_lowest(samples: Samples) -> int:
    """Return the index of the last of the lowest values; growth before it has fallen again.

    >>> latest_lowest([(0, 90), (1, 400), (2, 80), (3, 80), (4, 300)]), latest_lowest([])
    (3, 0)
    """
    return max(range(len(samples)), key=lambda place: (-samples[place][1], place), default=0)


def latest_rise(samples: Sequence[tuple[float, int]], least: int) -> Sequence[tuple[float, int]]:
    """Return the samples of the current rise, from the last minimum on; none if they do not rise.

    At least `least` samples are a rise by themselves, if it ends above all earlier ones: a queue that grows again after
    a pause rises, one that fills and empties does not. If noise hides the start, half of the samples may show the rise.

    >>> stood_and_grew = [(n, 500 - n) for n in range(40)] + [(40 + n, 460 + 80 * n) for n in range(10)]
    >>> len(latest_rise(stood_and_grew, 9)), len(latest_rise([(n, n % 20) for n in range(60)], 9))
    (10, 0)
    """
    since_lowest = 1 + min(range(len(samples)), key=lambda place: samples[-1 - place][1], default=0)
    length = since_lowest if since_lowest >= least else len(samples)
    while not rises(part := samples[-length:]) or max(samples[:-length], key=_value, default=(0, -1))[1] >= part[-1][1]:
        length //= 2
        if length < least:
            return ()
    return part


def sample_lines(samples: Iterable[tuple[float, float]]) -> list[dict[str, Any]]:
    """Return at most `SHOWN` samples as evidence, evenly spaced and including the last."""
    newest_first = list(samples)[::-1]
    step = -(-len(newest_first) // SHOWN)
    return [{"timestamp": timestamp(at), "value": value} for at, value in newest_first[::step][::-1]]


def _value(sample: tuple[float, int]) -> int:
    return sample[1]


def _middle(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]
