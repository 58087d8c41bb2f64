"""The location of a service's door; its address and token change with each start."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from otp import BadArgument
from otp.doors import DoorError, DoorRecord, find_doors

__all__ = ["Whereabouts"]


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """A door as the user named it: by address, or by its name if it is theirs.

    >>> Whereabouts("127.0.0.1:7000", "a-token-of-somebody").look()
    ('127.0.0.1:7000', 'a-token-of-somebody')
    """

    address: str
    token: str | None

    def look(self, node: str | None = None, others: Collection[str] = ()) -> tuple[str, str]:
        """Return the current address and token of the door.

        Args:
            node: the node seen behind it before; it identifies the door after a restart of the service.
            others: names of doors of other programs with such a node, which do not count as restarts of this one.

        Raises:
            DoorError: there is no such door, or more than one.
        """
        if self.token is not None:
            return self.address, self.token
        try:
            doors = find_doors()
        except BadArgument as error:
            raise DoorError(str(error)) from None
        found = self._among([one for one in doors if one.name not in others], node)
        if len(found) == 1:
            return found[0].address, found[0].token
        known = ", ".join(one.name for one in doors) or "none"
        several = "several doors are" if found else "no door of this user is"
        raise DoorError(f"{several} called {self.address}: there are {known}; one on another machine needs its token")

    def siblings(self, address: str, node: str) -> frozenset[str]:
        """Return the names of the doors of other programs whose nodes have this name; `address` is that of ours."""
        if self.token is not None:
            return frozenset()
        try:
            doors = find_doors()
        except BadArgument:
            return frozenset()
        return frozenset(one.name for one in doors if one.node == node and one.address != address)

    def _among(self, doors: list[DoorRecord], node: str | None) -> list[DoorRecord]:
        exact = [one for one in doors if self.address in (one.name, one.address)]
        if exact:
            return exact
        if node is not None:
            return [one for one in doors if one.node == node]
        return [one for one in doors if self.address in (one.node, one.name.rpartition("-")[0])]
