"""Peer nodes: nodes in separate OS processes, for code that may hang, leak or break anything.

```python
peer = await otp.peer.start(
    "shop@127.0.0.1", "shop:boot", walls=otp.peer.Walls(), limits=otp.peer.Limits(memory_mb=128)
)
print((await peer.ended()).reason)  # did not answer for 5 s: its loop is held at shop.py:41 Till.handle_call
```

`start` creates one, `Walls` isolate it from everything else, `Limits` bound its resources, `probe` reports what this
system supports, `Spares` are peers in reserve. Source: Erlang's `peer`.
"""

from __future__ import annotations

from otp.peer.ended import Ended
from otp.peer.inner import Here
from otp.peer.limits import Limits
from otp.peer.peer import Peer, start
from otp.peer.spares import Spares
from otp.peer.spec import PeerSpec
from otp.peer.walls import Available, Part, Wall, WallMissing, Walls, probe

__all__ = [
    "Available",
    "Ended",
    "Here",
    "Limits",
    "Part",
    "Peer",
    "PeerSpec",
    "Spares",
    "Wall",
    "WallMissing",
    "Walls",
    "probe",
    "start",
]
