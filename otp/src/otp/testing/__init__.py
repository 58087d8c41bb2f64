"""Deterministic tests: virtual time, a seeded run order, and waiting until nothing can run.

```python
>>> import otp
>>> from otp.testing import Scheduler, advance
>>> async def reminder():
...     otp.send_after(3600, otp.self(), "tea")
...     await advance(3600)                     # an hour that takes no time
...     return await otp.receive()
>>> Scheduler(seed=1).run(reminder)
'tea'

```
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otp.testing.determinism import NotDeterministic
from otp.testing.faults import Fault, UnmatchedFault, crash, delay, drop, partition
from otp.testing.idle import advance, wait_all_idle
from otp.testing.messages import assert_receive, flush, mailbox, refute_receive
from otp.testing.mutation import MessageMutated
from otp.testing.patience import Livelock
from otp.testing.replaying import replay
from otp.testing.scheduler import Scheduler
from otp.testing.sequencer import Sequencer
from otp.testing.session import Session
from otp.testing.supervised import start_supervised, stop_supervised
from otp.testing.virtual_loop import Deadlock, RealIONotSimulated, VirtualLoop

if TYPE_CHECKING:
    from otp.cluster.simulation import SimulatedCluster

__all__ = [
    "Deadlock",
    "Fault",
    "Livelock",
    "MessageMutated",
    "NotDeterministic",
    "RealIONotSimulated",
    "Scheduler",
    "Sequencer",
    "Session",
    "SimulatedCluster",
    "UnmatchedFault",
    "VirtualLoop",
    "advance",
    "assert_receive",
    "crash",
    "delay",
    "drop",
    "flush",
    "mailbox",
    "partition",
    "refute_receive",
    "replay",
    "start_supervised",
    "stop_supervised",
    "wait_all_idle",
]


def __getattr__(name: str) -> Any:
    if name == "SimulatedCluster":  # it needs msgspec, which only clusters need
        from otp.cluster.simulation import SimulatedCluster

        return SimulatedCluster
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
