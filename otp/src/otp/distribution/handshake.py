"""Two nodes show each other that they know the same cookie, and neither says it.

```
a → b   a's nonce                                    a greeting: costs b one answer, moves nothing
b → a   b's nonce, a's nonce, proof of b             a knows b: the connection stands for a
a → b   a's nonce, b's nonce, proof of a, verified   b knows a: the connection stands for b
```

A proof is an HMAC-SHA256 under the cookie of who proves to whom and both nonces, so one that was recorded proves
nothing to a side that has drawn another nonce, nor in the other direction, nor in the name of another node.

What it does not do: hide or seal what is sent afterwards.  Between hosts that do not trust the network, the carrier has
to be encrypted (TLS), as with Erlang's distribution.

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


def proof(cookie: bytes, by: NodeId, mine: bytes, to: NodeId, yours: bytes) -> bytes:
    """What shows `to`, who drew the nonce `yours`, that `by`, who drew `mine`, knows the cookie."""
    return _digest(cookie, b"otp 1 proof", by, mine, to, yours)


def is_proof(shown: bytes, cookie: bytes, by: NodeId, mine: bytes, to: NodeId, yours: bytes) -> bool:
    """Whether `shown` is that proof; takes the same time wherever it is wrong."""
    return hmac.compare_digest(shown, proof(cookie, by, mine, to, yours))


def connection_number(cookie: bytes, sender: NodeId, mine: bytes, receiver: NodeId, yours: bytes) -> int:
    """The number on the frames that `sender` sends over the connection of these nonces; below 2**64."""
    return int.from_bytes(_digest(cookie, b"otp 1 connection", sender, mine, receiver, yours)[:8], "big")


def _digest(cookie: bytes, purpose: bytes, by: NodeId, mine: bytes, to: NodeId, yours: bytes) -> bytes:
    parts = (purpose, str(by).encode(), mine, str(to).encode(), yours)
    # Each part says how long it is: no two lists of parts give the same bytes.
    return hmac.digest(cookie, b"".join(len(part).to_bytes(4, "big") + part for part in parts), "sha256")
