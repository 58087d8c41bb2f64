"""A connection with one node: counted frames in both directions, and waiting signals."""

from __future__ import annotations

from collections import Counter, deque
from typing import Final

from otp.distribution.frames import BATCH, MOST_SIGNALS, OVERHEAD, Batch, Beat, Data, Large, encode
from otp.distribution.node_id import NodeId
from otp.distribution.parts import Assembly, Parts, join_parts
from otp.distribution.settings import Settings

__all__ = ["Broken", "Connection"]

FIRST_ROOM: Final = 64 * 1024
"""Bytes that are sent before the carrier has said how much it takes."""
BURST_S: Final = 1e-3
"""A signal that follows another one this soon, with nothing received in between, waits for the end of the loop's turn,
so that a burst shares a frame. A call that follows an answer never waits."""


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

    Data frames are numbered from 1. A missing number breaks the connection: nothing is sent twice. The carrier says how
    many bytes it takes; the rest waits here.

    A signal that needs several frames has a lane of its own, so that signals of other senders pass it. Those of the
    same sender keep their order: they take that lane, too, as long as one of theirs waits there.
    """

    __slots__ = (
        "_assemblies",
        "_at",
        "_behind",
        "_cut",
        "_large",
        "_offered",
        "_passed",
        "_probe",
        "_probed_at",
        "_received",
        "_sent",
        "_sent_at",
        "_settings",
        "_waiting",
        "asks",
        "asks_at",
        "busy",
        "batches",
        "doubted",
        "epoch",
        "found",
        "has_lane",
        "heard",
        "held",
        "his",
        "incoming",
        "mine",
        "node",
        "outgoing",
        "proved",
        "room",
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
        self.room: int = FIRST_ROOM
        """Bytes that the carrier still takes."""
        self.asks: bool = False
        """True once the carrier was asked how much it takes."""
        self.asks_at: int = 0
        """The number of waiting bytes at which it is asked again if nothing is sent before."""
        self.has_lane: bool = False
        """True if the other side takes the lane of large signals."""
        self.batches: bool = False
        """True if the other side takes batches."""
        self.held: bool = False
        """True while a burst waits for the end of the loop's turn."""
        self._sent_at = float("-inf")
        self.doubted: float | None = None
        """The time since when the carrier reports the other side as gone."""
        self.found: list[float] = []
        """The times since then at which the carrier reported that it reaches the other side again."""
        self.proved: float = float("-inf")
        """The time of the last probe that the other side has acknowledged."""
        self._probe = 0  # the number of the unacknowledged probe
        self._probed_at = now
        self._waiting: deque[bytes] = deque()
        self._large: deque[tuple[bytes | Parts, int, int]] = deque()  # with sender and count of small ones before
        self._offered = 0  # small signals queued so far
        self._behind: Counter[int] = Counter()  # waiting large signals by sender
        self._at = 0  # the part of the first one that is sent in pieces,
        self._cut = 0  # and how much of that part has been sent
        self._passed = 0  # bytes that passed the first large one since its last piece
        self._sent = self._received = 0
        self._assemblies: dict[type[Data], Assembly] = {Data: Assembly(), Large: Assembly()}

    def offer(self, signal: bytes | Parts, size: int, sender: int = 0) -> None:
        """Queue a signal of a sender; `size` is its number of bytes."""
        self.waiting += size + OVERHEAD
        if self.has_lane and (size > self._settings.fragment or sender in self._behind):
            self._large.append((signal, sender, self._offered))
            self._behind[sender] += 1
        else:
            self._offered += 1
            self._waiting.append(join_parts(signal))
        if self.waiting > self._settings.buffer:
            self.busy = True

    def is_burst(self, now: float) -> bool:
        """Return whether the waiting signals are a burst that is sent at the end of the loop's turn."""
        is_short = self.batches and self.room > 0 and self.waiting < BATCH and not self.busy
        if is_short and (self.held or now - self._sent_at < BURST_S):
            return True
        self._sent_at = now
        return False

    def ready(self) -> list[bytes]:
        """Return the frames that the carrier takes now."""
        frames: list[bytes] = []
        fragment = self._settings.fragment
        while self.room > 0 and (self._waiting or self._large):
            if self._large and (not self._waiting or (self._passed >= fragment and self._is_next())):
                frame = self._piece_of(self._large[0][0], Large)
                self._passed = 0
                if not (self._at or self._cut):
                    _, sender, _ = self._large.popleft()
                    self._behind[sender] -= 1
                    if not self._behind[sender]:
                        del self._behind[sender]
            elif self.has_lane:
                frame = self._small_ones()
            else:
                frame = self._piece_of(self._waiting[0], Data)
                if not (self._at or self._cut):
                    self._waiting.popleft()
            frames.append(frame)
            self.room -= len(frame)
        return frames

    def _is_next(self) -> bool:
        """Return whether all small signals before the first large one are sent; some may be of its sender."""
        return self._offered - len(self._waiting) >= self._large[0][2]

    def _small_ones(self) -> bytes:
        """Return a frame with the next small signals; only one if the other side takes no batches."""
        waiting, most = self._waiting, MOST_SIGNALS if self.batches else 1
        signals = [waiting.popleft()]
        size, room = len(signals[0]), min(BATCH, self.room)
        while waiting and len(signals) < most and size + len(waiting[0]) <= room:
            signals.append(signal := waiting.popleft())
            size += len(signal)
        self.waiting -= size + OVERHEAD * len(signals)
        self._passed += size if self._large else 0
        self._sent += 1
        if len(signals) == 1:
            return encode(Data(self.outgoing, self._sent, self._received, signals[0], False))
        return encode(Batch(self.outgoing, self._sent, self._received, signals))

    def _piece_of(self, signal: bytes | Parts, kind: type[Data]) -> bytes:
        """Return the frame with the next piece of a signal; `_at` and `_cut` are 0 after the last one."""
        parts = signal if isinstance(signal, Parts) else (signal,)
        part = parts[self._at]
        piece = part[self._cut : self._cut + self._settings.fragment]
        self._cut += len(piece)
        ends = self._cut == len(part)
        if ends:
            self._at, self._cut = self._at + 1, 0
        more = self._at < len(parts)
        if not more:
            self._at = 0
            self.waiting -= OVERHEAD
        return self._frame(kind, piece, more, *((ends,) if kind is Large else ()))

    def _frame(self, kind: type[Data], piece: bytes, *rest: bool) -> bytes:
        self.waiting -= len(piece)
        self._sent += 1
        return encode(kind(self.outgoing, self._sent, self._received, piece, *rest))

    def is_drained(self) -> bool:
        """Return whether it has stopped being busy, once per busy period."""
        if self.busy and self.waiting <= self._settings.buffer // 2:
            self.busy = False
            return True
        return False

    def beat(self) -> bytes:
        """Return a heartbeat frame with the numbers of sent and received frames."""
        return encode(Beat(self.outgoing, self._sent, self._received))

    def probe(self, now: float, again: bool = False) -> list[bytes]:
        """Return a frame that the other side acknowledges at once, unless one is on its way; with `again`, even then.

        It is an empty piece of a signal with more to come, which changes no signal.
        """
        if self._probe and not again:
            return []
        frame = self._frame(Data, b"", True)
        self._probe, self._probed_at = self._sent, now
        return [frame]

    def take(self, frame: Data) -> bytes | Parts | None:
        """Return the signal completed by this frame, or None; raises `Broken`."""
        if not self.count(frame) or (not frame.piece and frame.more):
            return None  # repeated, or a probe
        ends = isinstance(frame, Large) and frame.ends
        try:
            return self._assemblies[type(frame)].add(frame.piece, ends, frame.more, self._settings.signal)
        except ValueError as error:
            raise Broken("malformed", str(error)) from None

    def take_all(self, batch: Batch) -> list[bytes]:
        """Return the signals of a batch, none if it is repeated; raises `Broken`."""
        limit, longest = self._settings.signal, max(map(len, batch.signals))
        if longest > limit:
            raise Broken("malformed", f"expected signals of at most {limit} bytes, got one of {longest}")
        return batch.signals if self.count(batch) else []

    def count(self, frame: Data | Batch) -> bool:
        """Count a data frame, and return False if it is repeated. Raises `Broken`."""
        if frame.sent <= self._received:
            return False
        if frame.sent != self._received + 1:
            raise Broken("gap")
        self._received += 1
        self._sent_at = float("-inf")
        self._acknowledge(frame.received)
        return True

    def check(self, beat: Beat) -> None:
        """Compare the frames that the other side has sent with those received; raises `Broken`."""
        if beat.sent > self._received:
            raise Broken("gap")
        self._acknowledge(beat.received)

    def _acknowledge(self, received: int) -> None:
        if received > self._sent:
            raise Broken("malformed", f"expected at most {self._sent} frames acknowledged, got {received}")
        if self._probe and received >= self._probe:
            self._probe, self.proved = 0, self._probed_at
