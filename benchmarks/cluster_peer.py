"""A member for `benchmarks.cluster`: an echo server, and idle processes on request.

python -m benchmarks.cluster_peer NAME SIZE [CA CERT KEY]    with the cookie in OTP_COOKIE

With certificates it listens for TLS, and others reach it only by its address. Prints `ready ADDRESS` when it has
joined, `formed SECONDS` (since 1970) when it sees SIZE members, and from then on `down NAME REASON` for each member
that it considers gone.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Any

import otp
from otp import GenServer, NoReply, Ok, Reply, impl
from otp.cluster import Cluster, MemberDown, Tls


class Echo(GenServer[int]):
    """Answers calls, counts casts, and starts idle processes."""

    @impl
    def init(self, arg):
        return Ok(0)

    @impl
    def handle_call(self, request: Any, caller, casts):
        match request:
            case "casts":
                return Reply(casts, casts)
            case ("idle", int(count)):
                return Reply([otp.spawn(_idle) for _ in range(count)], casts)
            case _:
                return Reply(request, casts)

    @impl
    def handle_cast(self, request, casts):
        return NoReply(casts + 1)


async def _idle() -> None:
    await otp.receive(lambda message: message == "never")


async def _live(size: int, certificates: Sequence[str]) -> None:
    for name in ("echo", "other"):
        await otp.node().start(Echo, None, name=name)
    alone: dict[str, Any] = (
        {"listen": "127.0.0.1:0", "discovery": None, "tls": Tls(*certificates)} if certificates else {}
    )
    cluster = await Cluster.join(**alone)
    print("ready", cluster.members()[0].address, flush=True)
    await cluster.wait_size(size, 60)
    print(f"formed {time.time()}", flush=True)
    cluster.monitor()
    while True:
        down = await otp.receive(MemberDown)
        print(f"down {down.member.name} {down.reason}", flush=True)


if __name__ == "__main__":
    otp.run(_live, int(sys.argv[2]), sys.argv[3:], node=sys.argv[1])
