"""A member in a program of its own that loads others: it calls, casts, and tells how long that took.

python loaded_member_program.py JSON    the arguments of `Cluster.join`, `name` and `tls`

It prints the events of `member_program`, and `["ready", address]`. Each line of its input is an order, as JSON:
`["calls", to, count, size]` prints `["calls", seconds]` once so many calls of that size, made at once, are answered;
`["casts", to, count, size]` casts in one loop, and prints `["casts", count]` with what has arrived there, and the bytes
of memory of this program beyond those before;
`["casting", to, seconds, size]` casts for so long in one loop, and prints `["casting", sent, arrived]`;
`["beside", to, count, size]` prints the sorted seconds of small calls that are made beside large ones.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from contextlib import suppress
from typing import Any

import otp
from otp.cluster import Busy, Cluster, MemberDown, MemberUp, Tls
from otp.distribution import Settings


def say(*event: Any) -> None:
    print(json.dumps(event), flush=True)


class Echo(otp.GenServer[int]):
    """Returns what it is asked, and counts casts."""

    def init(self, arg: None) -> Any:
        return otp.Ok(0)

    def handle_call(self, request: Any, caller: Any, state: int) -> Any:
        return otp.Reply(state if request == "count" else request, state)

    def handle_cast(self, request: Any, state: int) -> Any:
        return otp.NoReply(state + 1)


async def ask(to: str, request: Any, server: str = "echo") -> float:
    begun = time.perf_counter()
    assert request == await otp.GenServer.call((server, to), request, timeout=60)
    return time.perf_counter() - begun


async def asked(to: Any, count: int, size: int) -> None:
    """Make calls in processes of their own, all at once."""
    pids = [otp.spawn(ask, to, b"x" * size) for _ in range(count)]
    for pid in pids:
        reason = await otp.wait_down(pid)
        if reason != "normal":
            say("failed", repr(reason))


async def obey(order: list[Any]) -> None:
    match order:
        case ["calls", to, count, size]:
            begun = time.perf_counter()
            await asked(to, count, size)
            say("calls", time.perf_counter() - begun)
        case ["casts", to, count, size]:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            payload = b"x" * size
            for _ in range(count):
                otp.GenServer.cast(("echo", to), payload)
            found = await otp.GenServer.call(("echo", to), "count", timeout=60)
            say("casts", found, 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before))
        case ["casting", to, seconds, size]:
            payload, sent, end = b"x" * size, 0, time.monotonic() + seconds
            while time.monotonic() < end:
                with suppress(Busy):
                    otp.GenServer.cast(("echo", to), payload)
                    sent += 1
            say("casting", sent, await otp.GenServer.call(("echo", to), "count", timeout=60))
        case ["beside", to, count, size]:
            others = asyncio.ensure_future(asked(to, count, size))
            times: list[float] = []
            while not others.done():
                times.append(await ask(to, "small", "other"))
            say("beside", sorted(times))
        case _:
            raise ValueError(f"expected an order, got {order}")


async def main(name: str, settings: dict[str, Any], tls: list[str] | None = None, **given: Any) -> None:
    async with otp.Node(name) as node:
        for server in ("echo", "other"):
            await node.start(Echo, None, name=server)
        cluster = await Cluster.join(node, **given, settings=Settings(**settings), tls=tls and Tls(*tls))

        async def watch() -> None:
            cluster.monitor()
            say("ready", cluster.members()[0].address)
            while True:
                match await otp.receive():
                    case MemberDown(_, member, reason):
                        say("down", member.name, reason)
                    case MemberUp():
                        say("view", time.monotonic(), [member.name for member in cluster.members()])
                    case _:
                        pass

        node.spawn(watch)
        orders = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
        async for line in orders:
            node.spawn(obey, json.loads(line))
        await cluster.leave()


if __name__ == "__main__":
    asyncio.run(main(**json.loads(sys.argv[1])))
