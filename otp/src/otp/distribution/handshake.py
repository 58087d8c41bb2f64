"""The handshake: two nodes prove to each other that they know the same cookie, without sending it.

```
a → b   a's nonce                                    a greeting: costs b one reply, changes nothing
b → a   b's nonce, a's nonce, proof of b             a has verified b: connected for a
a → b   a's nonce, b's nonce, proof of a, verified   b has verified a: connected for b
```

A proof is an HMAC-SHA256 with the cookie over both node names, both nonces, the features of its sender and
what it knows of the other, so a
recorded proof is useless against a side with another nonce, in the other direction, or for another node.

It does not hide or sign what is sent afterwards: the carrier has to keep others out (a private socket), to sign each
frame, or to be encrypted (TLS).

>>> from otp.distribution import NodeId
>>> a, b = NodeId("a", 1), NodeId("b", 1)
>>> shown = proof(b"secret", a, b"nonce of a", b, b"nonce of b")
>>> is_proof(shown, b"secret", a, b"nonce of a", b, b"nonce of b")
True
>>> is_proof(shown, b"guessed", a, b"nonce of a", b, b"nonce of b")
False

Source: Erlang's handshake (*Distribution Protocol*, ERTS User's Guide) has the same three steps with MD5.
"""

from __future__ import annotations

import hmac
from typing import Final

from otp.distribution.node_id import NodeId

__all__ = ["NONCE", "connection_number", "is_proof", "proof"]

NONCE: Final = 16
"""Bytes of a nonce."""


def proof(cookie: bytes, by: NodeId, mine: bytes, to: NodeId, yours: bytes, features: int = 0, known: int = 0) -> bytes:
    """Return the proof of `by`, which chose the nonce `mine` and has `features`, for `to`, which chose `yours`.

    `known` is a higher incarnation of `to` that `by` knows, 0 for none.
    """
    purpose = b"otp 1 proof" if not features else b"otp 1 proof %d" % features
    if known:
        purpose += b" known %d" % known
    return _digest(cookie, purpose, by, mine, to, yours)


def is_proof(
    shown: bytes, cookie: bytes, by: NodeId, mine: bytes, to: NodeId, yours: bytes, features: int = 0, known: int = 0
) -> bool:
    """Return whether `shown` is that proof, in constant time."""
    return hmac.compare_digest(shown, proof(cookie, by, mine, to, yours, features, known))


def connection_number(cookie: bytes, sender: NodeId, mine: bytes, receiver: NodeId, yours: bytes) -> int:
    """Return the number, below 2**64, on the frames that `sender` sends over the connection of these nonces."""
    return int.from_bytes(_digest(cookie, b"otp 1 connection", sender, mine, receiver, yours)[:8], "big")


def _digest(cookie: bytes, purpose: bytes, by: NodeId, mine: bytes, to: NodeId, yours: bytes) -> bytes:
    parts = (purpose, str(by).encode(), mine, str(to).encode(), yours)
    # Each part has its length in front, so that different lists of parts give different bytes.
    return hmac.digest(cookie, b"".join(len(part).to_bytes(4, "big") + part for part in parts), "sha256")
