"""A node to connect with."""

from __future__ import annotations

__all__ = ["Sought"]


class Sought:
    """A node to connect with: where it may be, and when to try that address again."""

    __slots__ = ("address", "at", "pause")

    def __init__(self, address: str | None, at: float, pause: float) -> None:
        self.address: str | None = address
        self.at: float = at
        self.pause: float = pause
