"""The tree of a member whose lines a test cuts: the counters, and a process that loses its frames on request.

Start the member with `--app PATH:CutOffMember` in a folder that has a named pipe `lines`. Each line written there is
`cut NAME`, which loses all frames to and from that member, or `heal NAME`, which ends that.
"""

from __future__ import annotations

import asyncio
import os

from otp import Children, GenServer, Ok, Supervisor, impl
from otp.cluster import Cluster
from otp.distribution.faults import Cut, Heal
from superlearner.demo.counters import CounterTree

__all__ = ["PIPE", "CutOffMember"]

PIPE = "lines"
FAULTS = {"cut": Cut, "heal": Heal}


class Lines(GenServer[None]):
    """The lines of this member to others."""

    @impl
    def init(self, arg: object) -> Ok[None]:
        pipe = os.open(PIPE, os.O_RDWR | os.O_NONBLOCK)  # for writing, too, so that it has no end
        transport = Cluster.here().distribution.member_transport

        def obey() -> None:
            for line in os.read(pipe, 4096).decode().splitlines():
                what, name = line.split()
                transport.inject(FAULTS[what](name))

        asyncio.get_running_loop().add_reader(pipe, obey)
        return Ok(None)


class CutOffMember(Supervisor):
    """The counters and the lines."""

    @impl
    def init(self, arg: object) -> Children:
        return Children([Lines.child_spec(None), CounterTree.child_spec(None)])
