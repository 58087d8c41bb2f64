"""Messages that arrived since a reference was made: older ones cannot belong to it.

Erlang's receive optimisation: waiting for the reply to a new request does not search the messages that were there
before. `Ext.match` and `Ext.mark` keep how far the last pattern has searched; a `Since` takes the place of that pattern
and holds it. A mark of 0 says that messages were taken from the front: nothing is known.
"""

from __future__ import annotations

from typing import Any, Final

from otp.kernel.patterns import OfRef
from otp.kernel.pids import Ref

__all__ = ["Since", "forget_place", "keep_search", "note_ref", "since_of"]

CLOSE: Final = 256  # an older place this near serves a new reference as well
VALID: Final = 1


class Since:
    """A mark in the mailbox: messages before `place` are older than refs of `node` from `number` on."""

    __slots__ = ("match", "node", "number", "place", "searched")

    def __init__(self, ref: Ref, place: int, match: Any, searched: int) -> None:
        self.node: Any = ref._node  # pyright: ignore[reportPrivateUsage]
        self.number: int = ref._id  # pyright: ignore[reportPrivateUsage]
        self.place: int = place
        self.match: Any = match  # the last pattern, and how far it has searched
        self.searched: int = searched

    def is_before(self, ref: Ref) -> bool:
        """Return whether `ref` was made after this mark."""
        return ref._node is self.node and ref._id >= self.number  # pyright: ignore[reportPrivateUsage]


def since_of(x: Any) -> Since | None:
    """Return the valid `Since`, or None."""
    last = x.match
    if x.mark:
        if type(last) is Since:
            return last
        if type(last) is OfRef:
            return last.since
    return None


def note_ref(x: Any, ref: Ref, waiting: int) -> None:
    """Note that a process made a reference while `waiting` messages were in its mailbox."""
    since = since_of(x)
    if since is None:
        x.match = Since(ref, waiting, x.match if type(x.match) is not Since else None, x.mark)
        x.mark = VALID
    elif waiting - since.place > CLOSE:
        since.node, since.number, since.place = ref._node, ref._id, waiting  # pyright: ignore[reportPrivateUsage]


def keep_search(x: Any, since: Since | None, match: Any, place: int, *, is_found: bool) -> None:
    """Note that a search for `match` ended at `place`, with a message or at the end of the mailbox."""
    if since is None:
        x.match = match
        x.mark = place
        return
    is_placed = type(match) is OfRef and since.is_before(match.ref)
    if not is_placed:
        since.match, since.searched = match, place
    if is_found:
        if place < since.place:
            since.place -= 1
        if is_placed and place < since.searched:
            since.searched -= 1
        x.match = since
        x.mark = VALID
        return
    x.match = match  # an arriving message is compared with it
    x.mark = place
    if type(match) is OfRef:
        match.since = since


def forget_place(x: Any, since: Since | None, place: int) -> None:
    """Note that the message at `place` was taken out of the mailbox other than by a search."""
    if since is None:
        x.mark = 0
        return
    if place < since.place:
        since.place -= 1
    if type(x.match) is not Since:
        x.mark -= place < x.mark
    elif place < since.searched:
        since.searched -= 1
