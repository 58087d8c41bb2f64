"""The cost of observation for a service: idle, attached, watched, traced.

    python -m benchmarks.attach [--rounds 9] [--seconds 1]

A service in a process of its own answers requests as fast as it can: each is a coroutine of the loop, outside of any
process, that calls a server once. Ten times a second a child of a supervisor crashes and restarts, so that there are
events to show. This program observes it as a platform does, over the same connection with the same requests, and asks
for each next frame at once. Every round measures all cases and the unobserved service in a different order; the output
is the median of the ratios. 1.0 is as fast as without observation. Seconds are those of the service's own processor
time.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import random
import statistics
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import otp
from benchmarks.machine import machine
from otp import Children, GenServer, Ok, Reply, Supervisor, impl
from otp.doors import Visitor
from superlearner.nodes.attaching.line import ServiceLink
from superlearner.nodes.remote import RemoteNode
from superlearner.nodes.remote import protocol as p
from superlearner.operations.rights.users import SCOPES

CASES: Final = ("observable, no client", "attached, no page", "tree watched", "one process of two traced")
CRASH_EVERY_S: Final = 0.1


class Counter(GenServer[int]):
    """The server that requests call; it crashes on request."""

    @impl
    def init(self, arg: Any) -> Ok[int]:
        return Ok(0)

    @impl
    def handle_call(self, request: Any, caller: Any, state: int) -> Reply[int, int]:
        return Reply(state, state + 1)


class Tree(Supervisor):
    """A supervisor of two counters that are called in turn, and one that crashes."""

    @impl
    def init(self, arg: Any) -> Children:
        names = ("first", "second", "unwell")
        return Children([Counter.child_spec(0, id=name, name=name) for name in names], max_restarts=1000, max_seconds=1)


# The service


async def serve() -> None:
    """Execute commands from standard input: `open`, `close`, `measure SECONDS`."""
    logging.disable()
    loop = asyncio.get_running_loop()
    door = None
    async with otp.Node("service@127.0.0.1") as node:
        await node.start(Tree, None, name="tree")
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            command, _, argument = line.strip().partition(" ")
            said: Any = None
            if command == "open":
                door = await otp.observe(node, permissions=("read", "operate")).open()
                said = [door.record.address, door.record.token]
            elif command == "close" and door is not None:
                await door.close()
            elif command == "measure":
                said = await measured(float(argument))
            print(json.dumps(said), flush=True)


async def measured(seconds: float) -> float:
    """Return requests per second of processor time, hardly affected by others."""
    clock = time.process_time
    begun = now = clock()
    crash_at = begun
    count = 0
    while now - begun < seconds:
        for _ in range(50):
            await request("first" if count & 1 else "second")
            count += 1
        now = clock()
        if now >= crash_at:
            otp.exit("unwell", "kill")
            crash_at = now + CRASH_EVERY_S
    return count / (now - begun)


async def request(name: str) -> int:
    """Make one request; the loop turns once, as for any socket request."""
    await asyncio.sleep(0)
    return await GenServer.call(name, "count")


# The observer


class Service:
    """The client side of the service."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def do(self, command: str) -> Any:
        """Send a command and return its answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{command}\n".encode())
        return json.loads(await self.process.stdout.readline())


async def ask(node: RemoteNode, request: Any, expected: Any) -> Any:
    """Return the service's answer; exit on an error."""
    answer = await node.ask(request, expected, 30)
    if not isinstance(answer, expected):
        raise SystemExit(f"the service refuses {request!r}: {answer!r}")
    return answer


async def operation(node: RemoteNode, name: str, **parameters: Any) -> Any:
    """Return an operation's answer."""
    module = "superlearner.operations.builtin.tracing"
    text = json.dumps(parameters).encode()
    request = p.Execute(name, module, text, "owner", list(SCOPES), True, "rest", False)
    return json.loads((await ask(node, request, p.Executed)).data)


@asynccontextmanager
async def watched(node: RemoteNode, topic: str, asked: dict[str, str]) -> AsyncGenerator[None]:
    """Subscribe to a topic as a page does, requesting one frame after the other."""
    number = (await ask(node, p.Attach(topic, asked), p.Attached)).number

    async def read() -> None:
        while True:
            await ask(node, p.Next(number, 5.0), p.Frame)

    reading = asyncio.ensure_future(read())
    try:
        yield
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await ask(node, p.Close(number), p.Done)


@asynccontextmanager
async def traced(node: RemoteNode) -> AsyncGenerator[None]:
    """Trace the messages of one of the two counters and watch the trace."""
    trace = (await operation(node, "trace.start", pid="first", message_limit=1000))["trace_id"]
    try:
        async with watched(node, "traces", {"trace": trace}):
            yield
    finally:
        await operation(node, "trace.end", trace_id=trace)
        await operation(node, "trace.delete", trace_id=trace)


async def case(service: Service, name: str, seconds: float) -> float:
    """Return requests per second of the service's processor time in one case."""
    async with contextlib.AsyncExitStack() as stack:
        address, token = await service.do("open")
        stack.push_async_callback(service.do, "close")
        if name != CASES[0]:
            visitor = await stack.enter_async_context(Visitor(address, token))
            if visitor.facts.backend is None:
                raise SystemExit(f"the service has no backend: {visitor.facts.why}")
            node = RemoteNode(visitor.facts.node, ServiceLink(visitor.facts.backend))
            await node.hello("benchmark", "0", {}, 30)
            if name == CASES[2]:
                await stack.enter_async_context(watched(node, "supervisors", {}))
            elif name == CASES[3]:
                await stack.enter_async_context(traced(node))
        return await service.do(f"measure {seconds}")


async def main(rounds: int, seconds: float) -> None:
    """Measure and print."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.attach", "--serve", cwd=Path(__file__).parents[1],
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    service = Service(process)
    try:
        await case(service, CASES[3], 0.1)  # the first run imports the backend
        ratios: dict[str, list[float]] = {name: [] for name in CASES}
        plain: list[float] = []
        for number in range(rounds):
            order = list(CASES)
            random.Random(number).shuffle(order)
            for name in order:
                before = await service.do(f"measure {seconds}")
                ratios[name].append(await case(service, name, seconds) / before)
                plain.append(before)
    finally:
        process.kill()
        await process.wait()
    print(f"not observable: {statistics.median(plain):,.0f} requests a second of the processor, median of {len(plain)}")
    print("| case | rate relative to not observable | lowest and highest of the rounds |\n| --- | --- | --- |")
    for name, found in ratios.items():
        print(f"| {name} | {statistics.median(found):.2f} | {min(found):.2f} to {max(found):.2f} |")
    about = machine(sys.executable)
    print(f"Python {about['python']}, {about['cores']} cores, load {os.getloadavg()[0]:.1f}, {rounds} rounds")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    asyncio.run(serve() if options.serve else main(options.rounds, options.seconds))
