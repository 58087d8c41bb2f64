"""The handshake of a link, by which two nodes prove to each other that they know the secret of their group.

```
a → b   hello     mark of the group, a's nonce, a's name and address
b → a   answer    mark of the group, b's nonce, b's proof, b's name and address
a → b   confirm   a's proof
b → a   accept    a proof that b uses this link; b ends it if the two have another one
```

A proof is an HMAC over all earlier frames and the dialled address as each side's operating system reports it. An
attacker who relays between the two was dialled at another address, so its proofs fail. The keys of a sealed link are
derived from the same bytes, so each link has its own, one for each direction.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final, Literal, NamedTuple

from otp.distribution.node_id import NodeId, node_key, node_of

__all__ = ["NONCE", "Greeting", "Handshake", "mark_of", "read_answer", "read_hello"]

MAGIC: Final = b"otp link 2 "
MARK: Final = 8
NONCE: Final = 16
PROOF: Final = 32
Step = Literal["answers", "confirms", "accepts"]


class Greeting(NamedTuple):
    """The data that a node sends before its proof: the mark of its group, its nonce, its name and its address."""

    mark: bytes
    nonce: bytes
    node: NodeId
    address: str

    def encoded(self) -> bytes:
        """Return the greeting as bytes."""
        return self.mark + self.nonce + f"{node_key(self.node)} {self.address}".encode(errors="surrogateescape")

    def hello(self) -> bytes:
        """Return the first frame of the side that dials."""
        return MAGIC + self.encoded()


def mark_of(group: str) -> bytes:
    """Return a public identifier of a group, from which nothing else of the group can be derived."""
    return hashlib.blake2b(b"otp 2 mark " + group.encode(), digest_size=MARK).digest()


def read_hello(frame: bytes) -> Greeting | None:
    """Return the greeting of a first frame, None if it is not one."""
    return _read(frame[len(MAGIC) :]) if frame.startswith(MAGIC) else None


def read_answer(frame: bytes) -> tuple[Greeting, bytes] | None:
    """Return the greeting and the proof of an answer, None if it is not one."""
    greeting = _read(frame[PROOF:])
    return None if greeting is None else (greeting, frame[:PROOF])


def _read(data: bytes) -> Greeting | None:
    try:
        name, _, address = data[MARK + NONCE :].decode(errors="surrogateescape").partition(" ")
    except UnicodeDecodeError:
        return None
    node = node_of(name)
    return None if node is None else Greeting(data[:MARK], data[MARK : MARK + NONCE], node, address)


class Handshake:
    """The proofs and keys of one link, between the side that `dials` and the one that `listens` at `place`.

    >>> from otp.distribution import NodeId
    >>> a, b = (Greeting(mark_of("g"), bytes(16), NodeId(name, 1), "") for name in "ab")
    >>> shown = Handshake(b"secret", a, b, b"here", sealed=True).proof("answers")
    >>> Handshake(b"secret", a, b, b"here", sealed=True).is_proof("answers", shown)
    True
    >>> Handshake(b"secret", a, b, b"elsewhere", sealed=True).is_proof("answers", shown)
    False
    """

    def __init__(self, secret: bytes, dials: Greeting, listens: Greeting, place: bytes, *, sealed: bool) -> None:
        parts = (b"sealed" if sealed else b"plain", dials.encoded(), listens.encoded(), place)
        # Each part has its length in front, so that different lists of parts give different bytes.
        self._transcript = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        self._secret = secret

    def proof(self, step: Step) -> bytes:
        """Return the proof that a side sends in a step."""
        return self._digest(b"otp 2 link " + step.encode())

    def is_proof(self, step: Step, shown: bytes) -> bool:
        """Return whether `shown` is that proof, in constant time."""
        return hmac.compare_digest(shown, self.proof(step))

    def keys(self) -> tuple[bytes, bytes]:
        """Return the keys for the frames of the side that dials, and of the one that listens."""
        return self._digest(b"otp 2 link key of who dials"), self._digest(b"otp 2 link key of who listens")

    def _digest(self, purpose: bytes) -> bytes:
        return hmac.digest(self._secret, purpose + b"\0" + self._transcript, "sha256")
