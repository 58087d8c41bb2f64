"""The floor: the workloads on bare asyncio, without the guarantees of OTP.

Tasks, queues and futures without links, monitors, exits, timeouts or supervision: the least the workloads can cost.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.protocol import CALLERS, PAIRS, RING, Reporter, clock, growth_per_item, operations, wanted

report = Reporter("asyncio")


class Server:
    """A counter behind a queue; a request with a future is a call, otherwise a cast."""

    def __init__(self) -> None:
        self.requests: asyncio.Queue[tuple[str, asyncio.Future[Any] | None]] = asyncio.Queue()
        self.held: list[asyncio.Future[Any]] = []
        self.loop = asyncio.get_running_loop()
        self.task = asyncio.create_task(self.serve())

    async def serve(self) -> None:
        count = 0
        while True:
            request, answer = await self.requests.get()
            if request == "hold" and answer is not None:
                self.held.append(answer)
                continue
            count += 1
            if answer is not None:
                answer.set_result(count)

    def cast(self) -> None:
        self.requests.put_nowait(("increment", None))

    async def call(self, request: str = "increment") -> Any:
        answer = self.loop.create_future()
        self.requests.put_nowait((request, answer))
        return await answer


async def end(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.sleep(0)


async def calls() -> None:
    n, server = operations("call"), Server()
    await server.call()
    begun = clock()
    for _ in range(n):
        await server.call()
    report("call", n, clock() - begun)


async def calls_of_many() -> None:
    each, server = operations("call_queued") // CALLERS or 1, Server()

    async def caller(first: bool) -> None:
        for _ in range(each):
            if first:
                server.cast()
            await server.call()

    begun = clock()
    await asyncio.gather(*(caller(number == 0) for number in range(CALLERS)))
    report("call_queued", each * CALLERS, clock() - begun)


async def casts() -> None:
    n, server = operations("cast"), Server()
    await server.call()
    begun = clock()
    for _ in range(n):
        server.cast()
    await server.call()
    report("cast", n, clock() - begun)


async def ring() -> None:
    n = operations("ring")
    done = asyncio.get_running_loop().create_future()
    queues: list[asyncio.Queue[int]] = [asyncio.Queue() for _ in range(RING)]

    async def member(here: asyncio.Queue[int], following: asyncio.Queue[int]) -> None:
        while True:
            hops = await here.get()
            if hops == 0:
                done.set_result(None)
            else:
                following.put_nowait(hops - 1)

    tasks = [asyncio.create_task(member(queues[i - 1], queues[i])) for i in range(RING)]
    await asyncio.sleep(0)
    begun = clock()
    queues[0].put_nowait(n)
    await done
    report("ring", n, clock() - begun)
    await end(tasks)


async def spawn_and_end() -> None:
    rounds = max(1, operations("spawn") // 1000)

    async def nothing() -> None:
        pass

    begun = clock()
    for _ in range(rounds):
        for _ in range(999):
            asyncio.create_task(nothing())
        await asyncio.create_task(nothing())
    report("spawn", rounds * 1000, clock() - begun)


async def idle() -> None:
    n = operations("idle")
    with growth_per_item(n) as growth:
        begun = clock()
        servers = [Server() for _ in range(n)]
        await asyncio.sleep(0)
        took = clock() - begun
    report("idle_server", n, took, growth())
    report("server_start", n, took)
    await end([server.task for server in servers])
    del servers

    async def waiter() -> None:
        await asyncio.get_running_loop().create_future()

    with growth_per_item(n) as growth:
        begun = clock()
        tasks = [asyncio.create_task(waiter()) for _ in range(n)]
        await asyncio.sleep(0)
        took = clock() - begun
    report("idle_coro", n, took, growth())
    await end(tasks)


async def restarts() -> None:
    n = operations("restart")
    registry: dict[str, asyncio.Task[None]] = {}

    async def child() -> None:
        await asyncio.Queue[int]().get()

    def start(_ended: object = None) -> None:
        task = registry["kid"] = asyncio.create_task(child())
        task.add_done_callback(start)

    start()
    begun = clock()
    for _ in range(n):
        victim = registry["kid"]
        victim.cancel()
        while registry["kid"] is victim:
            await asyncio.sleep(0)
    report("restart", n, clock() - begun)
    registry["kid"].remove_done_callback(start)
    await end([registry["kid"]])


async def monitored_ends() -> None:
    n = operations("monitor")
    ended: asyncio.Queue[object] = asyncio.Queue()
    queues: list[asyncio.Queue[int]] = [asyncio.Queue() for _ in range(n)]
    for queue in queues:
        asyncio.create_task(queue.get()).add_done_callback(ended.put_nowait)
    await asyncio.sleep(0)
    begun = clock()
    for queue in queues:
        queue.put_nowait(1)
    for _ in range(n):
        await ended.get()
    report("monitor", n, clock() - begun)


async def pairs() -> None:
    each = operations("pairs") // PAIRS or 1
    queues: list[asyncio.Queue[asyncio.Queue[int]]] = [asyncio.Queue() for _ in range(PAIRS)]

    async def echo(requests: asyncio.Queue[asyncio.Queue[int]]) -> None:
        while True:
            (await requests.get()).put_nowait(1)

    async def ping(requests: asyncio.Queue[asyncio.Queue[int]]) -> None:
        answers: asyncio.Queue[int] = asyncio.Queue()
        for _ in range(each):
            requests.put_nowait(answers)
            await answers.get()

    tasks = [asyncio.create_task(echo(queue)) for queue in queues]
    await asyncio.sleep(0)
    begun = clock()
    await asyncio.gather(*map(ping, queues))
    report("pairs", each * PAIRS, clock() - begun)
    await end(tasks)


async def pending_calls() -> None:
    n, server = operations("timers"), Server()
    begun = clock()
    tasks = [asyncio.create_task(asyncio.wait_for(server.call("hold"), 5)) for _ in range(n)]
    while len(server.held) < n:
        await asyncio.sleep(0)
    for answer in server.held:
        answer.set_result(1)
    await asyncio.gather(*tasks)
    report("timers", n, clock() - begun)


async def backlog() -> None:
    n = operations("backlog")
    queue: asyncio.Queue[int] = asyncio.Queue()
    begun = clock()
    for i in range(n):
        queue.put_nowait(i)
    for _ in range(n):
        await queue.get()
    report("backlog", n, clock() - begun)


WORKLOADS: dict[str, Callable[[], Awaitable[None]]] = {
    "call": calls,
    "call_queued": calls_of_many,
    "cast": casts,
    "ring": ring,
    "spawn": spawn_and_end,
    "idle": idle,
    "restart": restarts,
    "monitor": monitored_ends,
    "pairs": pairs,
    "timers": pending_calls,
    "backlog": backlog,
}


async def main() -> None:
    for name, program in WORKLOADS.items():
        if wanted(name):
            await program()
            await end([task for task in asyncio.all_tasks() if task is not asyncio.current_task()])


if __name__ == "__main__":
    asyncio.run(main())
