"""The location of a service's door; its address and token change with each start."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from otp import BadArgument
from otp.doors import DoorError, DoorRecord, find_doors
from otp.doors.place import Place, place_of
from otp.doors.visitor import connect

__all__ = ["SeveralDoors", "Whereabouts"]

MOST_READ: Final = 2000
"""Characters of a file with a token: the longest token has 500."""
UNNAMED: Final = "nonode"
"""The name of a node that was given none."""
PLACE: Final = re.compile(r"/|:\d+$")
"""The part of a path or an address that is in no name."""


class NoDoor(DoorError):
    """A service that was seen before, and has no open door."""


class SeveralDoors(DoorError):
    """A name that several doors have.

    Attributes:
        doors: the doors; the name of each is unique.
    """

    def __init__(self, address: str, doors: list[DoorRecord]) -> None:
        names = ", ".join(one.name for one in doors)
        super().__init__(f"several open services are called {address}: {names}; try one of these names")
        self.doors = doors


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """A door as the user named it: by address, or by its name if it is theirs.

    >>> import asyncio
    >>> asyncio.run(Whereabouts("127.0.0.1:7000", "the-token-of-the-door").look())
    ('127.0.0.1:7000', 'the-token-of-the-door')
    """

    address: str
    token: str | None
    token_file: str | None = None
    """The file that has the token; read at each attempt."""

    @staticmethod
    def of(address: str, token: str | None, token_file: str | None = None) -> Whereabouts:
        """Return the whereabouts without the token, if the platform can find it again where it came from."""
        if token is None:
            return Whereabouts(address, None)
        if any(one.token == token and address in (one.address, one.name) for one in _doors_of_user()):
            return Whereabouts(address, None)
        if token_file is not None and _read_token(token_file) == token:
            return Whereabouts(address, None, token_file)
        return Whereabouts(address, token)

    @property
    def is_own(self) -> bool:
        """Return whether it is a door of this user, whose record has the token."""
        return self.token is None and self.token_file is None

    async def look(
        self,
        node: str | None = None,
        others: Collection[str] = (),
        last: str | None = None,
        held: Collection[str] = (),
    ) -> tuple[str, str]:
        """Return the current address and token of the door.

        Args:
            node: the node seen behind it before; it identifies the door after a restart of the service.
            others: names of doors of other programs with such a node, which do not count as restarts of this one.
            held: addresses of doors that do not count either: other services are attached to them.
            last: its last address; a door that is still there has precedence over others of this name.

        Raises:
            SeveralDoors: more than one door has this name.
            DoorError: there is no such door, or its token is missing.
            BadArgument: the address is not valid.
        """
        if self.token is not None:
            return self.address, self.token
        if self.token_file is not None:
            token = _read_token(self.token_file)
            if token is None:
                raise DoorError(f"expected its token in {self.token_file}, which cannot be read")
            return self.address, token
        try:
            doors = find_doors()
        except BadArgument as error:
            raise DoorError(str(error)) from None
        found = [one for one in doors if last is not None and (one.address, one.node) == (last, node)]
        found = found or self._among([one for one in doors if one.name not in others and one.address not in held], node)
        if len(found) == 1:
            return found[0].address, found[0].token
        if found:
            raise SeveralDoors(self.address, found)
        if node is not None:
            started = "its start may have failed; see its log"
            raise NoDoor(
                f"this user has no open service {node}: it is not running ({started}), or runs without otp.observe()"
            )
        if (place := self._place()) is not None:
            (await connect(place)).close()
            raise DoorError(f"expected the token of {place}, which is no service of this user; try --token-file FILE")
        near = get_close_matches(self.address, [text for one in doors for text in (one.node, one.name)], 1)
        meant = f" (did you mean {near[0]}?)" if near else ""
        known = ", ".join(one.name for one in doors) or "none"
        raise DoorError(
            f"no service of this user is called {self.address}{meant}: there are {known}; "
            "one of another user or machine needs its address and token"
        )

    def doors(self, node: str, others: Collection[str] = ()) -> frozenset[str]:
        """Return the addresses of this user's doors of a node; `others` as for `look`."""
        if not self.is_own:
            return frozenset()
        return frozenset(one.address for one in _doors_of_user() if one.node == node and one.name not in others)

    def _place(self) -> Place | None:
        try:
            return place_of(self.address)
        except BadArgument:
            if PLACE.search(self.address):
                raise
            return None  # it is a name

    def name_of(self, node: str, address: str) -> str:
        """Return the name of a node on the platform: its own, else that of the service whose door has this address."""
        if node != UNNAMED or not self.is_own:
            return node
        found = next((one for one in _doors_of_user() if one.address == address), None)
        return node if found is None else found.name.removesuffix(f"-{found.os_pid}")

    def siblings(self, address: str, node: str) -> frozenset[str]:
        """Return the names of the doors of other programs whose nodes have this name; `address` is that of ours."""
        if not self.is_own:
            return frozenset()
        return frozenset(one.name for one in _doors_of_user() if one.node == node and one.address != address)

    def _among(self, doors: list[DoorRecord], node: str | None) -> list[DoorRecord]:
        exact = [one for one in doors if self.address in (one.name, one.address)]
        if exact:
            return exact
        if node is not None:
            return [one for one in doors if one.node == node]
        named = [one for one in doors if self.address in (one.node, one.name.rpartition("-")[0])]
        return named or [one for one in doors if self.address == one.node.partition("@")[0]]


def _doors_of_user() -> list[DoorRecord]:
    try:
        return find_doors()
    except BadArgument:
        return []


def _read_token(path: str) -> str | None:
    """Return the token in a file, None if it cannot be read."""
    try:
        if not Path(path).is_file():  # the open of a pipe would wait for its writer
            return None
        with open(path, encoding="utf-8") as file:
            return file.read(MOST_READ).strip()
    except (OSError, ValueError):
        return None
