"""Messages that arrived since a reference was made: no older one can belong to it.

Erlang's receive optimisation: a wait for the answer to a request that was made just now does not search the messages
that were there before. `Ext.match` and `Ext.mark` keep how far the last pattern has searched; a `Since` stands in the
place of that pattern, and holds it too. A mark of 0 says that messages were taken from the front: nothing is known.
"""

from __future__ import annotations

from typing import Any, Final

from otp.kernel.patterns import OfRef
from otp.kernel.pids import Ref

__all__ = ["Since", "forget_place", "keep_search", "note_ref", "since_of"]

CLOSE: Final = 256  # messages: an older place that is so near serves a new reference as well, and the older ones too
VALID: Final = 1


class Since:
    """The messages before `place` are older than the references of `node` from `number` on."""

    __slots__ = ("match", "node", "number", "place", "searched")

    def __init__(self, ref: Ref, place: int, match: Any, searched: int) -> None:
        self.node: Any = ref._node  # pyright: ignore[reportPrivateUsage]
        self.number: int = ref._id  # pyright: ignore[reportPrivateUsage]
        self.place: int = place
        self.match: Any = match  # the pattern that was looked for last, and how far
        self.searched: int = searched

    def is_before(self, ref: Ref) -> bool:
        """Return whether `ref` was made since."""
        return ref._node is self.node and ref._id >= self.number  # pyright: ignore[reportPrivateUsage]


def since_of(x: Any) -> Since | None:
    """The `Since` that is valid now, if there is one."""
    last = x.match
    if x.mark:
        if type(last) is Since:
            return last
        if type(last) is OfRef:
            return last.since
    return None


def note_ref(x: Any, ref: Ref, waiting: int) -> None:
    """A process has made a reference while `waiting` messages lay in its mailbox."""
    since = since_of(x)
    if since is None:
        x.match = Since(ref, waiting, x.match if type(x.match) is not Since else None, x.mark)
        x.mark = VALID
    elif waiting - since.place > CLOSE:
        since.node, since.number, since.place = ref._node, ref._id, waiting  # pyright: ignore[reportPrivateUsage]


def keep_search(x: Any, since: Since | None, match: Any, place: int, *, is_found: bool) -> None:
    """A search for `match` has ended at `place`, where it has taken a message or, at the end, found none."""
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
    x.match = match  # which a message that arrives is compared with
    x.mark = place
    if type(match) is OfRef:
        match.since = since


def forget_place(x: Any, since: Since | None, place: int) -> None:
    """The message at `place` was taken out of the mailbox, and by no search."""
    if since is None:
        x.mark = 0
        return
    if place < since.place:
        since.place -= 1
    if type(x.match) is not Since:
        x.mark -= place < x.mark
    elif place < since.searched:
        since.searched -= 1
