"""Rate limits per caller: a burst at first, then a steady pace."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

__all__ = ["Throttle"]

ADDRESSES: Final = 4096


class Throttle:
    """A rate limiter for failed sign-ins or calls, by address or user.

    It keeps one number per caller: the time at which its count is back to zero. When the table is full, the entry that
    was counted longest ago is dropped.

    Args:
        burst: how many are allowed at once.
        every: seconds after which one more is allowed.
        now: a monotonic clock, in seconds.

    >>> throttle = Throttle(burst=2, every=5, now=lambda: 100.0)
    >>> for _ in range(2):
    ...     throttle.count("192.0.2.1")
    >>> throttle.wait("192.0.2.1"), throttle.wait("192.0.2.2")
    (5.0, 0.0)
    """

    def __init__(self, *, burst: int = 10, every: float = 5.0, now: Callable[[], float] = time.monotonic) -> None:
        self._slack = (burst - 1) * every
        self._every = every
        self._now = now
        self._forgiven: OrderedDict[str, float] = OrderedDict()

    def wait(self, address: str) -> float:
        """Return the seconds for which this address is blocked; 0 if it is not."""
        now = self._now()
        return max(0.0, self._forgiven.get(_group(address), now) - now - self._slack)

    def count(self, address: str) -> None:
        """Count an attempt of this address."""
        group = _group(address)
        now = self._now()
        self._forgiven[group] = max(self._forgiven.get(group, now), now) + self._every
        self._forgiven.move_to_end(group)
        if len(self._forgiven) > ADDRESSES:
            self._forgiven.popitem(last=False)


def _group(address: str) -> str:
    """Return the key to count by.

    A host has many IPv6 addresses, so those are counted by network.
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address[:100]
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.IPv6Network((int(found), 64), strict=False))
    return str(found)
