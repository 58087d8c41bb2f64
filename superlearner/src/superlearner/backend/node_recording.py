"""A recording of a node, fetched while it is made.

Memory holds only the part that has not been fetched yet.
"""

from __future__ import annotations

import errno
import io
from collections.abc import Iterable
from dataclasses import asdict

import otp
from otp import Node
from otp.trace import DETAIL_KINDS, LIFECYCLE, MESSAGE_KINDS, STATE_KINDS, Recorder
from superlearner.control.clock import Clock
from superlearner.control.tree import TreeReader, trees_at
from superlearner.nodes.remote.protocol import Taped

__all__ = ["NodeRecording"]

KNOWN = LIFECYCLE | DETAIL_KINDS | MESSAGE_KINDS | STATE_KINDS
MOST_UNFETCHED = 3_000_000
"""Limit in bytes; the recording is fetched twice a second."""


class RecordingBuffer(io.BytesIO):
    """The unfetched part of a recording; readable after it is closed."""

    def write(self, data: bytes) -> int:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        """Write to the buffer; a full buffer fails as a full disk does."""
        if self.tell() + len(data) > MOST_UNFETCHED:
            raise OSError(errno.ENOSPC, "the recording is not fetched fast enough")
        return super().write(data)

    def take(self) -> bytes:
        """Return what was written since the last call."""
        piece = self.getvalue()
        self.seek(0)
        self.truncate()
        return piece

    def close(self) -> None:
        """Do nothing: the last part written by the recorder has still to be fetched."""


class NodeRecording:
    """A recording of the events of one node.

    Args:
        node: the node to record.
        kinds, limit, rate: as in `otp.trace.record`, but the platform may have a later version, with more kinds.
    """

    def __init__(self, node: Node, kinds: Iterable[str], limit: int, rate: int) -> None:
        self._reel = RecordingBuffer()
        tree = [asdict(slot) for slot in trees_at(node, TreeReader(Clock()))]
        self._recorder: Recorder = otp.trace.record(
            node, self._reel, kinds=KNOWN.intersection(kinds), limit=limit, rate=rate, about={"tree": tree}
        )

    def wind(self, *, last: bool) -> Taped:
        """Return the new part of the recording; `last` ends it."""
        recorder = self._recorder
        if last:
            recorder.close()
        else:
            recorder.flush()
        return Taped(self._reel.take(), recorder.events, recorder.dropped, recorder.ended)

    def close(self) -> None:
        """Stop recording; the rest will not be fetched."""
        self._recorder.close()
