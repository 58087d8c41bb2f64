"""The frames of a session, encoded and decoded.

A frame is one msgpack array that begins with its kind. `connection` is the number of a connection in the direction of
the frame; both sides derive it from both nonces and the cookie (`handshake.connection_number`), so that a frame of
another connection or direction, or from a node without the cookie, does not have it.

>>> from otp.distribution import NodeId
>>> from otp.distribution.frames import Beat, decode, encode
>>> decode(NodeId("shop", 1), encode(Beat(7, sent=3, received=2)), limit=100)
Beat(connection=7, sent=3, received=2)
>>> decode(NodeId("shop", 1), b"GET / HTTP/1.1", limit=100)
Traceback (most recent call last):
    ...
otp.distribution.frames.MalformedFrame: shop#1: expected a session frame, got 14 bytes that are not one ...
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final

from msgspec import DecodeError, Meta, Struct, msgpack

from otp.distribution.node_id import NodeId

__all__ = [
    "BATCH",
    "BATCHES",
    "FEATURES",
    "HOLDS",
    "LARGE_LANE",
    "LONGEST_BATCH",
    "MOST_SIGNALS",
    "OVERHEAD",
    "Batch",
    "Beat",
    "Bye",
    "Data",
    "Frame",
    "Hello",
    "Large",
    "MalformedFrame",
    "Reset",
    "TAKEN",
    "UnknownFrame",
    "decode",
    "encode",
]

OVERHEAD: Final = 64
"""Maximum bytes of a frame in addition to its piece of a signal."""

LARGE_LANE: Final = 1
"""The feature of a side that takes `Large` frames."""
BATCHES: Final = 2
"""The feature of a side that takes `Batch` frames."""
FEATURES: Final = LARGE_LANE | BATCHES
"""The features of this version, as bits; a connection has those that both sides show in their proofs."""

HOLDS: Final = 1 << 16
"""The sender has its name: it was accepted under it."""
TAKEN: Final = 1 << 17
"""The name of the receiver belongs to another living node that is connected with the sender."""

BATCH: Final = 16 * 1024
"""Maximum bytes of the signals in a batch."""
MOST_SIGNALS: Final = 128
"""Maximum number of signals in a batch: all are delivered before the loop does something else."""
LONGEST_BATCH: Final = BATCH + 4 * MOST_SIGNALS
"""Maximum bytes of a batch, without `OVERHEAD`."""

_Number = Annotated[int, Meta(ge=0)]
_Short = Annotated[bytes, Meta(max_length=64)]


class MalformedFrame(ValueError):
    """Bytes from `node` that are not a frame, or too many of them."""

    def __init__(self, node: NodeId, expected: str, got: str) -> None:
        super().__init__(f"{node}: expected {expected}, got {got}; try the same version of otp on both sides")
        self.node = node


class UnknownFrame(MalformedFrame):
    """A frame of a later version, which this one does not know; `kind` is its number."""

    def __init__(self, node: NodeId, kind: int) -> None:
        super().__init__(node, "a frame that this version knows", f"one of kind {kind}")
        self.kind = kind


class Hello(Struct, frozen=True, array_like=True, tag=0):
    """A step of the handshake: `mine` is the sender's nonce, `yours` the receiver's, empty in a greeting.

    `proof` shows that the sender knows the cookie and both nonces; `verified` says that its side is connected.
    `features` are bits, and `known` is a higher incarnation of the receiver than its own, 0 for none; the proof covers
    both. Later versions may add fields at the end, which this one ignores.
    """

    version: int
    mine: _Short
    yours: _Short = b""
    proof: _Short = b""
    verified: bool = False
    features: _Number = 0
    known: _Number = 0


class Data(Struct, frozen=True, array_like=True, tag=1):
    """The data frame number `sent`: a signal, or a piece of one with `more` to come. `received` acknowledges."""

    connection: _Number
    sent: _Number
    received: _Number
    piece: bytes
    more: bool


class Large(Data, frozen=True, array_like=True, tag=5):
    """A `Data` frame of the lane for large signals, which are put together apart from the others.

    `ends` is true if its piece is the last one of a part of the signal.
    """

    ends: bool = False


class Batch(Struct, frozen=True, array_like=True, tag=6):
    """The data frame number `sent`, with several small signals; `received` acknowledges frames."""

    connection: _Number
    sent: _Number
    received: _Number
    signals: Annotated[list[bytes], Meta(min_length=1, max_length=MOST_SIGNALS)]


class Beat(Struct, frozen=True, array_like=True, tag=2):
    """A heartbeat: the numbers of data frames `sent` and `received` so far."""

    connection: _Number
    sent: _Number
    received: _Number


class Reset(Struct, frozen=True, array_like=True, tag=3):
    """A reply to a frame of an unknown connection, whose number it has."""

    connection: _Number


class Bye(Struct, frozen=True, array_like=True, tag=4):
    """The end of the connection, on purpose."""

    connection: _Number


Frame = Hello | Data | Large | Batch | Beat | Reset | Bye

encode: Final[Callable[[Frame], bytes]] = msgpack.Encoder().encode
_decode = msgpack.Decoder(Frame).decode
_decode_any = msgpack.Decoder(list[Any]).decode
KINDS: Final = range(7)
HIGHEST_KIND: Final = 256
"""Frames of all versions have lower numbers, so there are not many to report."""


def decode(node: NodeId, frame: bytes, limit: int) -> Frame:
    """Return the frame that `node` sent.

    Raises `MalformedFrame` for one that is invalid or longer than `limit` bytes, and `UnknownFrame`.
    """
    if len(frame) > limit:
        raise MalformedFrame(node, f"at most {limit} bytes", f"a frame of {len(frame)}")
    try:
        return _decode(frame)
    except (DecodeError, UnicodeDecodeError, RecursionError) as error:
        if (kind := _kind_of(frame)) is not None and kind not in KINDS:
            raise UnknownFrame(node, kind) from None
        raise MalformedFrame(node, "a session frame", f"{len(frame)} bytes that are not one ({error})") from None


def _kind_of(frame: bytes) -> int | None:
    """Return the number at the beginning of a frame; None if it is no frame of any version."""
    try:
        kind = next(iter(_decode_any(frame)), None)
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return kind if type(kind) is int and 0 <= kind < HIGHEST_KIND else None
