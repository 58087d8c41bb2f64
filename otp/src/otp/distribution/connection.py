"""A connection with one node: counted frames in both directions, and waiting signals."""

from __future__ import annotations

from collections import deque

from otp.distribution.frames import OVERHEAD, Beat, Data, encode
from otp.distribution.node_id import NodeId
from otp.distribution.settings import Settings

__all__ = ["Broken", "Connection"]


class Broken(Exception):
    """A connection that cannot continue; `reason` is for `node_down`, `text` for the log if the other side erred."""

    def __init__(self, reason: str, text: str = "") -> None:
        super().__init__(text or reason)
        self.reason = reason
        self.text = text


class Connection:
    """The state of a connection that is up.

    `mine` and `his` are the nonces of its handshake; `outgoing` and `incoming` its numbers on frames of either
    direction; `epoch` its number in this session; `since` its start, `heard` the time of its last frame.

    Data frames are numbered from 1. A missing number breaks the connection: nothing is sent twice.
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
        """Bytes of the waiting signals."""
        self._waiting: deque[bytes] = deque()
        self._cut = 0  # how much of the first one has been sent
        self._sent = self._acknowledged = self._received = 0
        self._flying: deque[int] = deque()  # sizes of the unacknowledged frames
        self._flying_bytes = 0
        self._owed = 0  # bytes received and not acknowledged
        self._pieces = bytearray()

    def offer(self, signal: bytes) -> None:
        """Queue a signal; raises `Broken` if there is no room for it."""
        self.waiting += len(signal) + OVERHEAD
        if self.waiting > self._settings.waiting:
            raise Broken("overflow")
        self._waiting.append(signal)
        self.busy = self.busy or self.waiting > self._settings.busy

    def ready(self) -> list[bytes]:
        """Return the frames that may be sent now; each one acknowledges received data."""
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
        """Return whether it has stopped being busy, once per busy period."""
        if self.busy and self.waiting <= self._settings.busy // 2:
            self.busy = False
            return True
        return False

    def beat(self) -> bytes:
        """Return a heartbeat frame with the numbers of sent and received frames."""
        self._owed = 0
        return encode(Beat(self.outgoing, self._sent, self._received))

    def owes(self) -> bool:
        """Return whether to acknowledge now, before the other side's window is full."""
        return self._owed >= self._settings.window // 4

    def take(self, frame: Data, size: int) -> bytes | None:
        """Return the signal completed by this frame of `size` bytes, or None; raises `Broken`."""
        if frame.sent <= self._received:
            return None  # a repeated frame
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
        """Compare the frames that the other side has sent with those received; raises `Broken`."""
        if beat.sent > self._received:
            raise Broken("gap")
        self._acknowledge(beat.received)

    def _acknowledge(self, received: int) -> None:
        if received > self._sent:
            raise Broken("malformed", f"expected at most {self._sent} frames acknowledged, got {received}")
        while self._acknowledged < received:
            self._acknowledged += 1
            self._flying_bytes -= self._flying.popleft()
