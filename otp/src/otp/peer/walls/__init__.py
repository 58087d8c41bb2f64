"""Walls between a peer and everything else: their availability, their specification, and putting them up.

```python
from otp.peer.walls import probe

print(probe())  # 8 of 8 walls; every required one stands
for wall in probe().walls.values():
    print(wall)  # files: mount, landlock (ABI 7)
```
"""

from __future__ import annotations

from otp.peer.walls.plan import REQUIRED, Part, Wall, WallMissing, Walls
from otp.peer.walls.probing import Available, probe

__all__ = ["REQUIRED", "Available", "Part", "Wall", "WallMissing", "Walls", "probe"]
