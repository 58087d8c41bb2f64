"""One connection with one node: the frames of both directions, counted, and what waits for its turn."""

from __future__ import annotations

from collections import deque

from otp.distribution.frames import OVERHEAD, Beat, Data, encode
from otp.distribution.node_id import NodeId
from otp.distribution.settings import Settings

__all__ = ["Broken", "Connection"]


class Broken(Exception):
    """The connection cannot go on; `reason` is that of `node_down`, `text` is for the log if the other side erred."""

    def __init__(self, reason: str, text: str = "") -> None:
        super().__init__(text or reason)
        self.reason = reason
        self.text = text


class Connection:
    """What both sides know of each other between up and down.

    `mine` and `his` are the nonces it was made of; `outgoing` and `incoming` its numbers on the frames of either
    direction; `epoch` its number in this session; `since` when it began, `heard` when the last frame of it came.

    Frames of data are numbered from 1. The first that is missing breaks the connection: nothing is sent twice.
    """

    __slots__ = (
        "_acknowledged",
        "_cut",
        "_flying",
        "_flying_bytes",
        "_owed",
        "_pieces",
        "_received",
        "_sent",
        "_settings",
        "_waiting",
        "busy",
        "epoch",
        "heard",
        "his",
        "incoming",
        "mine",
        "node",
        "outgoing",
        "since",
        "waiting",
    )

    def __init__(
        self, node: NodeId, epoch: int, now: float, nonces: tuple[bytes, bytes], numbers: tuple[int, int],
        settings: Settings,
    ) -> None:  # fmt: skip
        self.node: NodeId = node
        self.epoch: int = epoch
        self.since: float = now
        self.heard: float = now
        self.mine: bytes = nonces[0]
        self.his: bytes = nonces[1]
        self.outgoing: int = numbers[0]
        self.incoming: int = numbers[1]
        self._settings = settings
        self.busy: bool = False
        self.waiting: int = 0
        """Bytes of the signals that wait."""
        self._waiting: deque[bytes] = deque()
        self._cut = 0  # how much of the first of them is sent
        self._sent = self._acknowledged = self._received = 0
        self._flying: deque[int] = deque()  # the sizes of the frames that are not acknowledged
        self._flying_bytes = 0
        self._owed = 0  # bytes received and not acknowledged
        self._pieces = bytearray()

    def offer(self, signal: bytes) -> None:
        """Queue a signal; raises `Broken` where there is no room left for it."""
        self.waiting += len(signal) + OVERHEAD
        if self.waiting > self._settings.waiting:
            raise Broken("overflow")
        self._waiting.append(signal)
        self.busy = self.busy or self.waiting > self._settings.busy

    def ready(self) -> list[bytes]:
        """The frames that may be sent now; each acknowledges what was received."""
        frames: list[bytes] = []
        fragment, window = self._settings.fragment, self._settings.window
        while self._waiting and self._flying_bytes < window:
            signal = self._waiting[0]
            piece = signal if len(signal) <= fragment else signal[self._cut : self._cut + fragment]
            self._cut += len(piece)
            more = self._cut < len(signal)
            if not more:
                self._waiting.popleft()
                self._cut = 0
                self.waiting -= OVERHEAD
            self.waiting -= len(piece)
            self._sent += 1
            frame = encode(Data(self.outgoing, self._sent, self._received, piece, more))
            self._flying.append(len(frame))
            self._flying_bytes += len(frame)
            self._owed = 0
            frames.append(frame)
        return frames

    def is_drained(self) -> bool:
        """Whether it was busy and is not any more; asked once, it is not."""
        if self.busy and self.waiting <= self._settings.busy // 2:
            self.busy = False
            return True
        return False

    def beat(self) -> bytes:
        """The frame that says that this side lives, and what it has sent and received."""
        self._owed = 0
        return encode(Beat(self.outgoing, self._sent, self._received))

    def owes(self) -> bool:
        """Whether the other side should hear of what was received before its window is full."""
        return self._owed >= self._settings.window // 4

    def take(self, frame: Data, size: int) -> bytes | None:
        """The signal that is whole with this frame of `size` bytes, if one is; raises `Broken`."""
        if frame.sent <= self._received:
            return None  # it was here before
        if frame.sent != self._received + 1:
            raise Broken("gap")
        self._received += 1
        self._owed += size
        self._acknowledge(frame.received)
        whole, limit = len(self._pieces) + len(frame.piece), self._settings.signal
        if whole > limit:
            raise Broken("malformed", f"expected signals of at most {limit} bytes, got {whole} or more")
        if not self._pieces and not frame.more:
            return frame.piece
        self._pieces += frame.piece
        if frame.more:
            return None
        signal = bytes(self._pieces)
        self._pieces.clear()
        return signal

    def check(self, beat: Beat) -> None:
        """Compare what the other side has sent with what is here; raises `Broken`."""
        if beat.sent > self._received:
            raise Broken("gap")
        self._acknowledge(beat.received)

    def _acknowledge(self, received: int) -> None:
        if received > self._sent:
            raise Broken("malformed", f"expected at most {self._sent} frames acknowledged, got {received}")
        while self._acknowledged < received:
            self._acknowledged += 1
            self._flying_bytes -= self._flying.popleft()
