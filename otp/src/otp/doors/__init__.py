"""Doors: who runs a service opens one with `otp.observe()`, and who has its token looks in while the service runs.

```python
async with otp.Node("shop@127.0.0.1") as node, otp.observe(node):
    ...  # superlearner attach shop@127.0.0.1
```

Both sides need msgspec, the extra `remote`; importing this package does not. `Visitor` is the other side, `find_doors`
tells which doors of this user are open on this machine.

Source: Erlang's remote shell and `observer:start/1` need a node that takes part in the distribution; a door gives less.
"""

from __future__ import annotations

from otp.doors.door import Door, observe
from otp.doors.folder import DoorRecord, find_doors, runtime_folder
from otp.doors.visitor import DoorError, Facts, Visitor, WrongToken

__all__ = [
    "Door",
    "DoorError",
    "DoorRecord",
    "Facts",
    "Visitor",
    "WrongToken",
    "find_doors",
    "observe",
    "runtime_folder",
]
