"""A recording of a node that is read while it is made: its file is in memory, as far as nobody has fetched it."""

from __future__ import annotations

import errno
import io
from collections.abc import Iterable
from dataclasses import asdict

import otp
from otp import Node
from otp.trace import Recorder
from superlearner.control.clock import Clock
from superlearner.control.tree import TreeReader, trees_at
from superlearner.nodes.remote.protocol import Taped

__all__ = ["Taping"]

MOST_UNFETCHED = 3_000_000
"""Bytes; twice a second they are fetched."""


class Reel(io.BytesIO):
    """The file, as far as nobody has fetched it. Closed, it still holds its end."""

    def write(self, data: bytes) -> int:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        """As a file; full, it fails as a full disk does."""
        if self.tell() + len(data) > MOST_UNFETCHED:
            raise OSError(errno.ENOSPC, "nobody fetches it fast enough")
        return super().write(data)

    def take(self) -> bytes:
        """What was written since the last time."""
        piece = self.getvalue()
        self.seek(0)
        self.truncate()
        return piece

    def close(self) -> None:
        """The recorder has written the end; it has still to be fetched."""


class Taping:
    """One recording.

    Args:
        node: whose events.
        kinds, limit, rate: as of `otp.trace.record`.
    """

    def __init__(self, node: Node, kinds: Iterable[str], limit: int, rate: int) -> None:
        self._reel = Reel()
        tree = [asdict(slot) for slot in trees_at(node, TreeReader(Clock()))]
        self._recorder: Recorder = otp.trace.record(
            node, self._reel, kinds=kinds, limit=limit, rate=rate, about={"tree": tree}
        )

    def wind(self, *, last: bool) -> Taped:
        """What is new; `last` ends it."""
        recorder = self._recorder
        if last:
            recorder.close()
        else:
            recorder.flush()
        return Taped(self._reel.take(), recorder.events, recorder.dropped, recorder.ended)

    def close(self) -> None:
        """Nobody fetches any more."""
        self._recorder.close()
