"""The workloads on `otp`, with the defaults of `otp.run` and public names only.

OTP_BENCH_ONLY=call,ring python benchmarks/peer_otp.py
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

import otp
from benchmarks.protocol import AHEAD, CALLERS, PAIRS, RING, Reporter, clock, growth_per_item, operations, wanted
from benchmarks.servers import AsyncCounter, BusyCounter, Counter, Desk
from otp import GenServer

report = Reporter("otp")
call, cast = GenServer.call, GenServer.cast
receive, send, spawn = otp.receive, otp.send, otp.spawn


async def calls(workload: str, server: type[Counter]) -> None:
    pid = await server.start()
    n = operations(workload)
    await call(pid, "increment")
    begun = clock()
    for _ in range(n):
        await call(pid, "increment")
    report(workload, n, clock() - begun)


async def call_to_idle() -> None:
    await calls("call", Counter)


async def calls_of_many() -> None:
    """Measure calls to a busy server: a cast precedes them, so they have to queue."""
    pid = await Counter.start()
    each = operations("call_queued") // CALLERS or 1
    me = otp.self()

    async def caller(first: bool) -> None:
        for _ in range(each):
            if first:
                cast(pid, "increment")
            await call(pid, "increment")
        send(me, 1)

    begun = clock()
    for number in range(CALLERS):
        spawn(caller, number == 0)
    for _ in range(CALLERS):
        await receive()
    report("call_queued", each * CALLERS, clock() - begun)


async def call_behind_a_message() -> None:
    await calls("call_behind", BusyCounter)


async def call_to_async() -> None:
    await calls("call_async", AsyncCounter)


async def casts() -> None:
    pid = await Counter.start()
    n = operations("cast")
    await call(pid, "increment")
    begun = clock()
    for _ in range(n):
        cast(pid, "increment")
    await call(pid, "increment", 60)
    report("cast", n, clock() - begun)


async def ring() -> None:
    n = operations("ring")
    me = otp.self()

    async def member(following: otp.Pid | None = None) -> None:
        if following is None:
            following = await receive()
        while True:
            hops = await receive()
            if hops == 0:
                send(me, "done")
            else:
                send(following, hops - 1)

    first = last = spawn(member)
    for _ in range(RING - 1):
        last = spawn(member, last)
    send(first, last)
    begun = clock()
    send(last, n)
    await receive()
    report("ring", n, clock() - begun)


async def spawn_and_end() -> None:
    rounds = max(1, operations("spawn") // 1000)
    me = otp.self()

    async def nothing() -> None:
        pass

    async def tell() -> None:
        send(me, 1)

    begun = clock()
    for _ in range(rounds):
        for _ in range(999):
            spawn(nothing)
        spawn(tell)
        await receive()
    report("spawn", rounds * 1000, clock() - begun)


async def idle_servers() -> None:
    n = operations("idle")
    with growth_per_item(n) as growth:
        begun = clock()
        pids = [await Counter.start() for _ in range(n)]
        took = clock() - begun
    report("idle_server", n, took, growth())
    report("server_start", n, took)
    for pid in pids:
        otp.exit(pid, "kill")


async def idle_coroutines() -> None:
    n = operations("idle")
    me = otp.self()

    async def idle() -> None:
        await receive()

    async def tell() -> None:
        send(me, 1)

    with growth_per_item(n) as growth:
        begun = clock()
        pids = [spawn(idle) for _ in range(n)]
        spawn(tell)
        await receive()
        took = clock() - begun
    report("idle_coro", n, took, growth())
    for pid in pids:
        otp.exit(pid, "kill")


async def idle() -> None:
    await idle_servers()
    gc.collect()
    await idle_coroutines()


async def restarts() -> None:
    n = operations("restart")
    child = Counter.child_spec(None, name="kid")
    await otp.Supervisor.start_link_children([child], max_restarts=10**9, max_seconds=5)
    begun = clock()
    for _ in range(n):
        victim = otp.whereis("kid")
        otp.exit(victim, "kill")
        while otp.whereis("kid") in (None, victim):
            await asyncio.sleep(0)
    report("restart", n, clock() - begun)


async def monitored_ends() -> None:
    n = operations("monitor")

    async def waiter() -> None:
        await receive()

    pids = [spawn(waiter) for _ in range(n)]
    await asyncio.sleep(0)
    for pid in pids:
        otp.monitor(pid)
    begun = clock()
    for pid in pids:
        send(pid, 1)
    for _ in range(n):
        await receive()
    report("monitor", n, clock() - begun)


async def pairs() -> None:
    each = operations("pairs") // PAIRS or 1
    me = otp.self()

    async def echo() -> None:
        while True:
            send(await receive(), 1)

    async def ping(partner: otp.Pid) -> None:
        pid = otp.self()
        for _ in range(each):
            send(partner, pid)
            await receive()
        send(me, 1)

    partners = [spawn(echo) for _ in range(PAIRS)]
    await asyncio.sleep(0)
    begun = clock()
    for partner in partners:
        spawn(ping, partner)
    for _ in range(PAIRS):
        await receive()
    report("pairs", each * PAIRS, clock() - begun)


async def pending_calls() -> None:
    n = operations("timers")
    me = otp.self()
    desk = await Desk.start()

    async def caller() -> None:
        await call(desk, "hold", 5.0)
        send(me, 1)

    begun = clock()
    for _ in range(n):
        spawn(caller)
    while await call(desk, "count") < n:
        await asyncio.sleep(0)
    await call(desk, "release")
    for _ in range(n):
        await receive()
    report("timers", n, clock() - begun)


async def backlog() -> None:
    n = operations("backlog")
    me = otp.self()

    async def reader() -> None:
        await receive(lambda message: message == "go")
        for _ in range(n):
            await receive()
        send(me, 1)

    pid = spawn(reader)
    await asyncio.sleep(0)
    begun = clock()
    for i in range(n):
        send(pid, i)
    send(pid, "go")
    await receive()
    report("backlog", n, clock() - begun)


async def call_behind_backlog() -> None:
    waiting, n = operations("backlog"), operations("backlog_call")
    pid = await Counter.start()
    me = otp.self()
    for i in range(waiting):
        send(me, i)
    begun = clock()
    for _ in range(n):
        await call(pid, "increment")
    report("backlog_call", n, clock() - begun)


def is_tagged(message: Any) -> bool:
    return type(message) is tuple and message[0] == "tag"


async def selective(workload: str, pattern: Any) -> None:
    n = operations(workload)
    me = otp.self()
    for i in range(AHEAD):
        send(me, ("other", i))
    begun = clock()
    for i in range(n):
        send(me, ("tag", i))
        await receive(pattern)
    report(workload, n, clock() - begun)


WORKLOADS: dict[str, list[tuple[Callable[..., Awaitable[None]], tuple[Any, ...]]]] = {
    "call": [(call_to_idle, ())],
    "call_queued": [(calls_of_many, ())],
    "call_behind": [(call_behind_a_message, ())],
    "call_async": [(call_to_async, ())],
    "cast": [(casts, ())],
    "ring": [(ring, ())],
    "spawn": [(spawn_and_end, ())],
    "idle": [(idle, ())],
    "restart": [(restarts, ())],
    "monitor": [(monitored_ends, ())],
    "pairs": [(pairs, ())],
    "timers": [(pending_calls, ())],
    "backlog": [(backlog, ()), (call_behind_backlog, ())],
    "selective": [(selective, ("selective", is_tagged)), (selective, ("selective_memo", otp.Tag("tag")))],
}


if __name__ == "__main__":
    for name, programs in WORKLOADS.items():
        if wanted(name):
            for program, arguments in programs:
                otp.run(program, *arguments)
