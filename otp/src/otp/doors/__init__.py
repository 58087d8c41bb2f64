"""Doors: a program opens one with `otp.observe()`, and a holder of its token can inspect the program while it runs.

```python
async with otp.Node("shop@127.0.0.1") as node, otp.observe(node):
    ...  # superlearner attach shop@127.0.0.1
```

Both sides need msgspec, the extra `remote`; importing this package does not. `Visitor` is the other side, `find_doors`
lists the doors of this user that are open on this machine.

Source: Erlang's remote shell and `observer:start/1` need a node in the distribution; a door grants less access.
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
