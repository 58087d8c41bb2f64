"""The error of a carrier that cannot start or connect."""

from __future__ import annotations

__all__ = ["CarrierError"]


class CarrierError(Exception):
    """A carrier cannot start or connect; `reason` says why, as a tuple for programs.

    >>> CarrierError(("address_in_use", "127.0.0.1:7447"), "try another port").reason
    ('address_in_use', '127.0.0.1:7447')
    """

    def __init__(self, reason: tuple[str, str], text: str) -> None:
        super().__init__(text)
        self.reason = reason
