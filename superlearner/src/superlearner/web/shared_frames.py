"""permessage-deflate for messages that are already compressed, once for all viewers of a source.

The extension of websockets compresses each message for its connection. This one sends the bytes of a `Compressed`
message unchanged, and every other message uncompressed, which RFC 7692 allows. It keeps no state for a connection:
each message of a client, a few short words, is decompressed alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from websockets.exceptions import NegotiationError
from websockets.extensions.base import Extension
from websockets.extensions.permessage_deflate import PerMessageDeflate, ServerPerMessageDeflateFactory
from websockets.frames import Frame, Opcode
from websockets.typing import ExtensionParameter

from superlearner.live.deflate import Compressed

__all__ = ["Sender", "SharedFrames"]


class SharedFrames(ServerPerMessageDeflateFactory):
    """The extension's factory: it accepts clients that keep the whole window, which all frames need."""

    def __init__(self) -> None:
        super().__init__(client_no_context_takeover=True)

    def process_request_params(
        self, params: Sequence[ExtensionParameter], accepted_extensions: Sequence[Extension]
    ) -> tuple[list[ExtensionParameter], PerMessageDeflate]:
        """Answer an offer. Raises NegotiationError if the client wants messages compressed for it alone."""
        answer, agreed = super().process_request_params(params, accepted_extensions)
        if agreed.local_no_context_takeover or agreed.local_max_window_bits < 15:
            raise NegotiationError("expected a client that keeps a window of 32 KiB")
        return answer, Sender(agreed.remote_max_window_bits)


class Sender(PerMessageDeflate):
    """The extension of one connection."""

    def __init__(self, remote_max_window_bits: int) -> None:
        super().__init__(True, True, remote_max_window_bits, 15)

    def encode(self, frame: Frame) -> Frame:
        """Send a compressed text frame as compressed, and the rest unchanged."""
        if isinstance(frame.data, Compressed):
            return Frame(Opcode.TEXT, frame.data, frame.fin, rsv1=True)
        return frame
